"""Read the rows of one text table by Arrow, and tell apart the readable, the damaged and the empty ones.

Inputs: an open file with its encoding, its dialect and its columns' names. Outputs: `FileBatch`es of text columns.
Nothing is guessed about values: a SKU `00123` keeps its zeros, and an empty value is the empty text, never null.
Invariant: a row with too few or too many values is damaged, since it is unknown which of its values belong to which
column; only empty values beyond the last column are dropped. A row without any value is empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from infra.errors import UnreadableSource
from infra.sources.source_batches import FileBatch, Offsets
from infra.sources.source_files import SourceFile, translate_errors
from infra.sources.text_tables.streams import UNDECODABLE, RowStream
from infra.sources.text_tables.text_table import ADVICE, TextTable
from infra.sources.text_tables.unfit_rows import MAX_PENDING_ROWS, UnfitRows

BLOCK_BYTES = 16 << 20
"""Bytes parsed at once. A row must fit into two blocks, which bounds the longest value: descriptions with embedded
images reach a few megabytes."""


@dataclass(frozen=True)
class _Block:
    """Rows of a file that were parsed together, with the numbers of the readable ones, and of all of them."""

    rows: pa.RecordBatch
    numbers: Offsets
    first: int
    last: int
    damaged: dict[int, str]

    def select(self, keep: Offsets) -> "_Block":
        """Return the block with only some of the readable rows."""
        return _Block(self.rows.take(pa.array(keep)), self.numbers[keep], self.first, self.last, self.damaged)


def read_rows(table: TextTable, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
    """Yield a file's rows in order, at most `limit` readable ones at a time."""
    with ExitStack() as stack:
        whole_rows = _WholeRows(table, stack)
        surplus = table.names[len(table.columns) :]
        for place, block in enumerate(_blocks(table, [*columns, *surplus], stack)):
            fitting = _without_surplus(block, table, surplus) if surplus else block
            readable = fitting if table.is_clean else _without_undecodable(fitting, table)
            empty = _empty_rows(readable.rows)
            if pc.any(empty).as_py() and len(columns) < len(table.names):
                empty = pc.and_(empty, whole_rows.are_empty(place, readable.numbers))
            if pc.any(empty).as_py():
                readable = readable.select(np.flatnonzero(~empty.to_numpy(zero_copy_only=False)))
            yield from _batches(table.file, readable, limit)


class _WholeRows:
    """The same file's rows with all of their columns, read only where the wanted ones are all empty in some row."""

    def __init__(self, table: TextTable, stack: ExitStack) -> None:
        self._table, self._stack = table, stack
        self._blocks: Iterator[_Block] | None = None
        self._next_place = 0

    def are_empty(self, place: int, numbers: Offsets) -> pa.Array:
        """Tell of these rows of a block which have no value in any column. Blocks are asked for in order."""
        self._blocks = self._blocks or _blocks(self._table, self._table.names, self._stack)
        while self._next_place <= place:
            block = next(self._blocks)
            self._next_place += 1
        return _empty_rows(block.rows).filter(pa.array(np.isin(block.numbers, numbers)))


def _blocks(table: TextTable, columns: Sequence[str], stack: ExitStack) -> Iterator[_Block]:
    """Yield all rows of a file, a block at a time."""
    unfit = UnfitRows(table.dialect, len(table.names), table.dialect.named_columns)
    stream = RowStream(stack.enter_context(table.open()), table.header_bytes, unfit.ending)
    first = 1
    with _sentences(table, unfit, first):
        reader = _open_csv(stream, table, columns, unfit)
    while True:
        with _sentences(table, unfit, first):
            rows = next(reader, None)
        block = _number_block(rows, first, unfit, table, columns)
        first = block.last + 1
        yield block
        if rows is None:
            break
    if not unfit.is_ended:
        row = table.dialect.header_row + first - 1
        raise UnreadableSource(
            f"{table.display_name}: a quote opens in row {row} and nothing closes it, so all that follows would be one "
            f"value; {ADVICE}."
        )


def _number_block(
    rows: pa.RecordBatch | None, first: int, unfit: UnfitRows, table: TextTable, columns: Sequence[str]
) -> _Block:
    """Return parsed rows with their numbers, among the unfit ones before the last of them (before the end: all)."""
    count = 0 if rows is None else rows.num_rows
    unfit_numbers = np.array(sorted([*unfit.widths, *unfit.repaired]), np.int64)
    numbers = np.arange(first, first + count + len(unfit_numbers))
    if len(unfit_numbers):
        numbers = numbers[~np.isin(numbers, unfit_numbers)][:count]
    last = int(unfit_numbers.max(initial=first - 1)) if rows is None else int(numbers[-1]) if count else first - 1
    passed = [number for number in unfit_numbers.tolist() if number <= last]
    damaged = {n: table.width_reason(n, unfit.widths.pop(n)) for n in passed if n in unfit.widths}
    repaired = {n: unfit.repaired.pop(n) for n in passed if n in unfit.repaired}
    if rows is None or repaired:
        rows, numbers = _add_rows(rows, numbers, repaired, [table.names.index(name) for name in columns], columns)
    return _Block(rows, numbers, first, last, damaged)


