"""Row overrides: valid ones are followed, invalid ones are rejected with their value."""

from collections.abc import Collection

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.ingest.overrides import apply_overrides, parse_whole_number, split_views
from catalogs.ingest.row_warnings import RowWarnings
from tests.fixtures.sample_recipe import RECIPE, recipe_with

SIZE = "is no multiple of 16 from 64 to 4096 pixels"


OVERRIDES = ("seed", "width", "height", "quality", "model", "priority", "views", "num_images", "created_at", "deadline")
STRICT = recipe_with({"required": ["sku", "title", *OVERRIDES]})


def faults(column: str, *cells: str) -> list[tuple[int, str, str]]:
    """Return what is rejected where the recipe requires every override."""
    return [tuple(one) for one in apply_overrides(cells_of(column, *cells), STRICT, RowWarnings())[1]]  # type: ignore[misc]


def cells_of(column: str, *cells: str) -> pa.Table:
    return pa.table({"row": list(range(1, len(cells) + 1)), column: list(cells)})


def left_out(table: pa.Table, repurposed: Collection[str] = ()) -> tuple[dict[str, list[str]], list[str]]:
    """Return the cells that are kept where no override is required, and the warnings."""
    warnings = RowWarnings()
    kept, rejects = apply_overrides(table, RECIPE, warnings, repurposed)
    assert rejects == []
    return kept.drop_columns(["row"]).to_pydict(), warnings.sentences()


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("width", ""), ("width", "64"), ("height", "4096"), ("width", "1024.0"), ("width", "1.024e3"),
        ("seed", "0"), ("seed", str(2**52 - 1)), ("seed", "4.2e1"), ("quality", "high"), ("model", "other"),
        ("priority", "high"), ("priority", "LOW"), ("views", "side"), ("views", "front;side"),
        ("views", "[side | front]"), ("num_images", "1"), ("num_images", "16"), ("created_at", "2026-11-22"),
        ("deadline", "2026-11-22T06:30:00Z"),
        ("deadline", "2026-11-22 06:30:00.123456789+01:00"), ("reference_image", ""), ("title", "anything at all"),
    ],
)  # fmt: skip
def test_what_can_be_followed_passes(column: str, cell: str) -> None:
    assert faults(column, cell) == []


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("width", "1000", f"the size '1000' {SIZE}"),
        ("height", "1003", f"the size '1003' {SIZE}"),
        ("width", "0", f"the size '0' {SIZE}"),
        ("width", "-16", f"the size '-16' {SIZE}"),
        ("width", "1e9", f"the size '1e9' {SIZE}"),
        ("height", "abc", f"the size 'abc' {SIZE}"),
        ("width", "512.5", f"the size '512.5' {SIZE}"),
        ("width", "inf", f"the size 'inf' {SIZE}"),
        ("width", "9" * 5000, f"the size '{'9' * 40}' {SIZE}"),
        ("seed", "-1", "the seed '-1' is no whole number from 0 to 2^52"),
        ("seed", str(2**52), f"the seed '{2**52}' is no whole number from 0 to 2^52"),
        ("seed", "1.5", "the seed '1.5' is no whole number from 0 to 2^52"),
        ("seed", "lucky", "the seed 'lucky' is no whole number from 0 to 2^52"),
        ("quality", "best", "'best' is none of standard, high"),
        ("model", "/etc/passwd", "'/etc/passwd' is none of stub, other"),
        ("priority", "soon", "'soon' is none of high, normal, low"),
        ("views", "front,top", "'top' is no view of the recipe: front, side"),
        ("views", ";,|", "';,|' is no view of the recipe: front, side"),
        ("num_images", "0", "the number of images '0' is not from 1 to 16"),
        ("num_images", "17", "the number of images '17' is not from 1 to 16"),
        ("num_images", "many", "the number of images 'many' is not from 1 to 16"),
        ("created_at", "yesterday", "'yesterday' is no time; write it as 2026-11-22T06:30:00Z"),
        ("created_at", "2026-02-30", "'2026-02-30' is no time; write it as 2026-11-22T06:30:00Z"),
        ("deadline", "0001-01-01T00:00:00+14:00", "'0001-01-01T00:00:00+14:00' is no time; write it as"),
        ("deadline", "9999-12-31T23:59:59-14:00", "'9999-12-31T23:59:59-14:00' is no time; write it as"),
    ],
)
def test_an_invalid_override_that_is_required_is_rejected_with_its_value(column: str, cell: str, reason: str) -> None:
    [(position, name, message)] = faults(column, cell)
    assert (position, name) == (0, column)
    assert message.startswith(reason)
    assert len(message) < 200


