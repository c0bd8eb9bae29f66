"""What is said of a prompt before any picture is made of it, and whose brands it may name.

Comes in: what scanners found in a prompt, and whose brands a row names. Goes out: words on the prompt, and on each slot
that asks for it. A brand is the slot's matter and not the request's: articles of two makers may share one prompt and
one picture, and what is one's own brand is somebody else's trademark on the other. The picture is made as soon as one
slot may have it; the others wait for a person.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import Field, field_validator, model_validator

from catalogs.policy.word_lists import expand_brand_list, expand_word_lists
from catalogs.rule_files import StrictModel
from catalogs.verdict import PASS, Verdict

OTHER_BRAND = "brand.other"

ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
BrandNames = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PromptFindings:
    """What the scanners found in a prompt, brands apart."""

    hits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Category -> matched terms."""
    languages: Sequence[str] = ()
    """Languages and scripts that the recipe does not name."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """The text classifier's, by label."""


class PromptVerdict(NamedTuple):
    """The word on a prompt, whoever asks for it, and the brands that it names."""

    verdict: Verdict
    brands: tuple[str, ...] = ()


class PromptGate(Protocol):
    """Judges prompts. The planner asks it once a prompt, and once a slot where the prompt names brands."""

    def judge(self, prompt: str) -> PromptVerdict:
        """Return the word on a prompt."""

    def judge_brands(self, named_brands: Sequence[str], own_brand: str) -> Verdict:
        """Return the word on a slot whose prompt names `named_brands`, and whose row names `own_brand`."""


class WordCategory(StrictModel):
    """One kind of banned words."""

    verdict: Literal["BLOCK", "REVIEW"] = Field(description="The word on a prompt that holds one of the terms")
    terms: tuple[str, ...] = Field(min_length=1, description="Words or phrases; plurals in -s and -es are implied")

    @field_validator("terms")
    @classmethod
    def _sorted(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        return sorted_distinct(terms)


class WordRules(StrictModel):
    """The prompt blocklist."""

    lists: dict[ReasonCode, Literal["BLOCK", "REVIEW"]] = Field(
        default_factory=dict, description="Lists that ship, catalogs/data/words -> the word on what they hold"
    )
    without: tuple[str, ...] = Field((), description="Terms and phrases of those lists to leave out")
    categories: dict[ReasonCode, WordCategory] = Field(
        default_factory=dict, description="Category -> its terms and its verdict; one that is listed too adds to it"
    )
    allow: tuple[str, ...] = Field((), description="Harmless phrases that hold a banned word, such as `shot glass`")

    @model_validator(mode="before")
    @classmethod
    def _expand_lists(cls, content: Any) -> Any:
        return expand_word_lists(content) if isinstance(content, Mapping) else content

    @field_validator("allow")
    @classmethod
    def _sorted(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        return sorted_distinct(terms)

    @property
    def terms_by_category(self) -> dict[str, tuple[str, ...]]:
        """Return category -> terms, as the word scanner takes them."""
        return {name: category.terms for name, category in self.categories.items()}


class BrandRules(StrictModel):
    """The trademarks that prompts are searched for."""

    verdict: Literal["REVIEW", "BLOCK"] = Field("REVIEW", description="The word on a brand that is not the SKU's own")
    listed: bool = Field(False, description="Begin with the list that ships, catalogs/data/brands.txt")
    without: tuple[str, ...] = Field((), description="Brands of that list to leave out")
    names: BrandNames = Field(
        default_factory=dict, description="Brand -> names that are unmistakable wherever they stand"
    )
    devices: BrandNames = Field(
        default_factory=dict, description="The same, but `for`, `fits` or `compatible with` before one is no finding"
    )
    words: BrandNames = Field(
        default_factory=dict, description="Brand -> ordinary words, which count with a capital and ®, ™ or `logo` only"
    )

    @model_validator(mode="before")
    @classmethod
    def _expand_list(cls, content: Any) -> Any:
        return expand_brand_list(content) if isinstance(content, Mapping) else content

    @field_validator("names", "devices", "words")
    @classmethod
    def _sorted(cls, names: BrandNames) -> BrandNames:
        if any(not known or not all(name.strip() for name in known) for known in names.values()):
            raise ValueError("a brand without a name is never found; remove it")
        return {brand: tuple(sorted(set(known))) for brand, known in sorted(names.items())}


def decide_brands(found: Iterable[str], own: Set[str], brands: BrandRules) -> Verdict:
    """Return the word on a slot whose prompt names the brands `found` and whose SKU is of the brands `own`."""
    return PASS if own >= set(found) else Verdict(brands.verdict, (OTHER_BRAND,))


def sorted_distinct(terms: tuple[str, ...]) -> tuple[str, ...]:
    """Return names or terms sorted, each once; raise ValueError for an empty one."""
    if any(not term.strip() for term in terms):
        raise ValueError("an empty entry matches nothing; remove it")
    return tuple(sorted(set(terms)))
