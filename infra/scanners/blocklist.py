"""Blocklist scanner: find banned words in prompts, through common disguises.

Inputs: lists of terms by category, harmless phrases, then one text at a time. Outputs: the terms found.
Text is split into words and whole words are looked up, so `Scunthorpe` and `therapist` match nothing, and the cost
does not grow with the number of terms. The same text is read in several ways (`infra.scanners.text_normalization`), and
a word in several spellings (leet undone, stretched letters shortened); all of it is linear in the text's length.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from operator import contains

from infra.scanners.text_normalization import WORD, fold, normalization_variants

VERSION = "words-2"
"""Version of the readings; a scanner's own `version` adds its lists."""

WORD_CACHE_SIZE = 16_384
"""Words that a scanner caches: a catalogue repeats the same few thousand."""

_Words = tuple[str, ...]
_TermEntry = tuple[_Words, str, str]
"""A term's words, its category, and how the lists spell it."""
_TermEntries = tuple[_TermEntry, ...]


class _SpellingTable(dict[str, _Words]):
    """Word -> its possible spellings, filled as words occur."""

    def __init__(self, shapes: Mapping[str, Set[str]]) -> None:
        self._shapes = shapes

    def __missing__(self, word: str) -> _Words:
        if len(self) >= WORD_CACHE_SIZE:
            self.clear()
        self[word] = spellings = _possible_spellings(word, self._shapes)
        return spellings


class _FirstWordIndex(dict[str, _TermEntries]):
    """Word -> the terms that begin with one of its spellings, filled as words occur."""

    def __init__(self, terms: Mapping[str, Iterable[_TermEntry]], lexicon: Mapping[str, _Words]) -> None:
        self._terms, self._lexicon = terms, lexicon

    def __missing__(self, word: str) -> _TermEntries:
        if len(self) >= WORD_CACHE_SIZE:
            self.clear()
        self[word] = entries = tuple(
            entry for spelling in self._lexicon[word] for entry in self._terms.get(spelling, ())
        )
        return entries


_LEET = (str.maketrans("0123456789", "oizeasgtbg"), str.maketrans("0123456789", "olzeasgtbg"))
"""Twice, because 1 stands for i as well as for l."""
_ALL_LEET = str.maketrans("0123456789l", "oizeasgtbgi")
_REPEATED = re.compile(r"(.)(?=\1)")
_STRETCHED = re.compile(r"(.)\1{2,}")
_MIN_EXTRA_LETTERS = 2
"""Repeated letters from which a word is also read without any double letter: `nnaakked`, but not `striper`."""

_MIN_LETTERS_BESIDE_STARS, _STARRED_LENGTHS = 2, (4, 20)
"""Written letters that a word with stars needs, and its length, to be compared with the terms."""


