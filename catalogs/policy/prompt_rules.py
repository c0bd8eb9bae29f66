"""Prompt rules: banned words, and the interface of the prompt gate.

Inputs: what scanners found in a prompt. Outputs: the rules that give a verdict on the prompt.

Brands are judged for each slot, not for each request: articles of two makers may share one prompt and one image, and
the own brand of one is a foreign trademark on the other. The image is generated as soon as one slot may have it; the
other slots wait for a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import Field, field_validator, model_validator

from catalogs.policy.brands.brand_decisions import NO_FINDINGS, BrandFindings
from catalogs.policy.word_lists import expand_word_lists
from catalogs.rule_files import StrictModel
from catalogs.verdict import Verdict

ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


@dataclass(frozen=True, slots=True)
class PromptFindings:
    """What the scanners found in a prompt, except brands."""

    hits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Category -> matched terms."""
    languages: Sequence[str] = ()
    """Languages and scripts that the recipe does not name."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Scores of the text classifier, by label."""


class PromptVerdict(NamedTuple):
    """The verdict on a prompt for every slot that requests it, and how the prompt names brands."""

    verdict: Verdict
    brands: BrandFindings = NO_FINDINGS


class PromptGate(Protocol):
    """Judges prompts: once for each prompt, and once for each slot whose prompt names brands."""

    def evaluate_prompt(self, prompt: str) -> PromptVerdict:
        """Return the verdict on a prompt."""

    def evaluate_brands(self, findings: BrandFindings, own_brand: str) -> Verdict:
        """Return the verdict on a slot whose prompt names brands in this way, and whose row names `own_brand`."""


class WordCategory(StrictModel):
    """One category of banned words."""

    verdict: Literal["BLOCK", "REVIEW"] = Field(description="The verdict on a prompt that holds one of the terms")
    terms: tuple[str, ...] = Field(min_length=1, description="Words or phrases; plurals in -s and -es are implied")

    @field_validator("terms")
    @classmethod
    def _sorted(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        return sorted_distinct(terms)


class WordRules(StrictModel):
    """The prompt blocklist."""

    lists: dict[ReasonCode, Literal["BLOCK", "REVIEW"]] = Field(
        default_factory=dict, description="Packaged list in catalogs/data/words -> the verdict on its terms"
    )
    without: tuple[str, ...] = Field((), description="Terms and phrases of those lists to leave out")
    categories: dict[ReasonCode, WordCategory] = Field(
        default_factory=dict,
        description="Category -> its terms and its verdict; a category of a list's name adds to that list",
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


def sorted_distinct(terms: tuple[str, ...]) -> tuple[str, ...]:
    """Return names or terms sorted, each once. Raises `ValueError` for an empty one."""
    if any(not term.strip() for term in terms):
        raise ValueError("an empty entry matches nothing; remove it")
    return tuple(sorted(set(terms)))
