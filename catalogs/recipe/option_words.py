"""Option words: whether a shop's option is a colour, a material or a size, whatever language its name is in.

Inputs: an option's name as the shop writes it (`Farbe`, `Frame colour:`, `カラー`). Outputs: the answers of the tests
`is colour`, `is material` and `is size` in templates, and a digest of the words behind them. Some texts are sizes
themselves (`XL`, `42`, `10 ml`), for options whose names say nothing.

The words are `catalogs/data/option-words`. They reach prompts: a changed list moves the digests of the recipes that use
its test, and the next run renders their prompts anew.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from catalogs.keys import digest

OPTION_KINDS = ("colour", "material", "size")
"""The tests' names, and the lists'."""

_LETTERS = re.compile(r"[^\W\d_]+")
_WITHOUT_SPACES = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_MAX_WORDS = 3
_MAX_CHARACTERS = 200
_NUMBER = r"\d+(?:[.,/]\d+)?(?: \d/\d)?"
_UNIT = r"(?:mm|cm|dm|m|in|inch|inches|ft|\"|''|ml|cl|dl|l|mg|g|kg|oz|fl oz|lb|lbs|gb|tb|w|pcs|pack|st|stk)"
_SIZE = re.compile(
    rf"(?:(?:eu|us|uk|fr|it|de|jp)\.? ?)?{_NUMBER}(?: ?{_UNIT})?(?: ?[-x×–] ?{_NUMBER}(?: ?{_UNIT})?){{0,2}}"
    r"(?: ?(?:eu|us|uk|fr|it|de|jp))?|(?:[2-6]?x{0,4}[sl]|m)(?: ?[/-] ?(?:[2-6]?x{0,4}[sl]|m))?"
)


class _Words(NamedTuple):
    """A list: whole words or phrases, endings of longer words, and words of scripts without spaces."""

    whole: frozenset[str]
    endings: tuple[str, ...]
    parts: tuple[str, ...]


def is_colour(text: object) -> bool:
    """Tell whether a text names a colour option."""
    return _is_named(str(text), "colour")


def is_material(text: object) -> bool:
    """Tell whether a text names a material option."""
    return _is_named(str(text), "material")


def is_size(text: object) -> bool:
    """Tell whether a text names a size or an amount, or is one."""
    return _is_named(str(text), "size") or _SIZE.fullmatch(_folded(str(text))[:_MAX_CHARACTERS]) is not None


def option_words_digest(kinds: Collection[str]) -> str:
    """Return the sha256 of the words behind some tests."""
    content: dict[str, object] = {kind: _lines(kind) for kind in sorted(kinds)}
    return digest(content | ({"sizes": _SIZE.pattern} if "size" in kinds else {}))


@lru_cache(maxsize=16_384)
def _is_named(text: str, kind: str) -> bool:
    words, folded = _words()[kind], _folded(text[:_MAX_CHARACTERS])
    tokens = _LETTERS.findall(folded)
    phrases = (
        " ".join(tokens[start : start + length])
        for length in range(1, _MAX_WORDS + 1)
        for start in range(len(tokens) - length + 1)
    )
    return (
        any(phrase in words.whole for phrase in phrases)
        or any(token.endswith(words.endings) for token in tokens)
        or any(part in folded for part in words.parts)
    )


def _folded(text: str) -> str:
    """Return a text without case, accents and width: `GRÖSSE`, `Größe` and `Grösse` are one."""
    decomposed = unicodedata.normalize("NFKD", " ".join(text.split()).casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@cache
def _words() -> Mapping[str, _Words]:
    return {kind: _sorted_words(_lines(kind)) for kind in OPTION_KINDS}


def _sorted_words(lines: list[str]) -> _Words:
    folded = [_folded(line) for line in lines]
    parts = tuple(line for line in folded if _WITHOUT_SPACES.search(line))
    endings = tuple(line[1:] for line in folded if line.startswith("*"))
    whole = (" ".join(_LETTERS.findall(line)) for line in folded if not line.startswith("*") and line not in parts)
    return _Words(frozenset(whole), endings, parts)


def _lines(kind: str) -> list[str]:
    file = resources.files("catalogs") / "data" / "option-words" / f"{kind}.txt"
    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return sorted({line for line in lines if line and not line.startswith("#")})
