"""A batch's cells and joined fields, also of columns that it does not have."""

import pyarrow as pa
import pytest

from catalogs.ingest.rows import BatchRows

ROWS = BatchRows(pa.table({"sku": ["A", "B"], "title": ["Mug", "Lamp"], "color": ["", "red"]}))


def test_a_column_that_is_not_there_is_empty() -> None:
    assert ROWS.column("title") == ["Mug", "Lamp"]
    assert ROWS.column("material") == ["", ""]
    assert ROWS.column("title") is ROWS.column("title")


@pytest.mark.parametrize(
    ("fields", "joined"),
    [
        (("color", "title"), [b"\x1fMug", b"red\x1fLamp"]),
        (("color", "material", "title"), [b"\x1f\x1fMug", b"red\x1f\x1fLamp"]),
        (("title",), [b"Mug", b"Lamp"]),
        (("brand", "material"), [b"\x1f", b"\x1f"]),
        ((), [b"", b""]),
    ],
)
def test_fields_are_joined_in_their_places(fields: tuple[str, ...], joined: list[bytes]) -> None:
    assert ROWS.joined_bytes(fields) == joined


def test_a_missing_column_and_an_empty_one_hold_the_same() -> None:
    fields = ("brand", "color", "material", "title")
    empty = BatchRows(ROWS.table.append_column("brand", pa.array(["", ""])))
    assert empty.joined_bytes(fields) == ROWS.joined_bytes(fields)


def test_a_batch_of_no_rows_has_none() -> None:
    assert BatchRows(ROWS.table.slice(0, 0)).joined_bytes(("color", "title")) == []
    assert BatchRows(ROWS.table.slice(0, 0)).joined_bytes(("brand",)) == []
