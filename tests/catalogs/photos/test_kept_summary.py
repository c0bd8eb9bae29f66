"""A row's kept product is said in words; a text that is broken says so, and no page fails of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.photos.kept_summary import summarize_kept
from tests.fixtures.kept_products import GOOD_SCORES, kept_text

PHOTO = "c" * 64


def test_what_was_kept_is_said_with_its_numbers() -> None:
    summary = summarize_kept(kept_text(PHOTO))
    assert summary is not None
    assert (summary.mode, summary.photo, summary.is_readable) == ("white", PHOTO, True)
    assert summary.facts == (
        ("Mode", "white: the shop's product on white"),
        ("Photo", "the first of 3 photos that passes"),
        ("Not taken", "aaaaaaaaaaaa: the product in the photo is blurred"),
        ("Not taken", "bbbbbbbbbbbb: a later one of the row"),
        ("Cut out by", "the network u2netp, version 1"),
        ("Kept", "97.0% of the product is the photo's to the pixel (9,700 pixels); the rest is its soft edge"),
        ("JPEG", "differs from the product by mean 2.1, p99 6, max 20 levels of 255"),
    )
    assert summary.scores == GOOD_SCORES


def test_a_row_that_keeps_nothing_has_no_summary() -> None:
    assert summarize_kept(None) is None
    assert summarize_kept("") is None


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", "1", '"x"', kept_text("../../etc/passwd"), kept_text("C" * 64), kept_text(PHOTO, proof={}),
     kept_text(PHOTO, scores={"mask.area": "much"}), "[" * 100_000],
)  # fmt: skip
def test_a_broken_text_says_so_and_names_no_photo(text: str) -> None:
    summary = summarize_kept(text)
    assert summary is not None
    assert (summary.is_readable, summary.photo) == (False, "")
    assert summary.facts == (("Kept", "what was kept of the photo cannot be read"),)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_value_of_any_field_raises(value: object) -> None:
    for name in ("mode", "choice", "cutter", "scores", "proof", "refused", "jpeg", "photo"):
        try:
            text = kept_text(PHOTO, **{name: value})
        except (ValueError, TypeError):
            continue
        assert summarize_kept(text) is not None


def test_a_place_of_the_image_is_found_in_the_photo() -> None:
    summary = summarize_kept(kept_text(PHOTO))
    assert summary is not None
    assert summary.find_in_photo(128 / 256, 128 / 256) == (300.0, 350.0)
    assert summary.find_in_photo(0, 1) == (100.0, 650.0), "outside the product the nearest place of it"


def test_without_a_placement_no_place_is_found() -> None:
    core = {"sha256": "0" * 64, "pixels": 1, "product_pixels": 0}
    for placement in ({}, None, [], {"source": {}}):
        summary = summarize_kept(kept_text(PHOTO, proof={"placement": placement, "core": core}))
        assert summary is not None
        assert summary.find_in_photo(0.5, 0.5) is None


def test_a_product_on_a_stage_says_on_which_and_one_on_white_says_none() -> None:
    staged, white = summarize_kept(kept_text(PHOTO, mode="backdrop", stage="5e" * 32)), summarize_kept(kept_text(PHOTO))
    assert staged is not None
    assert white is not None
    assert staged.facts[:2] == (
        ("Mode", "backdrop: the shop's product on a photographed scene"),
        ("Stage", "the one of digest 5e5e5e5e5e5e"),
    )
    assert (staged.mode_words, white.mode_words, white.stage) == ("backdrop 5e5e5e5e5e5e", "white", "")
