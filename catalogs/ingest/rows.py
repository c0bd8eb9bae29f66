"""One batch of accepted rows as Python columns, each made when it is first asked for.

Comes in: an Arrow table of text columns. Goes out: lists of texts, and what several columns hold together as bytes. A
catalogue in which nothing changed asks for few of them.
"""

import pyarrow as pa
import pyarrow.compute as pc


class BatchRows:
    """The rows of one batch. A column that is not there reads as empty."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._columns: dict[str, list[str]] = {}
        self._joined: dict[tuple[str, ...], list[bytes]] = {}

    def column(self, name: str) -> list[str]:
        """Return one column's texts, row by row."""
        if name not in self._columns:
            there = name in self.table.column_names
            self._columns[name] = self.table[name].to_pylist() if there else [""] * self.table.num_rows
        return self._columns[name]

    def row_number(self, position: int) -> int:
        """Return a row's number in its source."""
        return int(self.table["row"][position].as_py())

    def joined_bytes(self, fields: tuple[str, ...]) -> list[bytes]:
        """Return what the fields hold, row by row; the separator cannot occur in clean text.

        A column that is not there holds as much as an empty one, and leaves its place free.
        """
        if fields not in self._joined:
            there = set(self.table.column_names)
            if there.intersection(fields):
                cells = [self.table[name] if name in there else "" for name in fields]
                text = pc.binary_join_element_wise(*cells, "\x1f")
                self._joined[fields] = pc.cast(text, pa.binary()).to_pylist()
            else:
                self._joined[fields] = [b"\x1f" * (len(fields) - 1)] * self.table.num_rows
        return self._joined[fields]
