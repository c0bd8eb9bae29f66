"""Brand context: how a text names brands, by the words that stand beside their names.

Inputs: brand -> names, phrases of five kinds; then one text at a time. Outputs: the brands that are named as the goods'
own, those beside words of imitation, and those that the goods are only made for. The text is read as it stands: a
disguised name (`N1ke`) is the word scanner's to find, and has no context that could excuse it. Invariant: linear in the
text's length: each word is looked up once, and a phrase has a bounded length.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from infra.scanners.text_normalization import WORD, fold

MAX_WORDS_BEFORE, MAX_WORDS_AFTER = 1, 3
"""Words between an imitation's word and a brand: `fake leather Gucci`, `Rolex Submariner date replica`."""
MAX_WORDS_AFTER_PHRASE = 3
"""The same where it is a phrase before the brand: `smells like No 5 by Chanel`."""
MAX_WORDS_RESEMBLING = 1
"""The same for words that are fashion words too: `Ray-Ban aviator style`."""
MAX_WORDS_IN_LIST = 4
"""Words between two brands of one list: `for iPhone 15 Pro Max, Galaxy S24`."""

MAX_ARTICLES = 2
"""Small words between `for` and a brand: `for all your iPhones`."""

UNNAMED = "any brand"
"""The brand where a word that always means an imitation stands alone, or beside a brand that no list has."""

_ARTICLES = frozenset(
    [
        "a",
        "all",
        "an",
        "any",
        "das",
        "dein",
        "den",
        "der",
        "die",
        "el",
        "else",
        "het",
        "il",
        "la",
        "las",
        "le",
        "les",
        "los",
        "lo",
        "most",
        "my",
        "new",
        "old",
        "the",
        "un",
        "una",
        "une",
        "your",
    ]
)
_JOINERS = frozenset(
    ["and", "or", "und", "oder", "et", "ou", "y", "e", "o", "en", "of", "oraz", "lub", "i", "och", "og"]
)
_LIST_SIGN = re.compile(r"[,/&+]")
_SENTENCE_END = re.compile(r"[.;|!?:](?=\s)|[;|\n]|\s[-–—]\s")
_Words = tuple[str, ...]


@dataclass(frozen=True)
class ContextPhrases:
    """Phrases that stand beside a brand; see `catalogs.policy.brands.brand_rules.BrandPhrases` for their meaning."""

    fits_before: Sequence[str] = ()
    fits_after: Sequence[str] = ()
    imitates: Sequence[str] = ()
    imitates_alone: Sequence[str] = ()
    harmless: Sequence[str] = ()
    resembles_before: Sequence[str] = ()
    resembles_after: Sequence[str] = ()

    @property
    def of_imitation(self) -> list[str]:
        """Return the phrases that make a text worth a look which names no brand unmistakably."""
        return [*self.imitates, *self.imitates_alone, *self.resembles_before]


@dataclass
class BrandMentions:
    """The brands that a text names, by how it names them; a brand may be named in several ways."""

    own: set[str] = field(default_factory=set)
    fitted: set[str] = field(default_factory=set)
    imitated: set[str] = field(default_factory=set)
    resembled: set[str] = field(default_factory=set)


class _Span(NamedTuple):
    start: int
    end: int


class _PhraseIndex:
    """Finds phrases in words; the value of a phrase is what it was added with."""

    def __init__(self, phrases: Iterable[tuple[str, str]]) -> None:
        self._by_first: dict[str, list[tuple[_Words, str]]] = defaultdict(list)
        for phrase, value in phrases:
            words = tuple(WORD.findall(fold(phrase)))
            if words and (words, value) not in self._by_first[words[0]]:
                self._by_first[words[0]].append((words, value))
        self._by_first.default_factory = None

    def find(self, words: Sequence[str]) -> Iterator[tuple[_Span, str]]:
        for position, word in enumerate(words):
            for phrase, value in self._by_first.get(word, ()):
                if tuple(words[position : position + len(phrase)]) == phrase:
                    yield _Span(position, position + len(phrase)), value


class BrandContext:
    """Tells how texts name brands. Building it takes a millisecond; safe to share between threads."""

    def __init__(
        self, names: Mapping[str, Sequence[str]], ordinary_words: Mapping[str, Sequence[str]], phrases: ContextPhrases
    ) -> None:
        """Take brand -> names of each kind, and the phrases."""
        self._names = _PhraseIndex(
            (spelled, brand) for brand, members in names.items() for name in members for spelled in (name, f"{name}s")
        )
        self._ordinary = _PhraseIndex((word, brand) for brand, members in ordinary_words.items() for word in members)
        kinds = {name: getattr(phrases, name) for name in ContextPhrases.__dataclass_fields__}
        self._phrases = _PhraseIndex((phrase, kind) for kind, members in kinds.items() for phrase in members)

    def find(self, text: str) -> BrandMentions:
        """Return the brands that a text names, by how it names them."""
        matches = list(WORD.finditer(text))
        words = [fold(match[0]) for match in matches]
        breaks = _Breaks(text, matches)
        beside = _Beside(self._phrases.find(words), breaks)
        mentions, last = BrandMentions(), None
        for span, brand in sorted(self._names.find(words)):
            is_fitted = beside.fits(span, words) or (last is not None and breaks.continues_list(last, span, words))
            last = span if is_fitted else None
            if is_fitted:
                mentions.fitted.add(brand)
                continue
            mentions.own.add(brand)
            if beside.imitates(span):
                mentions.imitated.add(brand)
            elif beside.resembles(span):
                mentions.resembled.add(brand)
        if beside.has("imitates_alone"):
            mentions.imitated.add(UNNAMED)
        for span, brand in self._ordinary.find(words):
            if not matches[span.start][0][0].isupper():
                continue
            if beside.imitates(span):
                mentions.imitated.add(brand)
            elif beside.resembles_by_phrase(span):
                mentions.resembled.add(brand)
        return mentions


