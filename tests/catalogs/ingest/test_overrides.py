"""Row overrides: valid ones are followed, invalid ones are rejected with their value."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.ingest.overrides import check_overrides, parse_time, parse_whole_number, split_views
from tests.fixtures.sample_recipe import RECIPE

SIZE = "is no multiple of 16 from 64 to 4096 pixels"


def faults(column: str, *cells: str) -> list[tuple[int, str, str]]:
    return list(check_overrides(pa.table({"row": list(range(len(cells))), column: list(cells)}), RECIPE))


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
        ("width", "nan", f"the size 'nan' {SIZE}"),
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
        ("reference_image", "s3://x/y.png", "reference images are not supported; leave the cell empty"),
    ],
)
def test_an_invalid_override_is_rejected_with_its_value(column: str, cell: str, reason: str) -> None:
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


def test_times_without_a_zone_are_utc() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert parse_time("2026-11-22T12:00:00") == parse_time("2026-11-22T13:00:00+01:00") == noon
    assert parse_time("2026-11-22T13:00:00+01:00").utcoffset() == noon.utcoffset()  # type: ignore[union-attr]
    assert parse_time("noon") is None
