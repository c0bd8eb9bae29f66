"""Rows that are not as wide as the header, as Arrow's parser comes upon them.

Inputs: such rows with their numbers. Outputs: those that only lack columns without a name at the end, or have empty
values beyond it, made as wide as the header; the widths of the others, which are damaged; and whether the row that
marks the end of the file was seen.
"""

import csv
import io
import secrets
from dataclasses import dataclass, field
from typing import Any

from infra.sources.headers import MAX_COLUMNS
from infra.sources.text_tables.dialects import Dialect

MAX_PENDING_ROWS = 300_000
"""Unfit rows of one block. More of them are no damage, but another kind of file."""


@dataclass
class UnfitRows:
    """Collects the unfit rows of a file; numbers count the rows behind the header from 1."""

    dialect: Dialect
    columns: int
    named_columns: int
    """Columns up to the last that has a name: spreadsheets leave out separators behind a row's last value."""
    widths: dict[int, int] = field(default_factory=dict)
    repaired: dict[int, list[str]] = field(default_factory=dict)
    is_ended: bool = False
    are_too_many: bool = False

    def __post_init__(self) -> None:
        self._token = secrets.token_hex(8)

    @property
    def ending(self) -> bytes:
        """Return the row that marks the end of the file: of a text that no file has, and too wide."""
        return (self._token + self.dialect.separator * self.columns).encode()

    def add(self, row: Any) -> str:
        """Take a row from Arrow's parser; it skips the row, or gives up where there are too many."""
        if row.text.startswith(self._token):
            self.is_ended = True
            return "skip"
        cells = self._fitted(row.text) if self.named_columns <= row.actual_columns <= MAX_COLUMNS else None
        if cells is None:
            self.widths[row.number] = row.actual_columns
        else:
            self.repaired[row.number] = cells
        self.are_too_many = len(self.widths) + len(self.repaired) > MAX_PENDING_ROWS
        return "error" if self.are_too_many else "skip"

    def _fitted(self, text: str) -> list[str] | None:
        """Return a row's values, as many as there are columns; None where one stands beyond the last column."""
        quoting = self.dialect.quoting
        reader = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=self.dialect.separator,
            quotechar=quoting.quote,
            escapechar=quoting.escape,
            quoting=csv.QUOTE_MINIMAL if quoting.quote else csv.QUOTE_NONE,
        )
        try:
            cells = next(reader, [])
        except csv.Error:
            return None
        if any(cell.strip() for cell in cells[self.columns :]) or len(cells) < self.named_columns:
            return None
        return [*cells[: self.columns], *[""] * (self.columns - len(cells))]
