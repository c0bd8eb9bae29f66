"""An item is named by what it shows, and an answer is bound to that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.reviews.review_item import Box, ReviewItem, ReviewKind, ReviewSlot, is_item_id, item_id

SLOTS = (ReviewSlot(b"s", "shirt", "front", "a", 0), ReviewSlot(b"t", "shirt", "back", "a", 0))
IMAGE = ReviewItem(
    "i", ReviewKind.BLOCKED, SLOTS, ("nudity.genitals",), b"r", image_key=b"k", finish_digest="f", pixel_sha=b"p"
)


def test_the_name_is_of_image_and_finish_or_of_a_prompt() -> None:
    assert item_id(b"r" * 32, b"k" * 32, "ab" * 32) == f"{(b'k' * 32).hex()}-abababababab"
    assert item_id(b"r" * 32, None, "ab" * 32) == (b"r" * 32).hex()
    assert is_item_id(item_id(b"r" * 32, b"k" * 32, "ab" * 32))
    assert is_item_id(item_id(b"r" * 32, None, None))


@pytest.mark.parametrize("text", ["", "../x", "a" * 64 + "-", "A" * 64, "a" * 64 + "-" + "b" * 13, "a" * 63 + "/"])
def test_other_texts_are_no_names(text: str) -> None:
    assert not is_item_id(text)


@given(st.text())
def test_no_name_leads_out_of_a_folder(text: str) -> None:
    assert not is_item_id(text) or set(text) <= set("0123456789abcdef-")


def test_an_answer_is_bound_to_image_finish_and_pixels_and_says_what_the_gates_said() -> None:
    target = IMAGE.target
    assert target.key == (b"k", "f", b"p")
    assert (target.state, target.sku, target.view, IMAGE.skus) == ("blocked", "shirt", "front", ["shirt"])
    prompt = ReviewItem("i", ReviewKind.PROMPT, SLOTS, ("words.arms",), b"r", finish_digest="f", pixel_sha=b"p").target
    assert (prompt.key, prompt.is_prompt, prompt.state) == ((b"r", "", b""), True, "review")
    assert (prompt.finish_digest, prompt.pixel_sha) == ("", b""), "there is no image that had them"


def test_what_may_be_explicit_is_shown_blurred_first() -> None:
    assert IMAGE.is_sensitive
    assert not ReviewItem("i", ReviewKind.REVIEW, SLOTS, ("blurred",), b"r").is_sensitive


def test_a_box_outside_the_image_is_none() -> None:
    assert Box("text", 0.1, 0.1, 0.2, 0.2).is_inside
    assert not any(Box("text", *sides).is_inside for sides in ((0.2, 0, 0.1, 1), (-1, 0, 1, 1), (0, 0, 1, 1.1)))
