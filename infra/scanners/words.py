"""The prompt blocklist's scanner: banned words, through the usual disguises.

Comes in: lists of terms by category, harmless phrases, then one text at a time. Goes out: which terms were found.
Text is cut into words and whole words are looked up, so that `Scunthorpe` and `therapist` are nobody's business and
the cost does not grow with the number of terms. The same text is read in several ways (as it stands, look-alike
letters made Latin, leet undone, stretched letters shortened, spaced-out letters joined); each reading is one pass,
so hostile text of any length takes time in proportion to its length.
"""

import hashlib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import contains

VERSION = "words-1"
"""Names the way of reading; a scanner's own `version` adds its lists."""

WORDS_KEPT = 16_384
"""Words that a scanner remembers having looked at: catalogues say the same few thousand over and over."""

_Words = tuple[str, ...]
_Entry = tuple[_Words, str, str]
"""A term's words, its category, and how the lists spell it."""
_Entries = tuple[_Entry, ...]


class _Lexicon(dict[str, _Words]):
    """Word -> all that it may stand for, filled as words turn up."""

    def __init__(self, shapes: Container[str]) -> None:
        self._shapes = shapes

    def __missing__(self, word: str) -> _Words:
        if len(self) >= WORDS_KEPT:
            self.clear()
        self[word] = spellings = _undisguised(word, self._shapes)
        return spellings


class _Beginnings(dict[str, _Entries]):
    """Word -> the terms that begin with what it may stand for, filled as words turn up."""

    def __init__(self, terms: Mapping[str, Iterable[_Entry]], lexicon: Mapping[str, _Words]) -> None:
        self._terms, self._lexicon = terms, lexicon

    def __missing__(self, word: str) -> _Entries:
        if len(self) >= WORDS_KEPT:
            self.clear()
        self[word] = entries = tuple(
            entry for spelling in self._lexicon[word] for entry in self._terms.get(spelling, ())
        )
        return entries


_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
# Thai, Lao, Burmese, Khmer, Japanese and Chinese write no spaces: there every letter counts as a word, and a term is
# a phrase of letters.
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+")

_ASCII_WORD = re.compile("[a-z0-9]+")

_LOOK_ALIKE = str.maketrans(
    "абвгеёзіїјкмнорстухѕһԁԛԝաոսօցαβεηικνορτυχωɑɡɩ",
    "abbreeziijkmhopctyxshdqwwnuogabenikvoptuxwagi",
)
_SYMBOLS = str.maketrans({"@": "a", "$": "s", "!": "i", "|": "i", "€": "e", "£": "l", "+": "t"})
_HAS_SYMBOL = re.compile(r"[@$!|€£+]")
_LEET = (str.maketrans("0123456789", "oizeasgtbg"), str.maketrans("0123456789", "olzeasgtbg"))
"""Twice, because 1 stands for i as well as for l."""
_ALL_LEET = str.maketrans("0123456789l", "oizeasgtbgi")
_SPACED_OUT = 3
"""So many single letters in a row are read as one word."""
_REPEATED = re.compile(r"(.)(?=\1)")
_STRETCHED = re.compile(r"(.)\1{2,}")


class _Invisible(dict[int, str | None]):
    """A translation table that drops what is not seen, filled as characters turn up."""

    def __missing__(self, code: int) -> str | None:
        letter = chr(code)
        category = unicodedata.category(letter)
        hidden = category in {"Cf", "Mn", "Me", "Cs", "Co"} or unicodedata.combining(letter) != 0
        hidden = hidden or (category == "Cc" and not letter.isspace())
        self[code] = None if hidden else letter
        return self[code]


_INVISIBLE = _Invisible()


def fold(text: str) -> str:
    """Return the text without case, accents, compatibility forms and invisible characters.

    Marks go before normalising as well as after it: putting a long run of them in order takes quadratic time.
    """
    if text.isascii():
        return text.lower() if text.isprintable() else text.translate(_INVISIBLE).lower()
    text = unicodedata.normalize("NFKD", text.translate(_INVISIBLE))
    return text.casefold().translate(_INVISIBLE)


