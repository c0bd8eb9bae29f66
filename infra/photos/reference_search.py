"""Reference search: the rows of an index or of listings that a batch names, found without reading all 500,000 of them.

Inputs: tables with a column `reference`, added whenever there are more; the references of a batch (an Arrow array, each
once). Outputs: the rows of those that are there. Of several rows of one reference the one that was added last is found.
Invariant: a batch costs its own size times a logarithm, and adding all rows costs the same in any order and number of
tables: tables are joined where the last one has outgrown the one before it.

Hashes are searched, since texts of 2,000 characters would not fit an array; a row is taken where the text is equal too.
Arrow's own `is_in` reads the whole table, or builds its hash table anew, for each batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64Array = npt.NDArray[np.int64]
TextHash = Callable[[str], int]


@dataclass(frozen=True)
class _SortedRows:
    """A table, the hashes of its references in order, and the row of each hash. Of equal hashes the first row is first.

    16 bytes a row beside the table.
    """

    table: pa.Table
    hashes: Int64Array
    order: Int64Array

    @classmethod
    def of(cls, table: pa.Table, hash_text: TextHash) -> Self:
        """Sort a table."""
        table = table.combine_chunks()
        hashes = _hashes(table["reference"], hash_text)
        order = np.argsort(hashes, kind="stable")
        return cls(table, hashes[order], order)

    def find(self, wanted: Any, hashes: Int64Array) -> Int64Array:
        """Return the row of each wanted reference; -1 where there is none."""
        rows = np.full(len(hashes), -1, np.int64)
        open_, places = np.arange(len(hashes)), np.searchsorted(self.hashes, hashes)
        while True:  # once, but where different texts have one hash
            inside = places < len(self.hashes)
            open_, places = open_[inside], places[inside]
            same = self.hashes[places] == hashes[open_]
            open_, places = open_[same], places[same]
            if not len(open_):
                return rows
            found = self.order[places]
            is_equal = np.asarray(pc.equal(self.table["reference"].take(found), wanted.take(pa.array(open_))))
            rows[open_[is_equal]] = found[is_equal]
            open_, places = open_[~is_equal], places[~is_equal] + 1


class ReferenceSearch:
    """Rows by reference."""

    def __init__(self, rows: pa.Table, hash_text: TextHash = hash) -> None:
        self._schema, self._hash_text = rows.schema, hash_text
        self._added = [rows]
        self._sorted: list[_SortedRows] = []
        self.count = rows.num_rows
        """Rows that were added, earlier ones of a reference too."""

    def add(self, rows: pa.Table) -> None:
        """Add rows of the same schema, in the place of earlier ones with their references."""
        self._added.append(rows)
        self.count += rows.num_rows

    def find(self, wanted: Any) -> pa.Table:
        """Return the rows of the wanted references, one each at most, in no particular order."""
        self._sort_added()
        if isinstance(wanted, pa.ChunkedArray):
            wanted = wanted.combine_chunks()
        found, hashes = [self._schema.empty_table()], _hashes(wanted, self._hash_text)
        for rows in reversed(self._sorted):
            if not len(wanted):
                break
            places = rows.find(wanted, hashes)
            found.append(rows.table.take(pa.array(places[places >= 0])))
            is_missing = places < 0
            wanted, hashes = wanted.filter(pa.array(is_missing)), hashes[is_missing]
        return pa.concat_tables(found)

    def _sort_added(self) -> None:
        tables = [
            table for table in reversed(self._added) if table.num_rows
        ]  # the last one's rows count, so come first
        self._added = []
        if not tables:
            return
        while self._sorted and self._sorted[-1].table.num_rows <= 2 * sum(table.num_rows for table in tables):
            tables.append(self._sorted.pop().table)
        self._sorted.append(_SortedRows.of(pa.concat_tables(tables), self._hash_text))


def _hashes(references: Any, hash_text: TextHash) -> Int64Array:
    return np.fromiter(map(hash_text, references.to_pylist()), np.int64, len(references))
