"""Brand scanner: detect the brands that a prompt names, and those of a shop's brand column.

Inputs: brand -> names, of three kinds, and phrases that say how a brand is named; then one text at a time. Outputs:
brands, by how they are named. Unmistakable names are searched like banned words, through the same disguises. A device's
name after `for` or `fits` says what an accessory is for. Names that are ordinary words count only where they cannot be
anything else: `Apple® mug`, `Shell logo`, but not `Apple Pie Mug`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from infra.scanners.blocklist import WordScanner
from infra.scanners.brand_context import BrandContext, BrandMentions, ContextPhrases

VERSION = "brands-2"
BRAND_CACHE_SIZE = 4096
"""Texts of brand columns whose brands are cached: a shop has few, each on many rows."""

BRAND_PREFIX = "brand:"
"""Distinguishes a brand's terms from a category's, whose name has no colon."""

IMITATION = "imitation:"
"""The category of words of imitation among a scanner's terms."""

NO_MENTIONS = BrandMentions()
"""What most texts hold: one object for all of them, which nobody may change."""

BrandNames = Mapping[str, Sequence[str]]

_COMPATIBILITY_WORDS = (
    "for", "fits", "compatible with", "für", "passend für", "kompatibel mit", "pour", "compatible avec", "para",
    "compatible con", "per", "compatibile con", "для",
)  # fmt: skip
"""Words before the name of the device that an accessory is made for."""
_TRADEMARK_SIGN = re.compile(
    r"[®™℠]|(?i:\((?:r|tm)\)|logos?\b|branded\b|brand\b|trademarks?\b|monograms?\b|emblems?\b)"
)
"""What follows an ordinary word that is meant as a brand."""


class BrandScanner:
    """Finds brands in texts. Keep it for many texts. Safe to share between threads.

    Its unmistakable names are terms for a `WordScanner`, which may search for others too: producing all readings of a
    text is the costly part, and it is done once.
    """

    def __init__(
        self,
        names: BrandNames,
        devices: BrandNames,
        ordinary_words: BrandNames,
        phrases: ContextPhrases | None = None,
        homonyms: BrandNames = MappingProxyType({}),
    ) -> None:
        """Take brand -> names of each kind (see `catalogs.policy.brands.brand_rules.BrandRules`).

        `homonyms` are brands that a column may hold and that no text is searched for. Without `phrases` a text names
        every brand as its goods' own, but for devices after one of a few words.
        """
        self.terms: dict[str, list[str]] = {}
        known: dict[str, list[str]] = {}
        for kind in (names, devices, ordinary_words):
            for brand, members in kind.items():
                known.setdefault(brand, [brand]).extend(members)
                if kind is not ordinary_words:
                    self.terms.setdefault(f"{BRAND_PREFIX}{brand}", []).extend(members)
        owned = (name for members in devices.values() for name in members)
        self.allow = [f"{before} {name}" for name in owned for before in _COMPATIBILITY_WORDS if phrases is None]
        if phrases is not None and phrases.of_imitation:
            self.terms[IMITATION] = phrases.of_imitation
        searched = {brand: [*names.get(brand, ()), *devices.get(brand, ())] for brand in (*names, *devices)}
        self._context = None if phrases is None else BrandContext(searched, ordinary_words, phrases)
        for brand in homonyms:
            known.setdefault(brand, [brand])
        self._known = WordScanner(known)
        self._brand_of = {word: brand for brand, members in ordinary_words.items() for word in members}
        spelled = "|".join(map(re.escape, sorted(self._brand_of, key=len, reverse=True)))
        self._ordinary = re.compile(rf"(?<!\w)({spelled})\s?(?:{_TRADEMARK_SIGN.pattern})") if spelled else None
        self.version = f"{VERSION}-{self._known.version}"
        self.brands_of = lru_cache(maxsize=BRAND_CACHE_SIZE)(self._find_brands)

    def scan(self, text: str, hits: Collection[str]) -> BrandMentions:
        """Return the brands that a text names; `hits` are the categories of terms found in it."""
        brands = {hit.removeprefix(BRAND_PREFIX) for hit in hits if hit.startswith(BRAND_PREFIX)}
        marked: set[str] = set()
        if self._ordinary is not None and _TRADEMARK_SIGN.search(text):
            marked.update(self._brand_of[word] for word in self._ordinary.findall(text))
        if not (brands or marked or IMITATION in hits):
            return NO_MENTIONS
        if self._context is None or not (brands or IMITATION in hits):
            return BrandMentions(own=brands | marked)
        mentions = self._context.find(text)
        mentions.own |= marked | (brands - mentions.fitted)  # nothing excuses a name that only a disguise holds
        return mentions

    def find_sold(self, text: str) -> set[str]:
        """Return the brands that a text names as its goods' own and imitates none of, whatever disguises there are."""
        if self._context is None:
            return set()
        mentions = self._context.find(text)
        return mentions.own - mentions.imitated - mentions.resembled

    def _find_brands(self, brand: str) -> frozenset[str]:
        """Return the brands of a brand column's text, where an ordinary word is a brand too."""
        return frozenset(self._known.scan(brand))