class WordScanner:
    """Finds terms in texts. Building it takes milliseconds; keep it for many texts. Safe to share between threads."""

    def __init__(self, terms: Mapping[str, Sequence[str]], allow: Sequence[str] = ()) -> None:
        """Take category -> terms, and phrases whose words are not looked at; raise ValueError for a term of no word."""
        self._terms: dict[str, list[_Entry]] = defaultdict(list)
        self._allowed: dict[str, list[_Words]] = defaultdict(list)
        self._shapes: set[str] = set()
        for category, members in terms.items():
            for term in members:
                for words in _forms(term):
                    self._terms[words[0]].append((words, category, term))
                    self._shapes.update(map(_shape, words))
        for phrase in allow:
            for words in _forms(phrase):
                self._allowed[words[0]].append(words)
        lists = [[category, sorted(members)] for category, members in sorted(terms.items())]
        content = json.dumps([lists, sorted(allow)]).encode()
        self.version = f"{VERSION}-{hashlib.sha256(content).hexdigest()[:12]}"
        self._lexicon = _Lexicon(self._shapes)
        self._beginnings = _Beginnings(self._terms, self._lexicon)

    def scan(self, text: str) -> dict[str, list[str]]:
        """Return category -> the terms found, sorted, each once, as the lists spell them; empty if there are none."""
        found: dict[str, set[str]] = defaultdict(set)
        for words in _readings(fold(text)):
            for category, term in self._matches(words):
                found[category].add(term)
        return {category: sorted(members) for category, members in sorted(found.items())}

    def _matches(self, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        begun = [*map(self._beginnings.__getitem__, words)]
        if not any(begun):
            return
        found = [
            (range(place, place + len(phrase)), category, term)
            for place, entries in enumerate(begun)
            if entries
            for phrase, category, term in entries
            if self._says(words, place, phrase)
        ]
        masked = self._masked(words) if found else set()
        yield from ((category, term) for places, category, term in found if not masked.issuperset(places))

    def _says(self, words: Sequence[str], place: int, phrase: _Words) -> bool:
        """Tell whether the phrase, whose first word is known to stand at `place`, goes on from there."""
        end = place + len(phrase)
        rest = map(self._lexicon.__getitem__, words[place + 1 : end])
        return end <= len(words) and all(map(contains, rest, phrase[1:]))

    def _masked(self, words: Sequence[str]) -> set[int]:
        masked: set[int] = set()
        for place, word in enumerate(words):
            for phrase in self._allowed.get(word, ()):
                if tuple(words[place : place + len(phrase)]) == phrase:
                    masked.update(range(place, place + len(phrase)))
        return masked


def _forms(term: str) -> Iterator[_Words]:
    words = tuple(_WORD.findall(fold(term)))
    if not words:
        raise ValueError(f"a term needs at least one letter or digit: {term!r}")
    yield words
    last = words[-1]
    yield (*words[:-1], last + ("es" if last.endswith(("s", "x", "z", "ch", "sh")) else "s"))


def _readings(text: str) -> Iterator[Sequence[str]]:
    """Yield the words of a folded text in each of its readings; the plain one always comes first."""
    for spelling in _spellings(text):
        words = (_ASCII_WORD if spelling.isascii() else _WORD).findall(spelling)
        yield words
        if list(map(len, words)).count(1) >= _SPACED_OUT:
            yield from _joined(words)


def _spellings(text: str) -> Iterator[str]:
    yield text
    latin = text if text.isascii() else text.translate(_LOOK_ALIKE)
    if latin != text:
        yield latin
    if _HAS_SYMBOL.search(latin):
        yield latin.translate(_SYMBOLS)


def _joined(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the words with runs of single letters joined: whole, and without their first or their last one.

    The last two because a neighbour may be a word of its own, as in `a g u n`.
    """
    runs = [(single, list(run)) for single, run in groupby(words, key=_is_single)]
    if not any(single and len(run) >= _SPACED_OUT for single, run in runs):
        return
    for skip_first, skip_last in ((0, 0), (1, 0), (0, 1)):
        result: list[str] = []
        for single, run in runs:
            end = len(run) - skip_last
            if single and len(run) >= _SPACED_OUT:
                result += [*run[:skip_first], "".join(run[skip_first:end]), *run[end:]]
            else:
                result += run
        yield result


def _is_single(word: str) -> bool:
    return len(word) == 1 and not _UNSPACED_LETTER.match(word)


def _undisguised(word: str, shapes: Container[str]) -> _Words:
    """Return all that a word may stand for, itself first; a plain word stands for itself alone.

    `shapes` are those of the words that are looked for: a word of another shape cannot stand for any of them.

    Digits are read as letters only where a word has at least as many letters as digits: `p0rn` is read, and `A55`, a
    telephone, is left alone.
    """
    if (word.isalpha() and not _STRETCHED.search(word)) or _shape(word) not in shapes:
        return (word,)
    return tuple(dict.fromkeys(_shorter(_latin(_shorter([word])))))


def _shape(word: str) -> str:
    """Return what all readings of a word have in common: digits as letters, l as i, no letter twice in a row."""
    return _REPEATED.sub("", word.translate(_ALL_LEET))


def _shorter(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        yield word
        if _STRETCHED.search(word):
            yield _STRETCHED.sub(r"\1", word)
            yield _STRETCHED.sub(r"\1\1", word)


def _latin(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        yield word
        if not word.isalpha() and 2 * sum(map(str.isdigit, word)) <= len(word):
            yield from (word.translate(table) for table in _LEET)
