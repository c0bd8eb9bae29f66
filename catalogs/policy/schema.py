"""The policy: which scanners must have spoken, which words are banned, which scores are too bad. All of it data.

Comes in: YAML text; then what the scanners found (hits, scores, versions, errors). Goes out: verdicts. Deciding is a
pure function of stored scores and this file, so a changed policy decides millions of images anew without looking at
one of them. It fails closed: what should have been measured and was not is never a PASS.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from catalogs.errors import RuleFileError
from catalogs.keys import digest
from catalogs.policy.prompt_rules import BrandRules, ReasonCode, WordRules
from catalogs.policy.scanners import OPT_IN_SCORES, RequestedScanners
from catalogs.rule_files import StrictModel, parse_yaml_mapping, read_packaged_rules, validate_rules

ALWAYS_MEASURED = ""
"""Stands for the finishing itself, which no image passes by."""

SCORE_SCANNERS: Mapping[str, str] = {
    "blank.range": "pixels",
    "blank.foreground": "pixels",
    "black.mean": "pixels",
    "black.deviation": "pixels",
    "blur.foreground": "pixels",
    "noise.foreground": "pixels",
    "exposure.mean": "pixels",
    "exposure.clipped": "pixels",
    "exposure.crushed": "pixels",
    "background.white": "pixels",
    "background.cast": "pixels",
    "background.deviation": "pixels",
    "fill.side": "pixels",
    "centre.off": "pixels",
    "edges.touched": "pixels",
    "parts.count": "pixels",
    "frame.step": "pixels",
    "collage.halves": "pixels",
    "collage.line": "pixels",
    "mask.confidence": "pixels",
    "aspect.off": "pixels",
    "size.width": "pixels",
    "size.height": "pixels",
    "file.bytes": ALWAYS_MEASURED,
    **OPT_IN_SCORES,
}
"""Every score that a rule may judge, and the scanner that measures it."""

CONFIDENCE_SCORE = "mask.confidence"
"""How far the scores that speak of the product are to be believed, 0 to 1."""

Threshold = Annotated[float | None, Field(allow_inf_nan=False)]


class Thresholds(StrictModel):
    """Where a score turns into a word; None sets no limit. A score at the limit is still on the better side."""

    block_below: Threshold = Field(None, description="BLOCK when the score is lower")
    review_below: Threshold = Field(None, description="REVIEW when the score is lower")
    block_above: Threshold = Field(None, description="BLOCK when the score is higher")
    review_above: Threshold = Field(None, description="REVIEW when the score is higher")

    @model_validator(mode="after")
    def _in_order(self) -> "Thresholds":
        limits = [self.block_below, self.review_below, self.review_above, self.block_above]
        known = [limit for limit in limits if limit is not None]
        if known != sorted(known):
            raise ValueError("thresholds must rise: block_below <= review_below <= review_above <= block_above")
        return self

    def decision_for(self, score: float) -> Literal["PASS", "REVIEW", "BLOCK"]:
        """Return the word on a score. NaN passes here: whether it was measured is asked elsewhere."""
        if _outside(score, self.block_below, self.block_above):
            return "BLOCK"
        return "REVIEW" if _outside(score, self.review_below, self.review_above) else "PASS"


class ImageRule(Thresholds):
    """What one score says of an image."""

    score: str = Field(description="The score's name, one of catalogs.policy.schema.SCORES")
    reason: ReasonCode = Field(description="The short code that reports count")
    again: bool = Field(False, description="Another seed may help, so a BLOCK is worth another attempt")
    believed_from: Threshold = Field(
        None, description="BLOCK becomes REVIEW where mask.confidence is lower: the product itself was not found"
    )
    source: str = Field("", description="Where the thresholds come from; decides nothing and is not in the digest")
    categories: dict[str, Thresholds] = Field(
        default_factory=dict, description="Product category -> the thresholds that differ there; null lifts one"
    )

    @model_validator(mode="after")
    def _useful(self) -> "ImageRule":
        if self.score not in SCORE_SCANNERS:
            raise ValueError(f"score: {self.score!r} is none of {', '.join(sorted(SCORE_SCANNERS))}")
        if all(getattr(self, field) is None for field in Thresholds.model_fields) and not self.categories:
            raise ValueError(f"the rule on {self.score!r} has no threshold; give at least one")
        # Written out in full: a field that is left out and one that is null must stay two things in digests and copies.
        limits = {field: getattr(self, field) for field in Thresholds.model_fields}
        for category, own in self.categories.items():
            changed = {field: getattr(own, field) for field in own.model_fields_set}
            self.categories[category] = Thresholds(**limits | changed)
        return self

    def thresholds_for(self, category: str) -> Thresholds:
        """Return the thresholds for a product category: its own where it names them, else the rule's."""
        return self.categories.get(category, self)


