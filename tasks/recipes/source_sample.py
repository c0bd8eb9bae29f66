"""Source sample: the first rows of a source, as tables and as texts, and the languages of its texts.

Inputs: an opened source. Outputs: a `ReadSample`. At most `SAMPLE_ROWS` rows are read, so a catalogue of any
size takes a moment; a path stands for a column of lists or records.
"""

import html
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.errors import CatalogueError
from catalogs.ingest.column_mapping import as_text
from catalogs.recognition.export_kinds import nested_paths
from catalogs.recognition.proposal import SourceSample
from infra.errors import UnreadableSource
from infra.scanners.languages import SCRIPTS, LanguageScanner
from infra.sources import Source
from infra.sources.source_batches import DamagedRow

SAMPLE_ROWS = 2_000
"""Rows in which a SKU that repeats, a parent and a status show; a row is about a kilobyte."""
_TEXT_PARTS = (".value", "[0].value", ".name", "[0].name", ".title", "[0].title", ".label", "[0].label", "[0]")
"""Parts of a record or list that are its text: `brand.name`, `item_name[0].value`."""
_TAG = re.compile(r"<[^>]{0,1000}>")
MIN_LANGUAGE_SHARE = 0.02
"""Share of texts in a language from which the catalogue has it; one foreign name among fifty titles is none."""
_SHARED_SCRIPTS = {"CYRILLIC": "ru", "ARABIC": "ar", "CJK": "zh", "DEVANAGARI": "hi", "HANGUL": "ko", "HIRAGANA": "ja",
                   "KATAKANA": "ja"}  # fmt: skip
"""The language that a script is taken for, where it is written in several."""


@dataclass(frozen=True)
class ReadSample:
    """The first rows of a source: a table of texts, the same by column, and whether these are all of its rows."""

    table: pa.Table
    sample: SourceSample
    damaged: tuple[DamagedRow, ...]
    """Rows among them that cannot be read."""
    is_whole: bool


def read_sample(source: Source, limit: int = SAMPLE_ROWS) -> ReadSample:
    """Return the first rows. Raises `CatalogueError` where there are none."""
    batches: list[pa.Table] = []
    damaged: list[DamagedRow] = []
    rows = 0
    for batch in source.batches(_readable_names(source)):
        batches.append(_as_texts(batch.rows.slice(0, limit - rows)))
        rows += batch.rows.num_rows
        damaged += batch.damaged
        if rows >= limit:
            break
    if not rows:
        raise CatalogueError("The source has no readable rows; a recipe is made from the columns and their values")
    table = pa.concat_tables(batches)
    return ReadSample(table, texts_of(table, source.columns), tuple(damaged), rows < limit)


def texts_of(table: pa.Table, header: Sequence[str] = ()) -> SourceSample:
    """Return the columns' texts, without the rows in which every text is empty."""
    texts = {name: table[name].to_pylist() for name in table.column_names}
    filled = [row for row in range(table.num_rows) if any(values[row].strip() for values in texts.values())]
    values = {name: [column[row] for row in filled] for name, column in texts.items()}
    return SourceSample(tuple(table.column_names), values, tuple(header))


def _as_texts(rows: pa.RecordBatch) -> pa.Table:
    """Return a batch as texts: the types of a column may differ between the files of a folder."""
    names = rows.schema.names
    return pa.table({name: pc.fill_null(as_text(rows.column(name), name), "") for name in names})


def _plain(text: str) -> str:
    """Return a text without HTML's tags, and with its entities decoded."""
    return html.unescape(_TAG.sub(" ", text)).strip()


def _readable_names(source: Source) -> list[str]:
    """Return the columns that hold texts or numbers; for one of lists or records, the part of it that is a text."""
    plain = _readable(source, source.columns)
    names = []
    for column in source.columns:
        parts = [] if column in plain else [f"{column}{part}" for part in _TEXT_PARTS]
        names += [column] if column in plain else [part for part in parts if _is_one_text(source, part)][:1]
    paths = [path for path in nested_paths() if path not in names and _is_one_text(source, path)]
    return [*names, *paths] or list(source.columns)  # reading those says what is wrong with all of them


def _readable(source: Source, columns: Sequence[str]) -> set[str]:
    """Return which of the columns can be read as text, found by halves: most tables have no other ones."""
    if not columns or _is_readable(source, columns):
        return set(columns)
    if len(columns) == 1:
        return set()
    middle = len(columns) // 2
    return _readable(source, columns[:middle]) | _readable(source, columns[middle:])


def _is_one_text(source: Source, path: str) -> bool:
    """Tell whether a path leads to a text or number in each row, and not to a list of them."""
    if not _is_readable(source, [path]):
        return False
    batch = next(iter(source.batches([path])), None)
    return batch is not None and not pa.types.is_nested(batch.rows.schema.field(0).type)


def _is_readable(source: Source, columns: Sequence[str]) -> bool:
    if not all(map(source.has, columns)):
        return False
    try:
        next(iter(source.batches(columns)), None)
    except UnreadableSource:
        return False
    return True


def found_languages(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the languages (ISO 639-1) that a share of the texts is certain to be in, English left out."""
    scanner, found, count = LanguageScanner(("en",)), Counter[str](), 0
    for text in filter(None, map(_plain, texts)):
        count += 1
        found.update({_language(name) for name in scanner.scan(text)})
    if found["ja"]:
        del found["zh"]  # Japanese is written with Chinese characters too
    common = [language for language, hits in found.most_common() if hits >= max(1, count * MIN_LANGUAGE_SHARE)]
    return tuple(language for language in common if len(language) == 2)


def _language(found: str) -> str:
    """Return the language of what the scanner found: a language, or a script in upper case."""
    if found.islower():
        return found
    languages = [language for language, scripts in SCRIPTS.items() if found in scripts.split()]
    return _SHARED_SCRIPTS.get(found) or (languages[0] if languages else found)
