"""What a shop sells is learned from different titles, kept by number, and changed by a person for good."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalogs.errors import OptionError
from catalogs.policy.brands.shop_brands import MIN_TITLES, ShopBrands, SoldBrandCounter, changed_by_person

KNOWN = frozenset({"Nike", "Adidas", "Disney"})
FACT = ShopBrands(
    2, {"Nike": "learned"}, frozenset({"Disney"}), "ada", datetime(2026, 3, 1, tzinfo=UTC), "licence", "r1"
)


def test_a_fact_survives_its_document() -> None:
    assert ShopBrands.from_document(FACT.document()) == FACT
    assert ShopBrands.from_document(ShopBrands(0).document()) == ShopBrands(0)


def test_only_what_is_sold_moves_the_digest() -> None:
    assert FACT.digest == ShopBrands(9, {"Nike": "person"}).digest
    assert FACT.digest != ShopBrands(2, {"Nike": "learned", "Adidas": "learned"}).digest


def test_a_brand_is_sold_once_enough_different_titles_name_it() -> None:
    counter = SoldBrandCounter()
    for number in range(MIN_TITLES - 1):
        counter.add(f"shoe {number}", {"Nike"})
    for _ in range(100):
        counter.add("one shirt in a hundred sizes", {"Disney"})
    assert counter.sold == []
    counter.add("another shoe", {"Nike", "Adidas"})
    assert counter.sold == ["Nike"]


def test_learning_adds_and_never_brings_back_what_a_person_removed() -> None:
    assert FACT.with_learned(["Adidas", "Disney", "Nike"]) == {"Nike": "learned", "Adidas": "learned"}
    assert FACT.with_learned([]) == FACT.sold


def test_a_person_adds_and_removes_by_any_spelling_and_the_last_word_counts() -> None:
    sold, refused = changed_by_person(FACT, ["adidas "], ["NIKE"], KNOWN)
    assert (sold, refused) == ({"Adidas": "person"}, {"Disney", "Nike"})
    sold, refused = changed_by_person(FACT, ["Disney"], [], KNOWN)
    assert (sold, refused) == ({"Nike": "learned", "Disney": "person"}, frozenset())


def test_a_brand_that_the_policy_does_not_know_is_refused_with_what_to_do() -> None:
    with pytest.raises(OptionError, match=r"'Acme' is no brand of the policy in force.*packshot brands list.*names"):
        changed_by_person(FACT, ["Acme"], [], KNOWN)


def test_a_fact_is_newer_than_the_runs_before_it_and_than_the_one_that_learned_it() -> None:
    first = ShopBrands(1, at=datetime(2026, 3, 1, 9, 30, 15, 900, tzinfo=UTC))
    later = ShopBrands(2, at=first.at, run_id="20260301T093059-0000")
    assert first.is_newer_than_run("20260301T093014-ffff")
    assert not first.is_newer_than_run("20260301T093015-0000")  # it was learned at the start of this run
    assert not later.is_newer_than_run("20260301T093015-0000")
    assert replace(later, person="ada").is_newer_than_run("20260301T093015-0000")
    assert later.is_newer_than_run("20260301T093059-0000")
    assert not later.is_newer_than_run("20260301T093059-1111")
    assert later.is_newer_than_run(None)
    assert not ShopBrands(0).is_newer_than_run(None)