def test_every_row_with_the_same_wrong_value_is_named() -> None:
    assert [position for position, _, _ in faults("width", "7", "", "512", "7", "x")] == [0, 3, 4]


@given(cell=st.text(max_size=40))
def test_no_cell_ends_the_run(cell: str) -> None:
    for column in ("seed", "width", "num_images", "views", "created_at", "priority", "quality", "model"):
        assert len(faults(column, cell)) <= 1


@pytest.mark.parametrize(
    ("text", "number"),
    [("", None), ("3", 3), ("3.0", 3), ("3.5", None), ("-7", -7), ("1e3", 1000), ("1e300", None), ("x", None)],
)
def test_whole_numbers(text: str, number: int | None) -> None:
    assert parse_whole_number(text) == number


def test_views_are_each_named_once_in_order() -> None:
    assert split_views("side; front,side | front") == ("side", "front")
    assert split_views("[]") == ()


@pytest.mark.parametrize(
    ("column", "cell", "warning"),
    [
        ("quality", "A", "quality is no tier of the recipe"),
        ("views", "1204", "views is no view of the recipe"),
        ("seed", "1,234", "seed is no whole number from 0 to 2^52"),
        ("model", "sdxl", "model is no model of the recipe"),
        ("priority", "urgent", "priority is none of high, normal, low"),
        ("num_images", "40", "num_images is no number of images from 1 to 16"),
        ("created_at", "03/04/2026", "created_at is no time that can mean one thing only"),
        ("deadline", "soon", "deadline is no time that can mean one thing only"),
        ("width", "51", "width is no size in pixels (a multiple of 16 from 64 to 4096)"),
    ],
)
def test_what_an_override_cannot_mean_is_left_out_and_the_row_stays(column: str, cell: str, warning: str) -> None:
    kept, [sentence] = left_out(cells_of(column, "", cell, cell))
    assert kept == {column: ["", "", ""]}
    assert sentence == (
        f"2 × {warning} and was left out; where the source's column means something else, map {column} to another one"
        f" or not at all: {cell!r} in row 2"
    )


def test_a_required_override_keeps_its_row_out() -> None:
    table = cells_of("quality", "high", "best")
    kept, [reject] = apply_overrides(table, recipe_with({"required": ["sku", "title", "quality"]}), RowWarnings())
    assert (reject.position, reject.reason) == (1, "'best' is none of standard, high")
    assert kept.equals(table)


def test_a_row_whose_one_side_is_no_size_loses_both() -> None:
    # A cupboard of 128 x 51 cm is no picture of 128 pixels.
    table = pa.table({"row": [1, 2, 3], "width": ["128", "512", "51"], "height": ["51", "640", ""]})
    kept, sentences = left_out(table, {"width", "height"})
    assert kept == {"width": ["", "512", ""], "height": ["", "640", ""]}
    assert [sentence.split(" is ")[0] for sentence in sentences] == ["1 × height", "1 × width"]


@pytest.mark.parametrize("word", ["NaN", "null", "N/A", "#REF!", "-"])
def test_a_word_for_no_value_leaves_an_override_out_without_a_warning(word: str) -> None:
    table = pa.table({"row": [1], "width": [word], "height": ["512"]})
    assert left_out(table) == ({"width": [""], "height": ["512"]}, [])


def test_no_more_than_three_values_are_shown_each_once() -> None:
    cells = [f"bad {number % 5}" for number in range(20)]
    _, [sentence] = left_out(cells_of("seed", *cells))
    assert sentence.startswith("20 × seed is no whole number")
    assert sentence.endswith(": 'bad 0' in row 1, 'bad 1' in row 2, 'bad 2' in row 3")


@pytest.mark.parametrize(("column", "cell"), [("width", "1000"), ("height", "100000"), ("views", "front;back")])
def test_a_picture_that_cannot_be_made_keeps_its_row_out_where_the_column_is_the_pictures(
    column: str, cell: str
) -> None:
    _, [reject] = apply_overrides(cells_of(column, cell), RECIPE, RowWarnings())
    assert (reject.position, reject.column) == (0, column)
    assert left_out(cells_of(column, cell), {column})[0] == {column: [""]}
