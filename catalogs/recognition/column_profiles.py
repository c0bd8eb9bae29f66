"""Column profiles: what the values of a column look like in the first rows of a source.

Inputs: texts of one column. Outputs: shares and lengths, from which a column is judged to be a name, words or neither.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

_URL = re.compile(r"^\s*(?:https?://|//|www\.)|\.(?:jpe?g|png|webp|gif)(?:\s|$|\?)", re.IGNORECASE)
_TAG = re.compile(r"<(?:p|br|ul|li|div|span|b|strong|h[1-6]|table)\b[^>]*>", re.IGNORECASE)
_NUMBER = re.compile(r"^[\s+€$£¥-]*[\d.,\s]*\d[\d.,\s]*(?:[A-Z]{3}|[€$£¥%])?\s*$")
_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ,].*)?$")
_EXPONENT = re.compile(r"^\d(?:[.,]\d+)?[eE]\+?\d+$")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_LETTERS_A_WORD = 3
"""Letters of scripts without spaces that count as a word."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column's first values. Shares are of the filled cells, `filled` is of all rows."""

    rows: int
    filled: float
    distinct: float
    characters: float
    words: float
    numbers: float
    links: float
    html: float
    first: str = ""

    @property
    def is_constant(self) -> bool:
        """Tell whether every filled cell of three rows or more holds the same."""
        return self.rows * self.filled >= 3 and self.distinct * self.rows * self.filled <= 1

    @property
    def is_unique(self) -> bool:
        """Tell whether no filled cell repeats another one."""
        return self.filled > 0 and self.distinct == 1


def profile(values: Sequence[str]) -> ColumnProfile:
    """Return the profile of a column's texts; empty cells count only as not filled."""
    texts = [text for value in values if (text := value.strip())]
    if not texts:
        return ColumnProfile(len(values), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return ColumnProfile(
        rows=len(values),
        filled=len(texts) / len(values),
        distinct=len(set(texts)) / len(texts),
        characters=fmean(map(len, texts)),
        words=fmean(map(_word_count, texts)),
        numbers=fmean(map(_is_number, texts)),
        links=fmean(bool(_URL.search(text)) for text in texts),
        html=fmean(bool(_TAG.search(text)) for text in texts),
        first=texts[0],
    )


def _is_number(text: str) -> bool:
    return bool(_NUMBER.match(text) or _DATE.match(text) or _EXPONENT.match(text))


def _word_count(text: str) -> float:
    """Return the words of a text; scripts without spaces have one for every few letters."""
    unspaced = len(_IDEOGRAPHS.findall(text))
    spaced = sum(any(letter.isalpha() for letter in word) for word in _IDEOGRAPHS.sub(" ", text).split())
    return spaced + unspaced / _LETTERS_A_WORD
