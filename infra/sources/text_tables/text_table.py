"""One text table: its file, how it is written, its columns' names, and the words for rows of it that are damaged.

Inputs: what was found out about a file. Outputs: plain values. A reason names the row as a spreadsheet counts it, since
that is where a person mends it.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from infra.sources.source_files import SourceFile
from infra.sources.text_tables.dialects import Dialect
from infra.sources.text_tables.streams import Utf8Stream

ADVICE = "quote values that hold separators or line breaks, and double the quotes inside them"


@dataclass(frozen=True)
class TextTable:
    """One file, how it is written, and its columns' names."""

    file: SourceFile
    display_name: str
    dialect: Dialect
    names: Sequence[str]
    header_bytes: int
    """Bytes of UTF-8 up to the header's end."""
    open: Callable[[], AbstractContextManager[Utf8Stream]]
    is_clean: bool
    """All of it can be decoded."""
    encoding_label: str

    @property
    def columns(self) -> Sequence[str]:
        """Return the names of the header's columns, without the surplus ones."""
        return self.names[: len(self.names) - self.dialect.surplus]

    def width_reason(self, number: int, width: int) -> str:
        """Return why a row behind the header is damaged that has `width` values."""
        values = f"{width} value" + ("s" if width != 1 else "")
        return f"{self._row(number)} has {values} and the header has {len(self.columns)}; {ADVICE}"

    def text_reason(self, number: int, column: str) -> str:
        """Return why a row behind the header is damaged whose value in a column is no text."""
        return f"{self._row(number)} has a value in {column!r} that is no {self.encoding_label} text; export it again"

    def _row(self, number: int) -> str:
        return f"row {number + self.dialect.header_row} of {self.file.path.rsplit('/', 1)[-1]!r}"
