"""CSV as text, whatever stands in it."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.errors import UnreadableSource
from infra.sources import csv_files, open_source
from infra.sources.csv_files import BLOCK_BYTES


def rows_of(path: Path) -> list[dict[str, str]]:
    return [row for batch in open_source(str(path)).batches() for row in batch.rows.to_pylist()]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", '"', '""', "a\nb", "a\r\nb", "a,b", " padded ", "NA", "null", "1e5", "007", "😀", "é", "\ufeff", "'", "\t"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), max_size=6)))
def test_every_value_comes_back_as_it_was_written(tmp_path: Path, values: list[list[str]]) -> None:
    names = [f"column {number}" for number in range(len(values[0]) if values else 2)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *values])
    path = written(tmp_path / "a.csv", text.getvalue().encode())
    assert rows_of(path) == [dict(zip(names, row, strict=True)) for row in values]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"\xef\xbb\xbfsku,title\n1,Lamp\n")
    assert rows_of(path) == [{"sku": "1", "title": "Lamp"}]


def test_empty_values_are_empty_text_quoted_or_not(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b'sku,title,note\n1,,""\n')
    assert rows_of(path) == [{"sku": "1", "title": "", "note": ""}]


def test_numbers_dates_and_nulls_stay_text(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"sku,when,what\n00123,2026-01-02,NaN\n")
    assert rows_of(path) == [{"sku": "00123", "when": "2026-01-02", "what": "NaN"}]


@pytest.mark.parametrize("size", [1 << 20, BLOCK_BYTES + 1])
def test_a_value_of_megabytes_is_read_whole(size: int, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"sku,title\n1," + b"x" * size + b"\n2,Lamp\n")
    assert [len(row["title"]) for row in rows_of(path)] == [size, 4]


def test_line_breaks_inside_values_may_fall_anywhere_in_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 256)
    lines = [f'{number},"a{"b" * (number % 7)}\n\n""c"",\n"\n' for number in range(200)]
    path = written(tmp_path / "a.csv", ("sku,title\n" + "".join(lines)).encode())
    assert [row["title"] for row in rows_of(path)] == [f'a{"b" * (number % 7)}\n\n"c",\n' for number in range(200)]


def test_a_value_too_long_for_the_parser_is_an_error_with_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"sku,title\n1,Lamp\n2," + b"x" * (3 * BLOCK_BYTES) + b"\n3,Lamp\n")
    with pytest.raises(UnreadableSource, match=r"a.csv' cannot be read; quote values"):
        rows_of(path)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    source = open_source(str(written(tmp_path / "a.csv", b"sku,title\n")))
    assert source.columns == ("sku", "title")
    assert list(source.batches()) == []


@pytest.mark.parametrize("row", [b"2,Lamp,brass\n", b"2\n"])
def test_a_row_of_another_length_is_named_by_its_number(row: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"sku,title\n1,Lamp\n" + row)
    with pytest.raises(UnreadableSource, match=r"Row #3: Expected 2 columns"):
        rows_of(path)


def test_text_in_another_encoding_is_refused_by_column(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "sku,title\n1,Größe\n".encode("cp1252"))
    with pytest.raises(UnreadableSource, match=r"save as UTF-8 .*column #1.*invalid UTF8"):
        rows_of(path)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_named(separator: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", f"sku{separator}title\n1{separator}Lamp\n".encode())
    with pytest.raises(UnreadableSource, match=r"are separated by .*; save it with commas"):
        rows_of(path)


def test_a_doubled_column_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"sku,title,sku\n1,Lamp,2\n")
    with pytest.raises(UnreadableSource, match="more than one column 'sku'"):
        rows_of(path)


def test_blank_lines_alone_are_no_table(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="Empty CSV"):
        rows_of(written(tmp_path / "a.csv", b"\n\n\n"))
