"""Text tables: every value as it was written, whatever separates them; and each row that is none, by its number."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.errors import UnreadableSource
from infra.sources import Source, open_source
from infra.sources.source_options import SourceOptions
from infra.sources.text_tables import rows as text_rows
from infra.sources.text_tables.rows import BLOCK_BYTES


def rows_of(path: Path) -> list[dict[str, str]]:
    return [row for batch in open_source(str(path)).batches() for row in batch.rows.to_pylist()]


def damage_of(source: Source) -> list[tuple[int, str]]:
    return [(row.number, row.reason) for batch in source.batches() for row in batch.damaged]


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
    assert rows_of(path) == [dict(zip(names, row, strict=True)) for row in values if any(map(str.strip, row))]


def test_quoted_tabs_do_not_make_a_table_that_is_separated_by_tabs(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b'"sku","title"\n"\t","\t"\n"\t","\t"\n')
    assert open_source(str(path)).columns == ("sku", "title")


def test_values_of_semicolons_do_not_make_a_table_that_is_separated_by_them(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"sku,title,type,price\n1,,,\n1,,;,;\n1,,,;;\n1,,;;,\n")
    assert open_source(str(path)).columns == ("sku", "title", "type", "price")


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
    monkeypatch.setattr(text_rows, "BLOCK_BYTES", 256)
    lines = [f'{number},"a{"b" * (number % 7)}\n\n""c"",\n"\n' for number in range(200)]
    path = written(tmp_path / "a.csv", ("sku,title\n" + "".join(lines)).encode())
    assert [row["title"] for row in rows_of(path)] == [f'a{"b" * (number % 7)}\n\n"c",\n' for number in range(200)]


def test_a_value_too_long_for_the_parser_is_an_error_with_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"sku,title\n1,Lamp\n2," + b"x" * (3 * BLOCK_BYTES) + b"\n3,Lamp\n")
    with pytest.raises(UnreadableSource, match=r"a.csv': a row behind row 2 opens a quote that nothing closes"):
        rows_of(path)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    source = open_source(str(written(tmp_path / "a.csv", b"sku,title\n")))
    assert source.columns == ("sku", "title")
    assert list(source.batches()) == []


@pytest.mark.parametrize(("row", "values"), [(b"2,Lamp,brass\n", "3 values"), (b"2\n", "1 value")])
def test_a_row_of_another_length_is_damaged_with_its_number_in_the_file(
    row: bytes, values: str, tmp_path: Path
) -> None:
    source = open_source(str(written(tmp_path / "a.csv", b"sku,title\n1,Lamp\n" + row + b"3,Pot\n")))
    (batch,) = source.batches()
    assert (batch.numbers.to_pylist(), batch.rows["sku"].to_pylist()) == ([1, 3], ["1", "3"])
    assert [row.number for row in batch.damaged] == [2]
    assert batch.damaged[0].reason.startswith(f"row 3 of 'a.csv' has {values} and the header has 2; quote values")


def test_damage_is_found_in_every_block_and_no_row_is_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_rows, "BLOCK_BYTES", 64)
    lines = ["x,y,z" if number % 7 == 3 else "," if number % 11 == 5 else f"{number},Lamp" for number in range(1, 400)]
    source = open_source(str(written(tmp_path / "a.csv", ("sku,title\n" + "\n".join(lines)).encode())))
    batches = list(source.batches(["title"]))
    numbers = [number for batch in batches for number in batch.numbers.to_pylist()]
    damaged = [row.number for batch in batches for row in batch.damaged]
    assert damaged == [number for number in range(1, 400) if number % 7 == 3]
    assert numbers == [number for number in range(1, 400) if number % 7 != 3 and number % 11 != 5]
    assert sum(batch.empty for batch in batches) == 399 - len(numbers) - len(damaged)


def test_empty_values_beyond_the_last_column_are_no_values(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"sku,title\n1,Lamp\n2,Pot,,\n3,Cup\n4,,,\n")
    assert rows_of(path) == [
        {"sku": "1", "title": "Lamp"}, {"sku": "2", "title": "Pot"}, {"sku": "3", "title": "Cup"},
        {"sku": "4", "title": ""},
    ]  # fmt: skip


def test_a_value_beyond_the_header_is_damage_where_all_rows_end_in_separators(tmp_path: Path) -> None:
    source = open_source(str(written(tmp_path / "a.csv", b"sku,title\n1,Lamp,\n2,Pot,\n3,Cup, red\n4,Mug\n5,Jug,\n")))
    (batch,) = source.batches(["title"])
    assert batch.rows.to_pylist() == [{"title": "Lamp"}, {"title": "Pot"}, {"title": "Mug"}, {"title": "Jug"}]
    assert [row.number for row in batch.damaged] == [3]
    assert "row 4 of 'a.csv' has 3 values and the header has 2" in batch.damaged[0].reason


def test_a_header_that_ends_in_separators_has_columns_without_a_name(tmp_path: Path) -> None:
    source = open_source(str(written(tmp_path / "a.csv", b'SKU, Title ,,\n00017,"Oak, large",,\n,,,\n\n,,,\n')))
    assert source.columns == ("SKU", "Title", "column 3", "column 4")
    (batch,) = source.batches(["SKU", "Title"])
    assert batch.rows.to_pylist() == [{"SKU": "00017", "Title": "Oak, large"}]
    assert (batch.empty, batch.damaged) == (3, ())


def test_a_row_that_is_filled_only_where_nobody_reads_is_not_empty(tmp_path: Path) -> None:
    source = open_source(str(written(tmp_path / "a.csv", b"sku,title,price\n1,Lamp,2\n,,9\n,,\n")))
    (batch,) = source.batches(["sku", "title"])
    assert (batch.rows["sku"].to_pylist(), batch.numbers.to_pylist(), batch.empty) == (["1", ""], [1, 2], 1)


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt"])
def test_a_separator_is_found_in_files_of_any_name(separator: str, name: str, tmp_path: Path) -> None:
    text = f'sku{separator}title{separator}price\n00123{separator}"Lamp, red; tall | old"{separator}3,50\n'
    if separator == ",":
        text = text.replace("3,50", "3.50")
    (row,) = rows_of(written(tmp_path / name, text.encode()))
    assert (row["sku"], row["title"]) == ("00123", "Lamp, red; tall | old")


def test_what_a_person_says_goes_before_what_the_content_says(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"ours^and,theirs\nsku^title\n1^Gr\x94\xe1e\n")
    options = SourceOptions(separator="^", encoding="cp850", header_row=2)
    source = open_source(str(path), options)
    assert [row for batch in source.batches() for row in batch.rows.to_pylist()] == [{"sku": "1", "title": "Größe"}]
    assert source.notes == ("cp850, separated by '^', header in row 2",)
    assert source.warnings == ()


def test_what_is_found_out_is_said_and_what_is_guessed_is_a_warning(tmp_path: Path) -> None:
    text = "Unsere Produkte;;\n\nsku;title;price\n1;Größe;3,50\n2;Küche;4,00\n"
    source = open_source(str(written(tmp_path / "a.csv", text.encode("cp1252"))))
    assert [row["title"] for batch in source.batches() for row in batch.rows.to_pylist()] == ["Größe", "Küche"]
    assert source.notes == ("windows-1252, separated by semicolons, header in row 3",)
    encoding, header = source.warnings
    assert "a.csv' is no UTF-8; by its letters it is read as windows-1252" in encoding
    assert "row 3 is taken for the header" in header


def test_damaged_letters_reject_their_row_where_the_column_is_read(tmp_path: Path) -> None:
    text = "sku,title,note\n1,Größe,ü\n2,Gr\xff\xfe,ü\n3,Tür,\xff\n4,\xff,1,2\n".encode("latin-1")
    path = written(tmp_path / "a.csv", text.replace(b"\xf6\xdf", "öß".encode()).replace(b"\xfc", "ü".encode()))
    source = open_source(str(path))
    batch, rest = source.batches(["sku", "title"])
    assert (batch.rows["title"].to_pylist(), source.notes[0][:5]) == (["Größe", "Tür"], "UTF-8")
    assert [row.number for row in (*batch.damaged, *rest.damaged)] == [2, 4]
    assert batch.damaged[0].reason == "row 3 of 'a.csv' has a value in 'title' that is no UTF-8 text; export it again"


def test_a_doubled_column_is_an_error_only_where_it_is_read(tmp_path: Path) -> None:
    source = open_source(str(written(tmp_path / "a.csv", b"sku,tags,title,tags,\n1,a,Lamp,b,c\n")))
    assert source.columns == ("sku", "tags", "title", "tags (2)", "column 5")
    (batch,) = source.batches(["title", "tags (2)", "column 5"])
    assert batch.rows.to_pylist() == [{"title": "Lamp", "tags (2)": "b", "column 5": "c"}]
    with pytest.raises(UnreadableSource, match="has 2 columns 'tags', and nothing says which is meant"):
        list(source.batches(["tags"]))
    assert source.notes == ("UTF-8, separated by commas, header in row 1, 1 column without a name, more than one"
                            " column 'tags'",)  # fmt: skip


def test_a_quote_that_nothing_closes_is_named_by_its_row(tmp_path: Path) -> None:
    rows = "".join(f'{number},"Lamp, {number}"\n' for number in range(600))
    path = written(tmp_path / "a.csv", f'sku,title\n{rows}x,"Mug\n7,Cup\n8,Pot\n'.encode())
    with pytest.raises(UnreadableSource, match=r"a.csv': a quote opens in row 602 and nothing closes it"):
        rows_of(path)


@pytest.mark.parametrize(("content", "said"), [
    (b"\n\n\n", "holds no values"),
    (b"a" * 300_000, "has no row that ends within its first 256 kB"),
    (b"\x00\x01\xff\x80" * 500, "holds binary data"),
])  # fmt: skip
def test_what_is_no_table_is_refused_in_a_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match=said):
        rows_of(written(tmp_path / "a.csv", content))


def test_the_files_of_a_folder_may_be_written_in_different_ways(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", "sku;title;note\n1;Größe;x\n".encode("cp1252"))
    written(tmp_path / "b.tsv", "title\tsku\nTür\t2\n".encode("utf-16"))
    source = open_source(str(tmp_path))
    assert [row for batch in source.batches(["sku", "title"]) for row in batch.rows.to_pylist()] == [
        {"sku": "1", "title": "Größe"}, {"sku": "2", "title": "Tür"},
    ]  # fmt: skip
    assert source.notes == (
        "windows-1252, separated by semicolons, header in row 1", "UTF-16-LE, separated by tabs, header in row 1",
    )  # fmt: skip
    assert [row["note"] for batch in source.batches(["note", "sku"]) for row in batch.rows.to_pylist()] == ["x", ""]
    assert "b.tsv' has no column 'note', which other files have: it is empty there" in source.warnings[-1]