def _add_rows(
    rows: pa.RecordBatch | None,
    numbers: Offsets,
    added: Mapping[int, Sequence[str]],
    places: Sequence[int],
    columns: Sequence[str],
) -> tuple[pa.RecordBatch, Offsets]:
    """Return rows and numbers with others among them, in the order of the numbers."""
    arrays = [pa.array([cells[place] for cells in added.values()], pa.string()) for place in places]
    if rows is not None:
        arrays = [pa.concat_arrays([array, rows[name]]) for array, name in zip(arrays, columns, strict=True)]
    numbers = np.concatenate([np.array(list(added), np.int64), numbers])
    order = np.argsort(numbers)
    return pa.RecordBatch.from_arrays(arrays, names=list(columns)).take(pa.array(order)), numbers[order]


def _without_surplus(block: _Block, table: TextTable, surplus: Sequence[str]) -> _Block:
    """Return the block without the columns beyond the header, and with the rows as damaged that have a value there."""
    filled = block.numbers[~_empty_rows(block.rows.select(surplus)).to_numpy(zero_copy_only=False)]
    rows = block.rows.select([name for name in block.rows.schema.names if name not in surplus])
    damaged = {number: table.width_reason(number, len(table.names)) for number in filled.tolist()}
    kept = replace(block, rows=rows, damaged=block.damaged | damaged)
    return kept.select(np.flatnonzero(~np.isin(block.numbers, filled))) if damaged else kept


def _without_undecodable(block: _Block, table: TextTable) -> _Block:
    """Return the block with the rows as damaged that hold in a wanted column what is no text."""
    damaged: dict[int, str] = {}
    for name in block.rows.schema.names:
        for place in pc.indices_nonzero(pc.match_substring(block.rows[name], UNDECODABLE)).to_pylist():
            damaged.setdefault(int(block.numbers[place]), table.text_reason(int(block.numbers[place]), name))
    if not damaged:
        return block
    kept = block.select(np.flatnonzero(~np.isin(block.numbers, list(damaged))))
    return replace(kept, damaged=block.damaged | damaged)


def _empty_rows(rows: pa.RecordBatch) -> pa.Array:
    """Tell which rows have no value in any of the columns."""
    empty = pa.array(np.ones(rows.num_rows, bool))
    for column in rows.columns:
        empty = pc.and_(empty, pc.equal(pc.utf8_trim_whitespace(column), ""))
        if not pc.any(empty).as_py():
            break
    return empty


def _batches(file: SourceFile, block: _Block, limit: int) -> Iterator[FileBatch]:
    """Yield a block in batches, which take the damaged and the empty rows between the readable ones along."""
    first = block.first
    for start in range(0, max(1, len(block.numbers)), limit):
        stop = start + limit
        last = int(block.numbers[stop]) - 1 if stop < len(block.numbers) else block.last
        numbers = block.numbers[start:stop]
        damaged = {number - first: reason for number, reason in block.damaged.items() if first <= number <= last}
        length = last - first + 1
        if not length:
            return
        offsets = None if len(numbers) == length else numbers - first
        yield FileBatch(file, block.rows.slice(start, limit), offsets, damaged, length - len(numbers) - len(damaged))
        first = last + 1


@contextmanager
def _sentences(table: TextTable, unfit: UnfitRows, next_row: int) -> Iterator[None]:
    """Say what the parser says in a sentence that names the file."""
    with translate_errors(table.display_name, ADVICE):
        try:
            yield
        except pa.ArrowInvalid as error:
            row = table.dialect.header_row + next_row
            if unfit.are_too_many:
                problem = f"more than {MAX_PENDING_ROWS:,} rows from row {row} on are not as wide as the header"
            elif "straddl" in str(error):
                size = f"has more than {BLOCK_BYTES >> 20} MB"
                problem = f"a row behind row {row - 1} opens a quote that nothing closes, or {size}"
            else:
                raise
            raise UnreadableSource(f"{table.display_name}: {problem}; {ADVICE}.") from None


def _open_csv(stream: RowStream, table: TextTable, columns: Sequence[str], unfit: UnfitRows) -> Any:
    """Open a streaming reader of the named columns as text."""
    quoting = table.dialect.quoting
    return pa_csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        # One thread: only then do unfit rows know their numbers.
        read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, column_names=list(table.names)),
        parse_options=pa_csv.ParseOptions(
            delimiter=table.dialect.separator,
            quote_char=quoting.quote or False,
            escape_char=quoting.escape or False,
            newlines_in_values=quoting.quote is not None,
            ignore_empty_lines=False,
            invalid_row_handler=unfit.add,
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=list(columns),
            strings_can_be_null=False,
        ),
    )
