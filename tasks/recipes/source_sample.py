"""Source sample: the first rows of a source, as tables and as texts, and the languages of its texts.

Inputs: an opened source. Outputs: a `ReadSample`. At most `SAMPLE_ROWS` rows are read, so a catalogue of any
size takes a moment; columns of lists and records have no texts, and are known by their names alone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalogs.errors import CatalogueError
from catalogs.ingest.column_mapping import as_text
from catalogs.recognition.proposal import SourceSample
from infra.scanners.languages import SCRIPTS, LanguageScanner
from infra.sources import Source

SAMPLE_ROWS = 2_000
"""Rows in which a SKU that repeats, a parent and a status show; a row is about a kilobyte."""
MIN_LANGUAGE_SHARE = 0.02
"""Share of texts in a language from which the catalogue has it; one foreign name among fifty titles is none."""
_SHARED_SCRIPTS = {"CYRILLIC": "ru", "ARABIC": "ar", "CJK": "zh", "DEVANAGARI": "hi", "HANGUL": "ko", "HIRAGANA": "ja",
                   "KATAKANA": "ja"}  # fmt: skip
"""The language that a script is taken for, where it is written in several."""


@dataclass(frozen=True)
class ReadSample:
    """The first rows of a source: the table, its texts, and whether these are all of its rows."""

    table: pa.Table
    sample: SourceSample
    damaged: int
    """Rows among them that cannot be read."""
    is_whole: bool


def read_sample(source: Source, limit: int = SAMPLE_ROWS) -> ReadSample:
    """Return the first rows. Raises `CatalogueError` where there are none."""
    batches: list[pa.RecordBatch] = []
    rows = damaged = 0
    for batch in source.batches():
        batches.append(batch.rows.slice(0, limit - rows))
        rows += batch.rows.num_rows
        damaged += len(batch.damaged)
        if rows >= limit:
            break
    if not rows:
        raise CatalogueError("The source has no readable rows; a recipe is made from the columns and their values")
    table = pa.Table.from_batches(batches)
    return ReadSample(table, texts_of(table), damaged, rows < limit)


def texts_of(table: pa.Table) -> SourceSample:
    """Return the columns' texts, without the rows in which every text is empty."""
    texts = {name: _column_texts(table, name) for name in table.column_names}
    filled = [row for row in range(table.num_rows) if any(values[row].strip() for values in texts.values())]
    return SourceSample(
        tuple(table.column_names), {name: [values[row] for row in filled] for name, values in texts.items()}
    )


def found_languages(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the languages (ISO 639-1) that a share of the texts is certain to be in, English left out."""
    scanner, found, count = LanguageScanner(("en",)), Counter[str](), 0
    for text in filter(None, (text.strip() for text in texts)):
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


def _column_texts(table: pa.Table, name: str) -> Sequence[str]:
    try:
        column = as_text(table.column(name).combine_chunks(), name)
    except CatalogueError:
        return [""] * table.num_rows
    return [value or "" for value in column.to_pylist()]
