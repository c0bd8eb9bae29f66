"""JSON lines: fields that come and go, text that stays text."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.errors import UnreadableSource
from infra.sources import jsonl_files, open_source


def rows_of(path: Path, columns: Sequence[str] | None = None) -> list[dict[str, object]]:
    return [row for batch in open_source(str(path)).batches(columns) for row in batch.rows.to_pylist()]


def written(path: Path, *lines: object) -> Path:
    path.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
    return path


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({"sku": TEXT, "title": TEXT | st.none()}), min_size=1, max_size=5), st.booleans())
def test_every_text_comes_back_as_it_was_written(
    tmp_path: Path, values: list[dict[str, str | None]], escaped: bool
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes("\n".join(json.dumps(value, ensure_ascii=escaped) for value in values).encode())
    assert rows_of(path) == values


def test_a_field_that_appears_late_is_a_column_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl_files, "CHUNK_BYTES", 8)  # a line a chunk
    path = written(tmp_path / "a.jsonl", {"sku": "1"}, {"sku": "2"}, {"sku": "3", "views": ["front", "side"]})
    source = open_source(str(path))
    assert (source.columns, source.row_count()) == (("sku", "views"), 3)
    assert rows_of(path) == [
        {"sku": "1", "views": None},
        {"sku": "2", "views": None},
        {"sku": "3", "views": ["front", "side"]},
    ]


def test_text_that_looks_like_a_date_stays_text(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"sku": "2026-01-02", "tags": ["2026-01-02"], "more": {"day": "2026-01-02"}})
    assert rows_of(path, ["sku", "tags", "more.day"]) == [
        {"sku": "2026-01-02", "tags": ["2026-01-02"], "more.day": "2026-01-02"}
    ]


def test_whole_and_broken_numbers_share_a_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl_files, "CHUNK_BYTES", 8)
    path = written(tmp_path / "a.jsonl", {"price": 1}, {"price": 2.5}, {"price": None})
    (schema,) = {batch.rows.schema for batch in open_source(str(path)).batches()}
    assert schema.field("price").type == pa.float64()


@pytest.mark.parametrize("chunk_bytes", [8, 1 << 20])
def test_a_field_of_several_kinds_is_text_and_others_stay_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(jsonl_files, "CHUNK_BYTES", chunk_bytes)
    rows = [{"sku": 1, "size": 36, "on": True}, {"sku": "B2", "size": 36.5}, {"sku": 3.0, "size": None, "on": False}]
    path = written(tmp_path / "a.jsonl", *rows)
    assert rows_of(path) == [
        {"sku": "1", "size": 36.0, "on": True},
        {"sku": "B2", "size": 36.5, "on": None},
        {"sku": "3", "size": None, "on": False},
    ]


def test_a_field_of_objects_and_texts_breaks_only_who_reads_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"sku": "1", "meta": "x"}, {"sku": "2", "meta": {"value": 7}})
    assert rows_of(path, ["sku", "meta.value"]) == [{"sku": "1", "meta.value": None}, {"sku": "2", "meta.value": 7}]
    with pytest.raises(UnreadableSource, match=r"'meta' of .*a\.jsonl' holds objects, .* such as 'meta\.value'"):
        rows_of(path, ["meta"])


def test_a_broken_line_is_named_by_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.jsonl", {"sku": "1"}, {"sku": "2"}, b'{"sku": "3"\n')
    with pytest.raises(UnreadableSource, match=r"a.jsonl' cannot be read as JSON; .*in row 3"):
        rows_of(path)
    monkeypatch.setattr(jsonl_files, "CHUNK_BYTES", 8)
    with pytest.raises(UnreadableSource, match="in row 3"):
        rows_of(path)


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"sku": "1"}\n\n', {"sku": "2"})
    assert rows_of(path) == [{"sku": "1"}, {"sku": "2"}]


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"sku": "Größe"}'.encode("cp1252"))
    with pytest.raises(UnreadableSource, match="is not UTF-8 text"):
        rows_of(path)


def test_a_file_without_objects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="holds no JSON objects"):
        rows_of(written(tmp_path / "a.jsonl", b"\n\n"))


def test_a_megabyte_on_one_line_is_read_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"sku": "1", "title": "x" * (1 << 20)}, {"sku": "2", "title": ""})
    assert [len(str(row["title"])) for row in rows_of(path)] == [1 << 20, 0]


def test_only_the_columns_that_are_asked_for_are_parsed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"sku": "1", "more": {"deep": [1]}, "title": "x"})
    (batch,) = (found.rows for found in open_source(str(path)).batches(["title", "sku"]))
    assert batch.to_pylist() == [{"title": "x", "sku": "1"}]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"sku": "1", "sku": "2"}', "sku. was specified twice in row 2"),
        (b'{"sku": "a\0b"}', "Missing a closing quotation mark in string. in row 2"),
        (b'{"sku": "1"}\0', "cannot be read as JSON"),
        (b'{"sku": "\\ud800"}', "surrogate pair in string is invalid. in row 2"),
        (b'{"sku": 1e999}', "Number too big to be stored in double. in row 2"),
        (b'["sku"]', "row 2: it is no object but list"),
    ],
)
def test_s7_a_hostile_line_is_named_by_its_row(tmp_path: Path, line: bytes, words: str) -> None:
    path = written(tmp_path / "a.jsonl", {"sku": "0"}, line + b"\n", {"sku": "3"})
    with pytest.raises(UnreadableSource, match=words):
        rows_of(path)


def test_s7_a_line_without_an_end_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl_files, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(jsonl_files, "MAX_LINE_BYTES", 1000)
    path = written(tmp_path / "a.jsonl", {"sku": "x" * 5000})
    with pytest.raises(UnreadableSource, match=r"a\.jsonl' has a line of more than 0 MB; write one object"):
        rows_of(path)


@pytest.mark.parametrize("chunk_bytes", [8, 1 << 20])
def test_s7_a_row_that_is_null_has_no_field_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(jsonl_files, "CHUNK_BYTES", chunk_bytes)
    path = written(tmp_path / "a.jsonl", b"null\n", b" null\n", {"sku": "1"}, b"null\n", {"sku": "2"}, b"null")
    assert [row["sku"] for row in rows_of(path)] == [None, None, "1", None, "2", None]
    assert open_source(str(path)).row_count() == 6


def test_s7_lists_that_hold_nothing_but_nulls_are_read(tmp_path: Path) -> None:
    rows = [{"sku": "1", "tags": [None, None], "size": {"of": [[None]]}}, {"sku": "2", "tags": [], "size": None}]
    path = written(tmp_path / "a.jsonl", *rows)
    assert rows_of(path, ["sku", "tags", "size.of[0]"]) == [
        {"sku": "1", "tags": [None, None], "size.of[0]": [None]},
        {"sku": "2", "tags": [], "size.of[0]": None},
    ]
    (batch,) = (found.rows for found in open_source(str(path)).batches(["size.of[0]"]))
    batch.validate(full=True)
