"""Files of any separator, encoding, quoting and damage: the right table or one clear sentence."""

import fsspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infra.errors import UnreadableSource
from infra.sources import open_source
from tests.fixtures.written_tables import WrittenTable, written_tables

MANY = 10_000


def wide(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


def check_right_table(table: WrittenTable) -> None:
    """Read a table; a wrong one is allowed only where its encoding can but be guessed, and that is said."""
    path = "/written-tables/t.csv"
    fsspec.filesystem("memory").pipe_file(path, table.data)
    source = open_source(f"memory:/{path}")
    batches = list(source.batches())
    rows = [[row[name] for name in table.columns if name in row] for batch in batches for row in batch.rows.to_pylist()]
    named = [name for name in source.columns if not name.startswith("column ")]
    if table.is_guess and (named, rows) != (table.columns, table.rows):
        assert any("is no UTF-8; by its letters it is read as" in warning for warning in source.warnings)
        return
    assert named == table.columns
    assert rows == table.rows
    assert sum(len(batch.damaged) for batch in batches) == table.damaged


def check_table_or_sentence(data: bytes, name: str) -> None:
    """Read any bytes: rows that add up, or a sentence that names the file."""
    path = f"/written-tables/{name}"
    fsspec.filesystem("memory").pipe_file(path, data)
    try:
        source = open_source(f"memory:/{path}")
        numbers = []
        for batch in source.batches():
            numbers += batch.numbers.to_pylist() + [row.number for row in batch.damaged]
        assert len(set(numbers)) == len(numbers)
    except UnreadableSource as error:
        said = str(error)
        assert name in said
        assert len(said.splitlines()) == 1
        assert "Traceback" not in said


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Return a table's file in which bytes are lost, changed or added."""
    data = draw(written_tables()).data
    at = draw(st.integers(0, len(data)))
    end = min(len(data), at + draw(st.sampled_from([0, 0, 1, 7, len(data)])))
    added = draw(
        st.sampled_from([b"", b'"', b"\0", b"\xff", b"\xc3", b"\n", b"\r", b"\\", b",", b"\xef\xbb\xbf", b"'"])
    )
    return data[:at] + added + data[end:]


@wide(150)
@given(written_tables())
def test_a_table_is_read_as_it_was_written(table: WrittenTable) -> None:
    check_right_table(table)


@wide(150)
@given(damaged_files(), st.sampled_from(["t.csv", "t.tsv", "t.txt"]))
@example(b"", "t.csv")
@example(b"\xff\xfe", "t.csv")
@example(b'"', "t.txt")
@example(b"sep=", "t.csv")
@example(b"sep=\x00\n", "t.csv")
def test_a_damaged_file_is_a_table_or_a_sentence(data: bytes, name: str) -> None:
    check_table_or_sentence(data, name)


@pytest.mark.long(seconds=150, explores=True)
@wide(MANY // 2)
@given(written_tables())
def test_many_tables_are_read_as_they_were_written(table: WrittenTable) -> None:
    check_right_table(table)


@pytest.mark.long(seconds=150, explores=True)
@wide(MANY // 2)
@given(damaged_files(), st.sampled_from(["t.csv", "t.tsv", "t.txt"]))
def test_many_damaged_files_are_tables_or_sentences(data: bytes, name: str) -> None:
    check_table_or_sentence(data, name)
