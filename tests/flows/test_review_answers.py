"""Review answers: everything is checked first, and each answer comes back with every SKU that it covers."""

from pathlib import Path

import pytest

from catalogs.answers.answer import AnswerKind
from catalogs.errors import OptionError
from flows.review_answers import describe_given, describe_item, give_answers, person_named, take_back
from tasks.answers.answer_log import read_answers
from tasks.reviews.sku_answers import SkuAnswer, SkuChoice, list_open_items
from tests.fixtures.crash_harness import catalogue_row
from tests.fixtures.night_harness import CATALOGUE, SETTINGS
from tests.fixtures.waiting_shop import WaitingShop

pytestmark = pytest.mark.usefixtures("reduced_audit")


def test_an_answer_comes_back_with_every_sku_that_shows_the_image(tmp_path: Path) -> None:
    shop = WaitingShop(tmp_path, 1, catalogue_row("same", "Evening Bag 0", note="[blurred]"))
    shop.night()
    place = (shop.store, shop.tables, CATALOGUE)
    (waiting,) = list_open_items(*place)
    described = describe_item(waiting, "s3://bucket/shop/")
    assert [slot["sku"] for slot in described["slots"]] == ["bag-0", "same"]
    assert described["picture"].startswith("s3://bucket/shop/review/")
    assert described["conflict"] == []
    accepted = SkuAnswer(AnswerKind.ACCEPT, why="fine")
    (given,) = give_answers(*place, "anna", SkuChoice(["same"]), accepted, SETTINGS)
    document = describe_given(given)
    assert {slot["sku"] for slot in document["slots"]} == {"bag-0", "same"}
    assert (document["who"], document["why"], document["token"]) == ("anna", "fine", given.answer.token)
    assert shop.apply().answers["accepted"] == 2
    assert shop.live() == ["bag-0", "same"]


def test_nothing_is_written_where_one_sku_is_wrong(tmp_path: Path) -> None:
    shop = WaitingShop(tmp_path, 1)
    shop.night()
    place = (shop.store, shop.tables, CATALOGUE)
    with pytest.raises(OptionError, match="no image waits of 'bag-9'"):
        give_answers(*place, "anna", SkuChoice(["bag-0", "bag-9"]), SkuAnswer(AnswerKind.ACCEPT), SETTINGS)
    assert read_answers(shop.store, CATALOGUE) == []
    with pytest.raises(OptionError, match="anna has given no answer"):
        take_back(*place, "anna", [], SETTINGS)


def test_who_answers_has_a_name() -> None:
    assert person_named("ada@example.com") == "ada@example.com"
    assert person_named(None)
    with pytest.raises(OptionError, match="no name of a person"):
        person_named(" \x1b[2J")
