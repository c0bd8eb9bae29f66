"""What the page of one item says: numbers beside limits, who said what, and what this person may do."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.person import Person, Scope
from catalogs.reviews.review_details import OtherImage, ReviewDetails
from catalogs.reviews.review_item import Box, ReviewItem, ReviewKind, ReviewSlot
from catalogs.reviews.score_sentences import ScoreFinding
from flows.web.review.item_view import DrawnBox, ItemView, view_item
from flows.web.review.review_addresses import ReviewAddresses

WHEN = datetime(2026, 11, 30, 7, 12, tzinfo=UTC)
ADDRESSES = ReviewAddresses("/catalogues/shop/review")
ALL = Person("Ann", frozenset(Scope))
ITEM = ReviewItem(
    "aa-ff", ReviewKind.REVIEW, (ReviewSlot(b"1", "MUG-1", "front", "a", 0),), ("blurred",), b"r", image_key=b"i",
    finish_digest="f", pixel_sha=b"p", object="review/x.jpg", width=200, height=100, category="mugs",
)  # fmt: skip
BLURRED = ScoreFinding(
    "blurred", "5.5, wanted at least 7", "REVIEW", "blur.foreground", 5.5, {"block_below": 4, "review_below": 7}
)  # fmt: skip


def said(who: str, kind: AnswerKind, **other: Any) -> Answer:
    return Answer(kind, who, WHEN, image=ImageTarget(b"r", b"i", "f", b"p"), **other)


def view(details: ReviewDetails | None = None, person: Person = ALL, **item: Any) -> ItemView:
    return view_item(replace(ITEM, **item), details or ReviewDetails((BLURRED,)), person, ADDRESSES)


def test_a_measured_number_stands_beside_its_limits() -> None:
    (measure,) = view().past
    assert (measure.words, measure.value, measure.limit) == ("blurred", "5.5", "at least 7, blocked below 4")
    assert measure.decision == "review"
    assert view().reasons == ("blurred",)


def test_an_explicit_picture_is_blurred_also_beside_one_that_is_not() -> None:
    explicit = OtherImage("view-0", "MUG-1", "side", "a", 0, "review/z.jpg", "review", is_sensitive=True)
    beside, over = view(ReviewDetails(views=(explicit,))), view(ReviewDetails(neighbour=explicit))
    assert ([layer.is_sensitive for layer in beside.beside], beside.is_sensitive, beside.has_sensitive) == (
        [True], False, True,
    )  # fmt: skip
    assert over.is_sensitive, "to flip to it would show it"
    assert not view().has_sensitive
    assert view(reasons=("explicit",)).is_sensitive


def test_what_is_within_its_limits_is_kept_apart() -> None:
    fine = replace(BLURRED, decision="PASS", value=9.0)
    found = view(ReviewDetails((BLURRED, fine)))
    assert [measure.value for measure in found.past] == ["5.5"]
    assert [measure.value for measure in found.within] == ["9"]


def test_boxes_are_drawn_in_the_image_s_own_pixels_and_the_zoom_goes_to_the_middle_of_the_worst_spot() -> None:
    found = view(ReviewDetails(boxes=(Box("text: SALE", 0.1, 0.2, 0.4, 0.5),), worst_spot=Box("", 0.5, 0.0, 1.0, 0.5)))
    assert found.layers[0].boxes == (DrawnBox("text: SALE", 20, 20, 60, 30),)
    assert found.spot == (0.75, 0.25)
    assert view(ReviewDetails()).spot == (0.5, 0.5)


def test_a_box_without_an_extent_can_still_be_seen() -> None:
    found = view(ReviewDetails(boxes=(Box("dot", 0.5, 0.5, 0.5, 0.5),)))
    assert found.layers[0].boxes[0][3:] == (1, 1)


def test_the_image_flips_to_what_it_would_replace_and_to_what_it_resembles() -> None:
    live = OtherImage("live", "MUG-1", "front", "a", 0, "published/x.jpg", "live")
    twin = OtherImage("neighbour", "MUG-2", "front", "a", 0, "published/y.jpg", "live")
    side = OtherImage("view-0", "MUG-1", "side", "b", 1, "published/z.jpg", "review")
    found = view(ReviewDetails(live=live, neighbour=twin, views=(side,)))
    assert [layer.words for layer in found.layers] == ["in question", "live now", "the one that it resembles"]
    assert found.layers[1].url == "/catalogues/shop/review/items/aa-ff/images/live"
    assert [other.words for other in found.beside] == [
        "front: live now", "MUG-2, front: resembles it", "side, variant b, no. 2: review",
    ]  # fmt: skip


def test_a_conflict_says_who_said_what_and_only_who_may_override_ends_it() -> None:
    answers = (
        said("Ann", AnswerKind.ACCEPT),
        said("Ben", AnswerKind.REFUSE, reason="text-or-logo", why="a sticker"),
    )
    found = view(ReviewDetails(conflict=answers))
    assert found.sayings[1:] == (
        "Ann accepted it on 2026-11-30 07:12",
        "Ben refused it on 2026-11-30 07:12, text or logo: a sticker",
    )
    assert found.may.resolve
    assert not view(ReviewDetails(conflict=answers), Person("Cleo", frozenset({Scope.LOOK, Scope.ANSWER}))).may.resolve


def test_an_answer_about_another_finish_is_shown_as_given_before() -> None:
    found = view(ReviewDetails(answered_before=(said("Ann", AnswerKind.ACCEPT),)))
    assert found.sayings == ("Ann accepted it on 2026-11-30 07:12, before, in another finish",)


@pytest.mark.parametrize(
    ("kind", "scopes", "item", "may"),
    [
        (ReviewKind.REVIEW, {Scope.LOOK}, {}, (False, False)),
        (ReviewKind.REVIEW, {Scope.ANSWER}, {}, (True, True)),
        (ReviewKind.REVIEW, {Scope.ANSWER}, {"object": ""}, (True, False)),  # nobody can accept what nobody can see
        (ReviewKind.PROMPT, {Scope.ANSWER}, {"object": ""}, (True, True)),
        (ReviewKind.BLOCKED, {Scope.ANSWER}, {}, (True, False)),
        (ReviewKind.BLOCKED, {Scope.ANSWER, Scope.OVERRIDE}, {}, (True, True)),
    ],
)
def test_only_what_a_person_may_do_is_offered(
    kind: ReviewKind, scopes: set[Scope], item: dict[str, Any], may: tuple[bool, bool]
) -> None:
    found = view(person=Person("Ann", frozenset(scopes)), kind=kind, **item).may
    assert (found.answer, found.accept) == may


def test_a_blocked_item_says_whose_verdict_is_overridden() -> None:
    assert view(kind=ReviewKind.BLOCKED).accept_words == "Accept, against the gates"
    assert "Your key may not" in view(kind=ReviewKind.BLOCKED, person=Person("B", frozenset({Scope.ANSWER}))).notes[0]


def test_an_image_of_many_slots_names_twenty_and_counts_the_rest() -> None:
    slots = tuple(ReviewSlot(bytes([n]), f"SHIRT-{n}", "front", "a", 0) for n in range(25))
    facts = dict(view(slots=slots).facts)
    assert facts["Shown in 25 places"].endswith("SHIRT-19 front and 5 more")


def test_what_waits_without_an_image_says_why() -> None:
    assert "prompt itself waits" in view(kind=ReviewKind.PROMPT, object="").why_no_image
    assert "no longer stored" in view(object="").why_no_image


def test_a_sku_of_ten_thousand_characters_is_cut_for_the_page() -> None:
    assert len(view(slots=(ReviewSlot(b"1", "S" * 10_000, "front", "a", 0),)).name) <= 201
