"""Normalize text for word lists: the readings that its disguises are meant to look or sound like.

Inputs: any text. Outputs: readings, each a list of words. There are several, because no single reading finds every
disguise: a transliteration turns Cyrillic `р` into r, so `рistоl` slips through it, and a table of look-alikes has no
entry for `кокаин`.
Invariant: each reading is one pass over the text and their number is fixed, so hostile text of any length takes time in
proportion to its length. No reading reaches a prompt.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese write no spaces: there, every letter counts as a word, and a term is
a phrase of letters."""
WORD = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])[^\W_])+")

_UNSPACED_LETTER = re.compile(f"[{UNSPACED}]")
_ASCII_WORD = re.compile("[a-z0-9]+")
_LETTERS_IN_BOXES = range(0x1F100, 0x1F200)
_SYMBOLS = str.maketrans({"@": "a", "$": "s", "!": "i", "|": "i", "€": "e", "£": "l", "+": "t"})
_HAS_SYMBOL = re.compile(r"[@$!|€£+]")
_CAPITAL_I = re.compile("(?<=[a-z0-9])I(?![a-z]*[A-Z])")
"""An I that stands for an l: `pistoI`."""
_JOINT = re.compile("[-‐‑·_.*]")
"""Between two parts of one word, `por-no`, or in place of a letter, `p*rn`."""
_MAX_STARRED_WORDS = 8
"""Words with stars that are considered per text: each is compared with every term."""
_EDGE_PUNCTUATION = ".,;:!?*'\"()[]{}-_“”„«»‘’…"
_MIN_SPACED_LETTERS = 3
"""Single letters in a row from which they are read as one word."""
_EXTRA_HOMOGLYPHS = dict(zip("бвгзийкмнтηκτω", "bbreiikmhtnktw", strict=True))
"""Look-alikes in use that Unicode's list of confusables omits, or maps to a digit."""


class _InvisibleTable(dict[int, str | None]):
    """A translation table that drops invisible characters, filled as characters occur."""

    def __missing__(self, code: int) -> str | None:
        letter = chr(code)
        category = unicodedata.category(letter)
        hidden = category in {"Cf", "Mn", "Me", "Cs", "Co"} or unicodedata.combining(letter) != 0
        hidden = hidden or (category == "Cc" and not letter.isspace())
        self[code] = None if hidden else letter
        return self[code]


class _HomoglyphTable(dict[int, str]):
    """A translation table from a letter of any script to the Latin one it looks like, filled as letters occur."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        self[code] = _EXTRA_HOMOGLYPHS.get(letter) or _confusables().get(letter, letter)
        return self[code]


class _TransliterationTable(dict[int, str]):
    """A translation table from a letter of any script to its Latin transliteration, filled the same way.

    Chinese is left as it is: a dozen of its words are transliterated `gun`.
    """

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if (letter.isalpha() and not _UNSPACED_LETTER.match(letter)) or code in _LETTERS_IN_BOXES:
            from anyascii import anyascii  # imported at the first such letter: most catalogues have none

            letter = anyascii(letter).lower().replace("'", "") or letter
        self[code] = letter
        return letter


_INVISIBLE = _InvisibleTable()
_HOMOGLYPHS = _HomoglyphTable()
_TRANSLITERATIONS = _TransliterationTable()


@cache
def _confusables() -> dict[str, str]:
    """Return letter -> the Latin letter or digit that it, or its capital, looks like, by Unicode's list."""
    from confusable_homoglyphs.confusables import confusables_data  # takes a tenth of a second, and is rarely needed

    homoglyphs: dict[str, str] = {}
    for letter, others in confusables_data.items():
        ascii_ones = (other["c"] for other in others if len(other["c"]) == 1 and other["c"].isascii())
        plain = [other for other in ascii_ones if other.isalnum()]
        if plain and len(letter) == 1 and not letter.isascii():
            small = letter.lower()
            if letter == small or small not in homoglyphs:
                homoglyphs[small] = plain[0].lower()
    return homoglyphs


def fold(text: str) -> str:
    """Return the text without case, accents, compatibility forms and invisible characters.

    Combining marks are dropped before normalizing as well as after it: sorting a long run of them takes quadratic time.
    """
    if text.isascii():
        return text.lower() if text.isprintable() else text.translate(_INVISIBLE).lower()
    text = unicodedata.normalize("NFKD", text.translate(_INVISIBLE))
    return text.casefold().translate(_INVISIBLE)


def normalization_variants(text: str) -> Iterator[Sequence[str]]:
    """Yield the words of a text in each of its readings; the plain one always comes first.

    A word may hold stars, each of which stands for unwritten letters.
    """
    folded = fold(text)
    yield from _word_lists(folded)
    if _CAPITAL_I.search(text):
        yield from _word_lists(fold(_CAPITAL_I.sub("l", text)))
    if _JOINT.search(folded):
        yield from _rejoined_words(folded)


def _rejoined_words(text: str) -> Iterator[Sequence[str]]:
    """Yield words that are written in parts, and words that hold stars, each as a reading of its own."""
    stars = 0
    for word in text.split():
        if _JOINT.search(word) is None:
            continue
        word = word.strip(_EDGE_PUNCTUATION)
        if "*" in word:
            stars += 1
            if stars <= _MAX_STARRED_WORDS and word.replace("*", "").isalpha():
                yield [word]
        elif len(parts := _JOINT.split(word)) > 1 and all(len(part) > 1 and part.isalnum() for part in parts):
            yield ["".join(parts)]


def _word_lists(text: str) -> Iterator[Sequence[str]]:
    for spelling in _spellings(text):
        words = (_ASCII_WORD if spelling.isascii() else WORD).findall(spelling)
        yield words
        if list(map(len, words)).count(1) >= _MIN_SPACED_LETTERS:
            yield from _joined_letters(words)


def _spellings(text: str) -> Iterator[str]:
    views = (
        [text]
        if text.isascii()
        else list(dict.fromkeys([text, text.translate(_HOMOGLYPHS), text.translate(_TRANSLITERATIONS)]))
    )
    yield from views
    for view in views:
        if _HAS_SYMBOL.search(view):
            yield view.translate(_SYMBOLS)


def _joined_letters(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the words with runs of single letters joined: whole, and without their first or their last one.

    The last two because a neighbour may be a word of its own, as in `a g u n`.
    """
    runs = [(single, list(run)) for single, run in groupby(words, key=_is_single_letter)]
    if not any(single and len(run) >= _MIN_SPACED_LETTERS for single, run in runs):
        return
    for skip_first, skip_last in ((0, 0), (1, 0), (0, 1)):
        result: list[str] = []
        for single, run in runs:
            end = len(run) - skip_last
            if single and len(run) >= _MIN_SPACED_LETTERS:
                result += [*run[:skip_first], "".join(run[skip_first:end]), *run[end:]]
            else:
                result += run
        yield result


def _is_single_letter(word: str) -> bool:
    return len(word) == 1 and not _UNSPACED_LETTER.match(word)
