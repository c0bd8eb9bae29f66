"""Near matches: for a name that is not there, the one that was probably meant.

Inputs: a wanted name, and the names that there are. Outputs: at most one of them. Case, accents, spaces and punctuation
never decide; then comes the only name with the same words and more (`Variant SKU` for `sku`); of the rest, the
likeliest spelling (`difflib`) is taken where most letters agree. A short name is no
misspelling of another one, since most pairs of short words agree by chance.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

_LEAST_RATIO = 0.75
_SHORTEST_MISSPELLING = 4
_LONGEST_COMPARED = 100
MAX_LISTED_CHARACTERS = 4_000
"""The most characters of a list of names in an error: some two hundred columns."""


def near_match(wanted: str, names: Sequence[str]) -> str | None:
    """Return the name that `wanted` probably means; None where no name is near."""
    same = [name for name in names if _folded(name) and _folded(name) == _folded(wanted)]
    if same:
        return same[0]
    if (containing := _by_words(wanted, names)) is not None:
        return containing
    text = _folded(wanted)[:_LONGEST_COMPARED]
    if len(text) < _SHORTEST_MISSPELLING:
        return None
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(text)
    best, best_ratio = None, _LEAST_RATIO
    for name in names:
        matcher.set_seq1(_folded(name)[:_LONGEST_COMPARED])
        if matcher.quick_ratio() >= best_ratio and (ratio := matcher.ratio()) >= best_ratio:
            best, best_ratio = (name, ratio) if best is None or ratio > best_ratio else (best, best_ratio)
    return best


def describe_missing(wanted: Iterable[str], names: Sequence[str]) -> str:
    """Return the names that are missing, each once, with the one that was probably meant."""
    texts = []
    for name in dict.fromkeys(wanted):
        near = near_match(name, names)
        texts.append(repr(name) if near is None else f"{name!r} (did you mean {near!r}?)")
    return ", ".join(texts)


def list_names(names: Sequence[str]) -> str:
    """Return names in their order; those with outer spaces, commas or quotes are quoted, so that each can be told."""
    listed: list[str] = []
    length = 0
    for name in names:
        text = name if name == name.strip() and name and not set(name) & set(",;'\"") else repr(name)
        length += len(text) + 2
        if length > MAX_LISTED_CHARACTERS and listed:
            return f"{', '.join(listed)} and {len(names) - len(listed):,} more"
        listed.append(text)
    return ", ".join(listed)


def _by_words(wanted: str, names: Sequence[str]) -> str | None:
    """Return the only name that has all words of the wanted one, else the only one whose words it has all."""
    words = _words(wanted)
    by_name = {name: _words(name) for name in names}
    longer = [name for name, others in by_name.items() if words and words < others]
    shorter = [name for name, others in by_name.items() if others and others < words]
    return next((found[0] for found in (longer, shorter) if len(found) == 1), None)


def _words(name: str) -> frozenset[str]:
    return frozenset(_folded(word) for word in re.findall(r"\w+", name)) - {""}


def _folded(name: str) -> str:
    text = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in text if letter.isalnum())
