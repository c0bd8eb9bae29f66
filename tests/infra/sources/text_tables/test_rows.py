"""Rows of one table in batches of bounded size, with the damaged and the empty ones between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sources.source_files import SourceFile
from infra.sources.text_tables import rows as text_rows
from infra.sources.text_tables.dialects import DOUBLED, Dialect
from infra.sources.text_tables.rows import read_rows
from infra.sources.text_tables.streams import Utf8Stream
from infra.sources.text_tables.text_encodings import TextEncoding
from infra.sources.text_tables.text_table import ADVICE, TextTable


def table(data: bytes) -> TextTable:
    @contextmanager
    def opened() -> Iterator[Utf8Stream]:
        yield Utf8Stream(BytesIO(data), TextEncoding("utf-8", is_clean=True))

    dialect = Dialect(",", DOUBLED, ("a", "b", "c"), 3, 0)
    return TextTable(SourceFile("", "/x/t.csv", 1, ""), "'/x/t.csv'", dialect, "abc", 0, opened, True, "UTF-8")


KINDS = ["1,2,3", "x,,", ",y,", ",,z", ",,", "", "1,2", "1,2,3,4", "1,2,3,,", ",,,,", '"a\nb",,']
ROWS = st.lists(st.sampled_from(KINDS))


@pytest.mark.parametrize("columns", ["ab", "c", "abc"])
@settings(max_examples=60, deadline=None)
@given(written=ROWS, limit=st.integers(1, 5), block=st.integers(40, 90))
def test_every_row_is_readable_damaged_or_empty_at_its_place(
    columns: str, written: list[str], limit: int, block: int
) -> None:
    readable, damaged = {}, []
    for number, row in enumerate(written, 1):
        cells = row.split(",")
        if (len(cells) < 3 and row) or any(cells[3:]):
            damaged.append(number)
        elif any(cells):
            named = zip("abc", cells, strict=False)
            readable[number] = {name: cell.strip('"') for name, cell in named if name in columns}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_rows, "BLOCK_BYTES", block)
        batches = list(read_rows(table("\n".join(written).encode() + b"\n" * bool(written)), list(columns), limit))
    firsts = [1, *accumulate((batch.length for batch in batches), initial=1)][1:]
    offsets = [range(batch.rows.num_rows) if batch.offsets is None else batch.offsets for batch in batches]
    numbers = [first + int(offset) for first, found in zip(firsts, offsets, strict=False) for offset in found]
    assert dict(zip(numbers, (row for batch in batches for row in batch.rows.to_pylist()), strict=True)) == readable
    assert [f + o for f, batch in zip(firsts, batches, strict=False) for o in sorted(batch.damaged)] == damaged
    assert sum(batch.length for batch in batches) == len(written)
    assert all(batch.rows.num_rows <= limit for batch in batches)


def test_a_damaged_row_is_named_by_its_row_in_the_file() -> None:
    _, batch = read_rows(table(b"1,2,3\n1,2\n"), ["a"], 10)
    assert batch.damaged == {0: f"row 5 of 't.csv' has 2 values and the header has 3; {ADVICE}"}