class DuplicateRules(StrictModel):
    """When two pictures are too alike. Distances are bits of PDQ-256, 0 to 256."""

    exact_other_sku: Literal["BLOCK", "REVIEW"] = Field(
        "BLOCK", description="The word on the very pixels of another SKU's picture"
    )
    near_bits: int = Field(
        16, ge=0, le=256, description="As near as this is the same picture: another seed, else BLOCK"
    )
    review_bits: int = Field(31, ge=0, le=256, description="As near as this to another SKU's picture is for a person")
    colour_apart: float = Field(
        8, ge=0, allow_inf_nan=False, description="Products whose mean colours are farther apart (CIE Lab) are variants"
    )
    quality_floor: float = Field(
        50, ge=0, le=100, description="Pictures of lower PDQ quality are compared by their pixels' sha only"
    )

    view_colour: Threshold = Field(
        40, ge=0, description="Views of one SKU whose hues are farther apart (a and b of CIE Lab) are for a person"
    )
    view_extent: Threshold = Field(
        2.5, ge=1, description="So are views of which one shows the product so many times longer than the other"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "DuplicateRules":
        if self.near_bits > self.review_bits:
            raise ValueError(f"near_bits {self.near_bits} must not exceed review_bits {self.review_bits}")
        return self


BUILT_IN_POLICIES = {"default": "policy", "rehearsal": "policy-rehearsal"}
"""The policies that ship with Packshot, and their files in `catalogs/data`."""


class Policy(RequestedScanners):
    """Everything that decides over prompts and images."""

    version: int = Field(ge=1, description="Counted up by hand; a changed policy decides waiting slots anew")
    words: WordRules = Field(description="The prompt blocklist")
    brands: BrandRules = Field(BrandRules(), description="The trademarks that only their own SKUs' prompts may name")
    other_languages: Literal["PASS", "REVIEW", "BLOCK"] = Field(
        "REVIEW", description="The word on a prompt in a language that the recipe does not name"
    )
    classifier: dict[ReasonCode, Thresholds] = Field(
        default_factory=dict, description="Label of the text classifier -> where its score turns into a word"
    )
    image: tuple[ImageRule, ...] = Field(description="What the scores of an image say")
    duplicates: DuplicateRules = Field(DuplicateRules(), description="When two pictures are too alike")
    review_days: int = Field(30, ge=1, le=3650, description="Days after which an unanswered REVIEW expires")
    sample_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of what passes that is copied for people to look at; it is published",
    )
    audit: str = Field("audit", pattern=r"^[a-z][a-z0-9-]*$", description="The suite that audits a batch")

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of everything that decides over a picture: word lists too, remarks not.

        How long an answer is waited for, what people get to see and how a batch is audited decide over no picture.
        """
        content = self.model_dump(mode="json", exclude={"review_days", "sample_share", "audit"})
        for rule in content["image"]:
            del rule["source"]
        return digest(content)


def load_policy(text: str, name: str) -> Policy:
    """Return the policy in a YAML text; `name` is its file in errors. Raises `RuleFileError` naming file and field.

    A text with `extends: CATALOGUE` says only what differs from a built-in policy: its fields stand for the other's,
    and its image rules for those with the same score and reason; of `words` and `brands`, only the fields it gives, and
    in `words.lists` those lists (null leaves one out).
    """
    content = parse_yaml_mapping(text, name)
    if "extends" in content:
        base = content.pop("extends")
        if not isinstance(base, str) or base not in BUILT_IN_POLICIES:
            raise RuleFileError(
                f"{name}: extends: there is no built-in policy {base!r}; choose from {', '.join(BUILT_IN_POLICIES)}"
            )
        content = _merged_with_base(
            parse_yaml_mapping(read_packaged_rules(BUILT_IN_POLICIES[base]), f"the built-in policy {base}"), content
        )
    return validate_rules(content, name, Policy)


def built_in_policy(name: str = "default") -> Policy:
    """Return a policy that ships with Packshot, one of `BUILT_IN_POLICIES`."""
    return load_policy(read_packaged_rules(BUILT_IN_POLICIES[name]), f"the built-in policy {name}")


def _merged_with_base(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    fields = {**base, **changes}
    for name in ("words", "brands"):
        if isinstance(changes.get(name), Mapping):
            fields[name] = {**base[name], **changes[name]}
            if isinstance(changes[name].get("lists"), Mapping):
                fields[name]["lists"] = {**base[name]["lists"], **changes[name]["lists"]}
    own = changes.get("image")
    if isinstance(own, list):
        told = [(rule.get("score"), rule.get("reason")) for rule in own if isinstance(rule, Mapping)]
        fields["image"] = own + [rule for rule in base["image"] if (rule["score"], rule["reason"]) not in told]
    return fields


def _outside(score: float, below: float | None, above: float | None) -> bool:
    return (below is not None and score < below) or (above is not None and score > above)
