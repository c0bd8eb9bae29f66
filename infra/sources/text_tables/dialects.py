"""Find out how a text table is written: its separator, its quotes, and the row that names its columns.

Inputs: the text of a file's beginning, and what a person says. Outputs: a `Dialect`. Every separator is tried with
every way of quoting by the standard library's reader, and the one under which most rows are as wide as the header wins:
a line's characters alone do not tell, since files are separated by semicolons because their values hold commas.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

SEPARATORS = "\t;|,"
"""In the order in which they are taken where they fit equally well."""

SEPARATOR_NAMES = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "spaces"}

_DIRECTIVE = re.compile(r"(?i:sep)=([;,|\t:^~#*!/ ])(?=[\r\n]|$)")

SAMPLE_ROWS = 500
HEADER_ROWS = 30
"""Rows among which the header is looked for."""


@dataclass(frozen=True)
class Quoting:
    """How a value that holds separators or line breaks is written."""

    quote: str | None = '"'
    escape: str | None = None
    """The character before a quote inside a value; None where quotes are doubled."""


DOUBLED, ESCAPED, LITERAL = Quoting(), Quoting(escape="\\"), Quoting(quote=None)


@dataclass(frozen=True)
class Dialect:
    """How a text table is written, and its header."""

    separator: str
    quoting: Quoting
    header: tuple[str, ...]
    header_row: int
    """The header's row in the file, from 1."""
    header_end: int
    """Characters of the text up to the header's end."""
    surplus: int = 0
    """Nameless columns at the end, which the header lacks and most rows have without any value."""

    @property
    def named_columns(self) -> int:
        """Return the number of columns up to the last that has a name."""
        return max(place for place, name in enumerate(self.header, 1) if name)

    @property
    def separator_label(self) -> str:
        """Return what a report calls the separator."""
        return SEPARATOR_NAMES.get(self.separator, repr(self.separator))


@dataclass(frozen=True)
class _Trial:
    """What the text is under one separator and one way of quoting."""

    dialect: Dialect
    score: float
    is_strict: bool


def find_dialect(
    text: str, *, is_whole: bool, separator: str | None = None, header_row: int | None = None
) -> Dialect | None:
    """Return the dialect of a text; None where no row of it can be the header. Not `is_whole`: its end is cut off."""
    directive = _directive(text)
    if directive and separator is None:
        separator = directive
    trials = []
    for candidate in separator or SEPARATORS:
        for quoting in (DOUBLED, ESCAPED, LITERAL):
            trial = _try(text, candidate, quoting, is_whole, header_row, skipped_rows=1 if directive else 0)
            if trial is not None:
                trials.append(trial)
                if trial.is_strict:
                    break  # the next ways of quoting are for text that is not written this way
    best = max(trials, key=lambda trial: trial.score, default=None)
    return best.dialect if best is not None else None


def _directive(text: str) -> str | None:
    """Return the separator of a first line `sep=;`, which Excel reads and writes."""
    found = _DIRECTIVE.match(text)
    return found[1] if found else None


def _try(
    text: str, separator: str, quoting: Quoting, is_whole: bool, header_row: int | None, skipped_rows: int
) -> _Trial | None:
    sample = _parse(text, separator, quoting, is_whole)
    rows = sample.rows
    place = header_row - 1 if header_row is not None else _header_place(rows, skipped_rows)
    if place is None or place >= len(rows) or not any(cell.strip() for cell in rows[place]):
        return None
    header = rows[place]
    if any(map(_is_torn, header)):
        return None
    widths = [_width(row, len(header)) for row in rows[place + 1 :] if any(cell.strip() for cell in row)]
    titles = sum(any(cell.strip() for cell in row) for row in rows[skipped_rows:place])
    fitting = sum(width == len(header) for width in widths) / len(widths) if widths else float(not titles)
    fitting *= (0.9 if quoting == LITERAL else 1.0) if sample.is_strict else 0.8
    # A single column is what every wrong separator finds, and some of them take the header for a title.
    score = fitting * (1 - 1 / len(header)) * 0.9**titles if len(header) > 1 else -float(separator != ",")
    surplus = _surplus(header, rows[place + 1 :])
    names = (*(cell.strip("\ufeff \t\xa0") for cell in header), *[""] * surplus)
    dialect = Dialect(separator, quoting, names, place + 1, sample.ends[place], surplus)
    return _Trial(dialect, score, sample.is_strict)


def _is_torn(name: str) -> bool:
    """Tell whether a column's name is of quotes and separators alone: what a wrong separator leaves of values."""
    return bool(name.strip()) and not name.strip(f'"{SEPARATORS} ')


@dataclass(frozen=True)
class _Sample:
    """A text's first rows, where each ends, and whether every quote in them is where it belongs."""

    rows: list[list[str]]
    ends: list[int]
    is_strict: bool


def _parse(text: str, separator: str, quoting: Quoting, is_whole: bool) -> _Sample:
    sample = _parse_with(text, separator, quoting, is_whole, strict=True)
    return sample if sample.is_strict else _parse_with(text, separator, quoting, is_whole, strict=False)


def _parse_with(text: str, separator: str, quoting: Quoting, is_whole: bool, *, strict: bool) -> _Sample:
    position = 0

    def lines() -> Iterator[str]:
        nonlocal position
        for line in io.StringIO(text, newline=""):
            position += len(line)
            yield line

    reader = csv.reader(
        lines(),
        delimiter=separator,
        quotechar=quoting.quote,
        quoting=csv.QUOTE_MINIMAL if quoting.quote else csv.QUOTE_NONE,
        escapechar=quoting.escape,
        strict=strict,
    )
    rows: list[list[str]] = []
    ends: list[int] = []
    try:
        for row in islice(reader, SAMPLE_ROWS):
            rows.append(row)
            ends.append(position)
    except csv.Error:  # a quote that is out of place; or the text's end, or a value of 128 kB
        return _Sample(rows, ends, is_strict=strict and not is_whole and position == len(text))
    if not is_whole and len(rows) < SAMPLE_ROWS and not text.endswith(("\r", "\n")):
        rows = rows[:-1]
    return _Sample(rows, ends, strict)


def _header_place(rows: Sequence[Sequence[str]], first: int) -> int | None:
    """Return the first row that fills at least half as many cells as is usual near the top: titles fill one or two."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:HEADER_ROWS]]
    usual = Counter(count for count in filled[first:] if count > 1)
    wanted = max(2, max(usual, key=lambda count: (usual[count], count)) / 2) if usual else 1
    return next((place for place in range(first, len(filled)) if filled[place] >= wanted), None)


def _width(row: Sequence[str], header_width: int) -> int:
    """Return a row's number of values, without empty ones beyond the header."""
    width = len(row)
    while width > header_width and not row[width - 1].strip():
        width -= 1
    return width


def _surplus(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many separators most rows have beyond the header, with nothing between them."""
    widths = Counter(len(row) for row in rows if _width(row, len(header)) == len(header))
    usual = max(widths, key=lambda width: widths[width], default=len(header))
    return usual - len(header) if widths[usual] * 2 > len(rows) else 0
