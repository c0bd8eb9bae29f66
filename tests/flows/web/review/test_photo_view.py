"""The shop's photo stands beside the image that keeps its product, with words; and a photo that gave none says why."""

from dataclasses import replace

import pytest

from catalogs.answers.person import ALL_SCOPES, Person
from catalogs.photos.kept_summary import summarize_kept
from catalogs.reviews.review_details import KeptPhoto, ReviewDetails
from catalogs.reviews.review_item import Box, ReviewItem, ReviewKind, ReviewSlot
from catalogs.reviews.score_sentences import ScoreFinding, say_reason
from flows.web.review.group_view import view_tile
from flows.web.review.item_view import view_item
from flows.web.review.photo_view import photo_url, remedies, view_photo, why_no_image
from flows.web.review.review_addresses import ReviewAddresses
from tests.fixtures.kept_products import kept_text

ADDRESSES = ReviewAddresses("/catalogues/shop/review")
ANN = Person("Ann", ALL_SCOPES)
KEPT = kept_text("c" * 64)
ITEM = ReviewItem(
    "aa-ff", ReviewKind.REVIEW, (ReviewSlot(b"1", "MUG-1", "front", "a", 0),), ("mask.disagreement",), b"r",
    image_key=b"i", object="review/x.jpg", width=256, height=256, model="@photo", kept=KEPT,
)  # fmt: skip
REFUSED = replace(
    ITEM, kind=ReviewKind.BLOCKED, reasons=("photo.missing", "photo.unreadable"), image_key=b"", object="", kept=""
)


def details(words: str = "", **changes: object) -> ReviewDetails:
    summary = summarize_kept(KEPT)
    assert summary is not None
    return ReviewDetails(photo=KeptPhoto(summary, words, 1000, 1000), **changes)  # type: ignore[arg-type]


def test_the_photo_has_an_address_of_its_item_and_says_what_was_kept() -> None:
    view = view_photo(ITEM, details(), (0.5, 0.5), ADDRESSES)
    assert view is not None
    assert view.url == "/catalogues/shop/review/items/aa-ff/images/photo"
    assert dict(view.facts)["Cut out by"] == "the network u2netp, version 1"
    assert view.spot == (0.3, 0.35), "where the middle of the image lies in a photo of 1000 x 1000"
    assert not view.is_sensitive


def test_a_photo_that_cannot_be_shown_has_words_in_its_place() -> None:
    view = view_photo(ITEM, details("The photo is a damaged JPEG"), (0.5, 0.5), ADDRESSES)
    assert view is not None
    assert (view.url, view.words) == ("", "The photo is a damaged JPEG")


def test_an_item_without_a_photo_has_none_beside_it() -> None:
    assert view_photo(ITEM, ReviewDetails(), (0.5, 0.5), ADDRESSES) is None
    assert photo_url(replace(ITEM, kept=""), ADDRESSES) == ""


def test_the_photo_of_an_explicit_item_is_blurred_with_it() -> None:
    view = view_photo(replace(ITEM, reasons=("explicit",)), details(), (0.5, 0.5), ADDRESSES)
    assert view is not None
    assert view.is_sensitive


def test_a_reason_is_said_in_words_with_what_to_do() -> None:
    finding = ScoreFinding("mask.disagreement", "", "REVIEW", "mask.agreement", 0.9, {"review_below": 0.96})
    view = view_item(ITEM, details(findings=(finding,)), ANN, ADDRESSES)
    assert view.reasons == ("two cut-outs of the product differ",)
    assert view.remedies == ("Look whether a part of the product is missing.",)
    assert (view.past[0].words, view.past[0].value, view.past[0].limit) == ("mask disagreement", "0.9", "at least 0.96")
    assert dict(view.facts)["Made from"] == "the shop's photo; no model made its pixels"
    assert "Model" not in dict(view.facts)


def test_an_item_that_its_photo_kept_from_being_made_says_why_and_what_to_do() -> None:
    assert why_no_image(REFUSED) == (
        "No image was made, since the shop's photo cannot be used: the row has no photo for this view; the photo's"
        " file is damaged. The next run takes a mended photo by itself."
    )
    assert remedies(REFUSED) == (
        "Name a photo of this view in the row, or leave the view out.", "Export the photo again.",
    )  # fmt: skip
    view = view_item(
        REFUSED, ReviewDetails((ScoreFinding("photo.missing", say_reason("photo.missing")),)), ANN, ADDRESSES
    )
    assert view.notes == ("A gate refused it. Nobody can accept it.",)
    assert (view.may.accept, view.may.retry, view.may.answer) == (False, False, True)
    assert view_tile(REFUSED, ADDRESSES).prompt.startswith("No image was made, since the shop's photo")


def test_a_prompt_and_a_lost_image_say_what_they_said_before() -> None:
    assert why_no_image(replace(ITEM, kind=ReviewKind.PROMPT, object="", kept="")).startswith("No image was generated")
    assert why_no_image(replace(ITEM, object="")).startswith("The image is no longer stored")


@pytest.mark.parametrize("reason", ["core.pixels-differ", "core.mask-differs"])
def test_nobody_is_offered_to_accept_a_product_that_is_not_proven(reason: str) -> None:
    item = replace(ITEM, kind=ReviewKind.BLOCKED, reasons=(reason,))
    view = view_item(item, details(), ANN, ADDRESSES)
    assert not view.may.accept
    assert view.notes == ("A gate refused it. Nobody can accept it.",)


def test_a_spot_that_no_photo_has_is_its_middle() -> None:
    broken = KeptPhoto(replace(details().photo.summary, placement={}), "", 100, 100)  # type: ignore[union-attr]
    found = view_photo(ITEM, ReviewDetails(photo=broken, worst_spot=Box("x", 0, 0, 1, 1)), (0.9, 0.9), ADDRESSES)
    assert found is not None
    assert found.spot == (0.5, 0.5)
