"""Answers by SKU: which image is meant must be said, and nothing is written unless everything is good."""

from typing import Any

import pytest

from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import ALL_SCOPES, Person
from catalogs.errors import OptionError
from catalogs.reviews.review_item import ReviewItem, ReviewKind, ReviewSlot
from tasks.answers.answer_log import read_answers
from tasks.reviews.review_service import ReviewService
from tasks.reviews.sku_answers import (
    SkuAnswer,
    SkuChoice,
    answer_items,
    choose_items,
    list_answerable_items,
    list_open_items,
    undo_answers,
)
from tests.fixtures.night_harness import CATALOGUE
from tests.fixtures.waiting_shop import WaitingShop

ANNA = Person("anna", ALL_SCOPES)


def item(name: str, *places: str, kind: ReviewKind = ReviewKind.REVIEW, **other: Any) -> ReviewItem:
    """Return an item that these places (SKU/view) show."""
    slots = tuple(ReviewSlot(b"", *place.split("/"), "a", 0) for place in places)
    return ReviewItem(name, kind, slots, ("blurred",), b"", **other)


WAITING = [
    item("1", "shirt-s/front", "shirt-m/front"),
    item("2", "shirt-s/side"),
    item("3", "bag/front", kind=ReviewKind.BLOCKED),
    item("4", "mug/front", kind=ReviewKind.SAMPLE),
    item("5", "mug/side"),
    item("6", "bowl/front", kind=ReviewKind.SAMPLE),
    item("7", "mug/top", kind=ReviewKind.HELD),
    item("8", "vase/front", kind=ReviewKind.HELD),
]


def chosen(*skus: str, **choice: Any) -> list[str]:
    return [each.id for each in choose_items(WAITING, SkuChoice(skus, **choice))]


def test_an_image_that_several_skus_show_is_meant_once() -> None:
    assert chosen("shirt-m") == ["1"]
    assert chosen("shirt-s", "shirt-m", view="front") == ["1"]


def test_a_sample_of_what_passed_is_meant_where_nothing_of_the_sku_waits() -> None:
    assert chosen("mug") == ["5"]
    assert chosen("mug", view="front") == ["4"]
    assert chosen("bowl") == ["6"]


def test_an_image_of_a_held_batch_is_meant_where_nothing_else_of_the_sku_waits() -> None:
    assert chosen("vase") == ["8"]
    assert chosen("mug", view="top") == ["7"]


@pytest.mark.parametrize(
    ("skus", "choice", "sentence"),
    [
        (("shirt-x", "mug"), {}, r"SKU: no image waits of 'shirt-x' \(did you mean 'shirt-"),
        (("shirt-s",), {}, r"--view: 2 images of 'shirt-s' wait \(front, side\); say which, or --all"),
        (("shirt-m",), {"view": "back"}, "--view: no image of 'shirt-m' waits for its view 'back'; there is front"),
        (("bag",), {}, r"--override: the gates blocked the image of 'bag' \(blurred\)"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_to_say(skus: Any, choice: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        chosen(*skus, **choice)


def test_what_was_said_to_be_meant_is_meant() -> None:
    assert chosen("shirt-s", every=True) == ["1", "2"]
    assert chosen("bag", override=True) == ["3"]


def test_answers_are_written_for_all_or_for_none(shop: WaitingShop) -> None:
    service = ReviewService(shop.store, shop.tables, CATALOGUE)
    items = choose_items(list_answerable_items(shop.store, shop.tables, CATALOGUE), SkuChoice(["bag-0", "bag-1"]))
    with pytest.raises(OptionError, match="--reason: 'ugly' is none of wrong-product"):
        answer_items(service, ANNA, items, SkuAnswer(AnswerKind.REFUSE, "ugly"))
    assert read_answers(shop.store, CATALOGUE) == []
    given = answer_items(service, ANNA, items, SkuAnswer(AnswerKind.REFUSE, "colour", "too pale"))
    answers = [each.answer for each in given]
    assert [(each.reason, each.why, each.image and each.image.pixel_sha) for each in answers] == [
        ("colour", "too pale", shop.target("bag-0").pixel_sha),
        ("colour", "too pale", shop.target("bag-1").pixel_sha),
    ]
    assert [each.item.skus for each in list_open_items(shop.store, shop.tables, CATALOGUE)] == [["bag-2"]]
    assert len(list_answerable_items(shop.store, shop.tables, CATALOGUE)) == 3  # it may be answered otherwise


def test_the_same_answer_again_is_one_answer_and_taken_back_by_one_undo(shop: WaitingShop) -> None:
    place = (shop.store, shop.tables, CATALOGUE)
    items = choose_items(list_answerable_items(*place), SkuChoice(["bag-0"]))

    def accept(why: str = "") -> bool:
        (given,) = answer_items(ReviewService(*place), ANNA, items, SkuAnswer(AnswerKind.ACCEPT, why=why))
        return given.is_new

    assert [accept(), accept(), accept("on purpose"), accept("on purpose"), accept()] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert len(read_answers(shop.store, CATALOGUE)) == 3
    for left in (2, 1, 0):
        undo_answers(shop.store, CATALOGUE, "anna", ())
        assert [each.item.skus[0] for each in list_open_items(*place)].count("bag-0") == (left == 0)


def test_where_people_differ_the_answers_and_the_list_say_so_until_one_ends_it(shop: WaitingShop) -> None:
    place = (shop.store, shop.tables, CATALOGUE)
    items = choose_items(list_answerable_items(*place), SkuChoice(["bag-0"]))
    shop.say(AnswerKind.ACCEPT, "bag-0", "bert")
    differs, ends = SkuAnswer(AnswerKind.REFUSE, "colour"), SkuAnswer(AnswerKind.REFUSE, "colour", resolves=True)
    for answer, people in ((differs, ["bert", "anna"]), (differs, ["bert", "anna"]), (ends, [])):
        (given,) = answer_items(ReviewService(*place), ANNA, items, answer)
        assert [each.who for each in given.conflict] == people
        listed = {each.item.skus[0]: [other.who for other in each.conflict] for each in list_open_items(*place)}
        assert listed.get("bag-0", []) == people
        assert listed["bag-1"] == []
    assert [answer.resolves for answer in read_answers(shop.store, CATALOGUE)] == [False, False, True]


def test_a_reason_that_needs_words_is_refused_without_them() -> None:
    with pytest.raises(OptionError, match="--why: the reason 'other' says nothing by itself"):
        SkuAnswer(AnswerKind.REFUSE, "other", " ").check()
    SkuAnswer(AnswerKind.REFUSE, "other", "a crack").check()


def test_one_takes_back_ones_own_newest_answer_and_then_the_one_before(shop: WaitingShop) -> None:
    for sku in ("bag-0", "bag-1"):
        shop.say(AnswerKind.ACCEPT, sku)
    shop.say(AnswerKind.ACCEPT, "bag-2", "bert")
    for expected in ("bag-1", "bag-0"):
        (taken,) = undo_answers(shop.store, CATALOGUE, "anna", ())
        assert taken.image is not None
        assert taken.image.sku == expected
    with pytest.raises(OptionError, match="anna has given no answer that could be taken back"):
        undo_answers(shop.store, CATALOGUE, "anna", ())
    with pytest.raises(OptionError, match="bert has given no answer about 'bag-0'"):
        undo_answers(shop.store, CATALOGUE, "bert", ["bag-2", "bag-0"])
    open_skus = [each.item.skus[0] for each in list_open_items(shop.store, shop.tables, CATALOGUE)]
    assert sorted(open_skus) == ["bag-0", "bag-1"]
