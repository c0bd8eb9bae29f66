"""Rows of one batch as Python columns, each converted on first use.

Inputs: an Arrow table of text columns. Outputs: lists of texts, and the joined bytes of several columns. An unchanged
catalogue uses few of them, so most columns are never converted.
"""

from collections.abc import Iterable
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.values.number_text import WHOLE_NUMBER_HINT, text_as_exponents


class BatchRows:
    """The rows of one batch. An absent column reads as empty."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._columns: dict[str, list[str]] = {}
        self._as_exponents: dict[tuple[str, ...], BatchRows | None] = {}
        self._joined: dict[tuple[str, ...], list[bytes]] = {}

    def column(self, name: str) -> list[str]:
        """Return one column's texts, row by row."""
        if name not in self._columns:
            exists = name in self.table.column_names
            self._columns[name] = self.table[name].to_pylist() if exists else [""] * self.table.num_rows
        return self._columns[name]

    def add_column(self, name: str, texts: list[str]) -> None:
        """Add a column that is no field of the source."""
        self.table = self.table.append_column(name, pa.array(texts, pa.string()))
        self._columns[name] = texts

    def filled(self, names: Iterable[str]) -> list[bool]:
        """Tell of each row whether any of these columns holds a text."""
        masks = [pc.not_equal(self.table[name], "") for name in names if name in self.table.column_names]
        return reduce(pc.or_, masks).to_pylist() if masks else [False] * self.table.num_rows

    def as_exponents(self, fields: tuple[str, ...]) -> "BatchRows | None":
        """Return the rows with the numbers in these fields as they read before; None where they read the same.

        See `catalogs.ingest.values.number_text`. The answer is kept: it is asked for row by row.
        """
        if fields not in self._as_exponents:
            columns = {}
            for name in set(fields).intersection(self.table.column_names):
                column = self.table[name]
                if pc.any(pc.match_substring_regex(column, WHOLE_NUMBER_HINT)).as_py():
                    columns[name] = pa.array([text_as_exponents(text) for text in column.to_pylist()], pa.string())
            table = self.table
            for name, texts in columns.items():
                table = table.set_column(table.column_names.index(name), name, texts)
            self._as_exponents[fields] = BatchRows(table) if columns else None
        return self._as_exponents[fields]

    def row_number(self, position: int) -> int:
        """Return a row's number in its source."""
        return int(self.table["row"][position].as_py())

    def joined_bytes(self, fields: tuple[str, ...]) -> list[bytes]:
        """Return the fields' texts joined, row by row; the separator cannot occur in clean text.

        An absent column reads as empty and keeps its separator.
        """
        if fields not in self._joined:
            existing = set(self.table.column_names)
            if existing.intersection(fields):
                cells = [self.table[name] if name in existing else "" for name in fields]
                text = pc.binary_join_element_wise(*cells, "\x1f")
                self._joined[fields] = pc.cast(text, pa.binary()).to_pylist()
            else:
                self._joined[fields] = [b"\x1f" * (len(fields) - 1)] * self.table.num_rows
        return self._joined[fields]
