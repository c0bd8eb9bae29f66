"""Brand rules: the trademarks that prompts are searched for, and the words that say how a brand is named, as data.

Inputs: the field `brands` of a policy. Outputs: frozen, checked `BrandRules`, with the packaged lists written out in
full. Invariant: a field that was added later is left out of the policy's digest where it is not set, so no policy in
force moves.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from catalogs.policy.word_lists import expand_brand_list, expand_brand_phrases
from catalogs.rule_files import StrictModel

BrandNames = dict[str, tuple[str, ...]]
Phrases = tuple[str, ...]

LATER_FIELDS = ("own", "phrases")
"""Fields that the digest holds only where they differ from their default."""


class BrandPhrases(StrictModel):
    """Words that stand beside a brand and say how it is named, and terms of word lists that are brands too."""

    fits_before: Phrases = Field((), description="Before a brand that the goods are made for: `for`, `compatible with`")
    fits_after: Phrases = Field((), description="After such a brand: `compatible`")
    imitates: Phrases = Field(
        (), description="Beside a brand, on either side, for a person in any row: `replica`, `dupe`"
    )
    imitates_alone: Phrases = Field((), description="The same without a known brand beside it: `dupe`, `knockoff`")
    harmless: Phrases = Field((), description="Phrases in which one of these words means no imitation: `fake fur`")
    resembles_before: Phrases = Field(
        (), description="Before a brand, for a person unless it is the row's own: `inspired by`"
    )
    resembles_after: Phrases = Field((), description="After a brand, likewise: `style`")
    no_brand: Phrases = Field((), description="What a brand column holds where the brand is not known: `n/a`")
    homonyms: dict[str, Phrases] = Field(
        default_factory=dict, description="Brand -> terms of word lists that are its names too: `Opium`"
    )
    homonym_goods: dict[str, Phrases] = Field(
        default_factory=dict,
        description="The same brand -> its goods; a title with both teaches that the shop sells it",
    )

    @field_validator(
        "fits_before",
        "fits_after",
        "imitates",
        "imitates_alone",
        "harmless",
        "resembles_before",
        "resembles_after",
        "no_brand",
    )
    @classmethod
    def _sorted(cls, phrases: Phrases) -> Phrases:
        if any(not phrase.strip() for phrase in phrases):
            raise ValueError("an empty phrase stands beside every brand; remove it")
        return tuple(sorted(set(phrases)))

    @field_validator("homonyms", "homonym_goods")
    @classmethod
    def _sorted_names(cls, names: BrandNames) -> BrandNames:
        return sorted_brand_names(names)


class BrandRules(StrictModel):
    """The trademarks that prompts are searched for."""

    verdict: Literal["REVIEW", "BLOCK"] = Field(
        "REVIEW", description="The verdict on a brand that is not the SKU's own"
    )
    listed: bool = Field(False, description="Begin with the packaged list, catalogs/data/brands.txt")
    without: tuple[str, ...] = Field((), description="Brands of that list to leave out")
    names: BrandNames = Field(default_factory=dict, description="Brand -> names that are unmistakable in any context")
    devices: BrandNames = Field(
        default_factory=dict,
        description="The same, except after `for`, `fits` or `compatible with`, where a name is allowed",
    )
    words: BrandNames = Field(
        default_factory=dict, description="Brand -> ordinary words, which count only with a capital and ®, ™ or `logo`"
    )
    own: Literal["row", "shop"] = Field(
        "row",
        description="Whose brands a row without one has: nobody's (`row`), or those that the shop sells (`shop`), which"
        " full runs learn and `packshot brands` changes",
    )
    phrases: BrandPhrases | None = Field(
        None,
        description="Words that say how a brand is named; `listed`: those of catalogs/data/brand_phrases.txt."
        " Without them every brand counts alike",
    )

    @model_validator(mode="before")
    @classmethod
    def _expand_lists(cls, content: Any) -> Any:
        return expand_brand_phrases(expand_brand_list(content)) if isinstance(content, Mapping) else content

    @field_validator("names", "devices", "words")
    @classmethod
    def _sorted(cls, names: BrandNames) -> BrandNames:
        return sorted_brand_names(names)

    @property
    def known_brands(self) -> frozenset[str]:
        """Return the names of all brands that a prompt is searched for."""
        homonyms = self.phrases.homonyms if self.phrases is not None else {}
        return frozenset((*self.names, *self.devices, *self.words, *homonyms))

    def digest_content(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return what of the dumped rules counts in the policy's digest: later fields only where they are set."""
        unset = {name for name in LATER_FIELDS if getattr(self, name) == type(self).model_fields[name].default}
        return {name: value for name, value in content.items() if name not in unset}


def sorted_brand_names(names: BrandNames) -> BrandNames:
    """Return brands and their names sorted, each once. Raises `ValueError` for a brand without a name."""
    if any(not known or not all(name.strip() for name in known) for known in names.values()):
        raise ValueError("a brand without a name is never found; give it one, or remove it")
    return {brand: tuple(sorted(set(known))) for brand, known in sorted(names.items())}