class _Breaks:
    """Where sentences and lists of a text are cut."""

    def __init__(self, text: str, matches: Sequence[re.Match[str]]) -> None:
        gaps = [text[one.end() : other.start()] for one, other in pairwise(matches)]
        self._ends = [bool(_SENTENCE_END.search(gap)) for gap in gaps]
        self._list_signs = [bool(_LIST_SIGN.search(gap)) for gap in gaps]
        self._commas = ["," in gap for gap in gaps]

    def joined(self, start: int, end: int, *, over_commas: bool = True) -> bool:
        """Tell whether no sentence ends between the words before `start` and from `end` on."""
        between = slice(max(start - 1, 0), end)
        return not any(self._ends[between]) and (over_commas or not any(self._commas[between]))

    def continues_list(self, fitted: _Span, span: _Span, words: Sequence[str]) -> bool:
        """Tell whether a brand follows one that the goods fit, in the same list: `for iPhone and Samsung`."""
        if span.start - fitted.end > MAX_WORDS_IN_LIST or not self.joined(fitted.end, span.start):
            return False
        between = slice(fitted.end - 1, span.start)
        adjoins = span.start <= fitted.end
        return adjoins or any(self._list_signs[between]) or not _JOINERS.isdisjoint(words[fitted.end : span.start])


class _Beside:
    """The phrases of one text, by kind, and whether a brand's name stands beside one."""

    def __init__(self, found: Iterable[tuple[_Span, str]], breaks: _Breaks) -> None:
        self._breaks = breaks
        spans = list(found)
        harmless = {position for span, kind in spans if kind == "harmless" for position in range(*span)}
        self._starts: dict[str, set[int]] = defaultdict(set)
        self._ends: dict[str, set[int]] = defaultdict(set)
        for span, kind in spans:
            if kind.startswith("fits") or not harmless.issuperset(range(*span)):
                self._starts[kind].add(span.start)
                self._ends[kind].add(span.end)
                if span.end - span.start > 1:
                    self._ends[f"{kind}: a phrase"].add(span.end)

    def has(self, kind: str) -> bool:
        """Tell whether there is a phrase of a kind anywhere."""
        return bool(self._starts[kind])

    def fits(self, name: _Span, words: Sequence[str]) -> bool:
        """Tell whether a name is what the goods are made for."""
        for end in range(name.start, max(name.start - 1 - MAX_ARTICLES, -1), -1):
            if end in self._ends["fits_before"] and _ARTICLES.issuperset(words[end : name.start]):
                return self._breaks.joined(end, name.start)
        return name.end in self._starts["fits_after"] and self._breaks.joined(name.end, name.end)

    def imitates(self, name: _Span) -> bool:
        """Tell whether a name stands beside a word of imitation."""
        return (
            self._follows("imitates", name, MAX_WORDS_BEFORE)
            or self._follows("imitates: a phrase", name, MAX_WORDS_AFTER_PHRASE)
            or self._precedes("imitates", name, MAX_WORDS_AFTER)
        )

    def resembles_by_phrase(self, name: _Span) -> bool:
        """Tell whether a name follows right after a phrase that only names follow: `in the style of`."""
        return self._follows("resembles_before: a phrase", name, 0)

    def resembles(self, name: _Span) -> bool:
        """Tell whether a name stands beside a word that may mean an imitation."""
        return self._follows("resembles_before", name, MAX_WORDS_RESEMBLING, over_commas=False) or self._precedes(
            "resembles_after", name, MAX_WORDS_RESEMBLING, over_commas=False
        )

    def _follows(self, kind: str, name: _Span, words: int, *, over_commas: bool = True) -> bool:
        return any(
            end in self._ends[kind] and self._breaks.joined(end, name.start, over_commas=over_commas)
            for end in range(max(name.start - words, 0), name.start + 1)
        )

    def _precedes(self, kind: str, name: _Span, words: int, *, over_commas: bool = True) -> bool:
        return any(
            start in self._starts[kind] and self._breaks.joined(name.end, start, over_commas=over_commas)
            for start in range(name.end, name.end + words + 1)
        )
