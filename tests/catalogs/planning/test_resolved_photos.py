"""Resolved photos: each reference is asked for once, and each view of a row finds the photos that are meant for it."""

from itertools import chain
from typing import ClassVar

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.ingest.photo_fields import LIST_BREAK
from catalogs.planning.resolved_photos import (
    MAX_PHOTOS_A_CELL,
    UnreadPhotos,
    refusals,
    resolve_cells,
    share_candidates,
    usable_photos,
)
from infra.testing.memory_photos import MemoryPhotos

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
KNOWN = {"a.jpg": ONE, "b.jpg": TWO, "c d.jpg": THREE, "bad.jpg": "!photo.unreadable"}

tokens = st.sampled_from([ONE, TWO, THREE, "!photo.unreadable", "!photo.unreachable"])
cells = st.lists(tokens, max_size=6)


def resolved(*texts: str, separator: str | None = None) -> tuple[list[str], MemoryPhotos, list[int]]:
    photos = MemoryPhotos(KNOWN)
    found, surplus = resolve_cells(pa.chunked_array([list(texts)], pa.string()), photos, separator)
    return found, photos, surplus


def test_a_cell_is_one_reference_with_its_spaces_and_commas_unless_the_recipe_says_otherwise() -> None:
    found, photos, _ = resolved("c d.jpg", "", "a.jpg, b.jpg", "a.jpg")
    assert found == [THREE, "", "!photo.missing", ONE]
    assert photos.asked == [["c d.jpg", "", "a.jpg, b.jpg", "a.jpg"]]


def test_a_separator_and_the_entries_of_a_list_name_several_and_what_is_empty_between_them_names_none() -> None:
    texts = ("a.jpg;b.jpg", " ; a.jpg ;; ", f"b.jpg{LIST_BREAK}{LIST_BREAK}c d.jpg", "", "bad.jpg;a.jpg")
    found, photos, _ = resolved(*texts, separator=";")
    assert found == [f"{ONE} {TWO}", ONE, f"{TWO} {THREE}", "", f"!photo.unreadable {ONE}"]
    assert photos.asked == [["a.jpg", "b.jpg", "c d.jpg", "bad.jpg"]]


def test_no_reference_is_asked_for_twice_however_many_rows_name_it() -> None:
    found, photos, _ = resolved(*["a.jpg"] * 500, *["b.jpg"] * 500)
    assert found == [ONE] * 500 + [TWO] * 500
    assert photos.asked == [["a.jpg", "b.jpg"]]


def test_a_cell_of_a_thousand_references_asks_for_the_first_twenty() -> None:
    found, photos, surplus = resolved(";".join(f"{number}.jpg" for number in range(1000)), "a.jpg", separator=";")
    assert (len(found[0].split()), found[1], surplus) == (MAX_PHOTOS_A_CELL, ONE, [0])
    assert len(photos.asked[0]) == MAX_PHOTOS_A_CELL + 1


def test_a_resolver_that_answers_too_little_is_found_out_before_photos_are_exchanged() -> None:
    class Short:
        cutters: ClassVar = {"plain-ground": "1"}

        def resolve(self, cells: pa.Array) -> pa.Array:
            return cells.slice(1)

    with pytest.raises(ValueError, match="2 photo references were resolved to 1 tokens"):
        resolve_cells(pa.chunked_array([["a.jpg", "b.jpg"]]), Short(), None)


def test_without_a_resolver_every_photo_counts_as_not_read() -> None:
    assert UnreadPhotos().resolve(pa.array(["a.jpg", ""])).to_pylist() == ["!photo.not-read", ""]


@pytest.mark.parametrize(
    ("shared", "own", "expected"),
    [
        (f"{ONE} {TWO} {THREE}", [""], [f"{ONE} {TWO} {THREE}"]),
        (f"{ONE} {TWO} {THREE}", ["", ""], [f"{ONE} {THREE}", TWO]),
        (f"{ONE}", ["", ""], [ONE, "!photo.missing"]),
        (f"{ONE} {TWO}", ["", THREE], [ONE, THREE]),
        (f"{ONE} {TWO} {THREE}", [THREE, ""], [THREE, TWO]),
        ("", ["", THREE], ["!photo.missing", THREE]),
        ("!photo.unreadable", [""], ["!photo.unreadable"]),
    ],
)
def test_a_view_takes_its_own_photo_else_the_one_at_its_place(shared: str, own: list[str], expected: list[str]) -> None:
    assert share_candidates(shared, own) == expected


@given(cells, st.lists(cells, min_size=1, max_size=4))
def test_every_view_has_a_token_and_no_photo_of_the_row_is_lost_or_invented(
    shared: list[str], own: list[list[str]]
) -> None:
    texts = [" ".join(view) for view in own]
    found = share_candidates(" ".join(shared), texts)
    assert len(found) == len(own)
    for view, text in zip(texts, found, strict=True):
        assert text == view if view else text
        assert text
    if not any(texts):
        taken = [token for text in found for token in text.split() if token[0] != "!" or token in shared]
        assert sorted(taken) == sorted(shared)
    assert {token for text in found for token in text.split()} <= {*shared, *chain.from_iterable(own), "!photo.missing"}


@given(cells)
def test_a_token_is_a_photo_or_a_reason_and_each_counts_once(found: list[str]) -> None:
    text = " ".join(found)
    photos, reasons = usable_photos(text), refusals(text)
    assert [*photos] == list(dict.fromkeys(token for token in found if len(token) == 64))
    assert {f"!{reason}" for reason in reasons} | {*photos} == set(found)