class WordScanner:
    """Finds terms in texts. Building it takes milliseconds; keep it for many texts. Safe to share between threads."""

    def __init__(self, terms: Mapping[str, Sequence[str]], allow: Sequence[str] = ()) -> None:
        """Take category -> terms, and phrases whose words are ignored; raise ValueError for a term without a word."""
        self._terms: dict[str, list[_TermEntry]] = defaultdict(list)
        self._allowed: dict[str, list[_Words]] = defaultdict(list)
        self._shapes: dict[str, set[str]] = defaultdict(set)
        for category, members in terms.items():
            for term in members:
                for words in _inflections(term):
                    self._terms[words[0]].append((words, category, term))
                    for word in words:
                        self._shapes[_skeleton(word)].add(word)
        for phrase in allow:
            for words in _inflections(phrase):
                self._allowed[words[0]].append(words)
        lists = [[category, sorted(members)] for category, members in sorted(terms.items())]
        content = json.dumps([lists, sorted(allow)]).encode()
        self.version = f"{VERSION}-{hashlib.sha256(content).hexdigest()[:12]}"
        self._spellings_by_word = _SpellingTable(self._shapes)
        self._terms_by_first_word = _FirstWordIndex(self._terms, self._spellings_by_word)

    def scan(self, text: str) -> dict[str, list[str]]:
        """Return category -> the terms found, sorted, each once, as the lists spell them; empty if there are none."""
        terms: dict[str, set[str]] = defaultdict(set)
        for words in normalization_variants(text):
            for category, term in self._matches(words):
                terms[category].add(term)
        return {category: sorted(members) for category, members in sorted(terms.items())}

    def _matches(self, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        begun = [*map(self._terms_by_first_word.__getitem__, words)]
        if not any(begun):
            return
        spellings = [*map(self._spellings_by_word.__getitem__, words), ()]  # the last: no word follows
        matches = [
            (range(position, position + len(phrase)), category, term)
            for position, entries in enumerate(begun)
            if entries
            for phrase, category, term in entries
            if len(phrase) == 1 or (phrase[1] in spellings[position + 1] and _follows(phrase, spellings, position))
        ]
        masked = self._allowed_positions(words) if matches else set()
        yield from ((category, term) for positions, category, term in matches if not masked.issuperset(positions))

    def _allowed_positions(self, words: Sequence[str]) -> set[int]:
        masked: set[int] = set()
        for position, word in enumerate(words):
            for phrase in self._allowed.get(word, ()):
                if tuple(words[position : position + len(phrase)]) == phrase:
                    masked.update(range(position, position + len(phrase)))
        return masked


def _follows(phrase: _Words, spellings: Sequence[_Words], position: int) -> bool:
    """Tell whether the rest of a phrase, whose first word is at `position`, follows there."""
    following = spellings[position + 1 : position + len(phrase)]
    return len(following) == len(phrase) - 1 and all(map(contains, following, phrase[1:]))


def _inflections(term: str) -> Iterator[_Words]:
    words = tuple(WORD.findall(fold(term)))
    if not words:
        raise ValueError(f"a term needs at least one letter or digit: {term!r}")
    yield words
    last = words[-1]
    yield (*words[:-1], last + ("es" if last.endswith(("s", "x", "z", "ch", "sh")) else "s"))


def _possible_spellings(word: str, shapes: Mapping[str, Set[str]]) -> _Words:
    """Return the possible spellings of a word, itself first; a plain word has no other.

    `shapes` are those of the terms' words: a word of another shape cannot stand for any of them.

    Digits are read as letters only where a word has at least as many letters as digits: `p0rn` is read, and `A55`, a
    telephone, is left alone.
    """
    if "*" in word:
        return (word, *sorted(_wildcard_matches(word, shapes)))
    single = _REPEATED.sub("", word)
    drawled = len(word) - len(single) >= _MIN_EXTRA_LETTERS
    if word.isalpha() and not drawled:
        return (word,)
    shape = _skeleton(word)
    if shape not in shapes:
        return (word,)
    spellings = [*_without_stretching(_without_leet(_without_stretching([word])))]
    if drawled:
        singles = {*_without_leet([single])}
        spellings += sorted(term for term in shapes[shape] if _REPEATED.sub("", term) in singles)
    return tuple(dict.fromkeys(spellings))


def _wildcard_matches(word: str, shapes: Mapping[str, Set[str]]) -> Iterator[str]:
    """Yield the terms' words that `p*rn` may stand for: one letter for each star."""
    if (
        len(word) - word.count("*") >= _MIN_LETTERS_BESIDE_STARS
        and _STARRED_LENGTHS[0] <= len(word) <= _STARRED_LENGTHS[1]
    ):
        meant = re.compile(word.replace("*", r"\w"))
        yield from (term for terms in shapes.values() for term in terms if meant.fullmatch(term))


def _skeleton(word: str) -> str:
    """Return the shape that all readings of a word share: digits as letters, l as i, no letter twice in a row."""
    return _REPEATED.sub("", word.translate(_ALL_LEET))


def _without_stretching(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        yield word
        if _STRETCHED.search(word):
            yield _STRETCHED.sub(r"\1", word)
            yield _STRETCHED.sub(r"\1\1", word)


def _without_leet(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        yield word
        if not word.isalpha() and 2 * sum(map(str.isdigit, word)) <= len(word):
            yield from (word.translate(table) for table in _LEET)
