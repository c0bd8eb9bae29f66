"""The policy schema: required scanners, banned words, score thresholds and duplicate rules, as data.

Inputs: YAML text. Outputs: a frozen, checked `Policy` and its digest; `catalogs.policy.decisions` applies it. The
digest covers everything that decides over an image and nothing else, so a changed remark decides no image again.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from catalogs.errors import RuleFileError
from catalogs.keys import digest
from catalogs.photos.photo_rules import PhotoRules, built_in_photo_rules
from catalogs.policy.brands.brand_rules import BrandRules
from catalogs.policy.prompt_rules import ReasonCode, WordRules
from catalogs.policy.scanners import SCORE_SCANNERS, RequestedScanners
from catalogs.policy.scene_rules import SceneRules, built_in_scene_rules, complete_scene_rules
from catalogs.rule_files import StrictModel, parse_yaml_mapping, read_packaged_rules, validate_rules
from catalogs.thresholds import Threshold, Thresholds


class ImageRule(Thresholds):
    """The thresholds of one score of an image."""

    score: str = Field(description="The score's name, one of catalogs.policy.scanners.SCORE_SCANNERS")
    reason: ReasonCode = Field(description="The short code that reports count")
    again: bool = Field(False, description="Another seed may help, so a BLOCK is worth another attempt")
    believed_from: Threshold = Field(
        None, description="BLOCK becomes REVIEW where mask.confidence is lower: the product was not found reliably"
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
        # Written out in full, so that an omitted field and a null one stay different in digests and copies.
        limits = {field: getattr(self, field) for field in Thresholds.model_fields}
        for category, own in self.categories.items():
            changed = {field: getattr(own, field) for field in own.model_fields_set}
            self.categories[category] = Thresholds(**limits | changed)
        return self

    def thresholds_for(self, category: str) -> Thresholds:
        """Return the thresholds for a product category: its own where it names them, else the rule's."""
        return self.categories.get(category, self)


class DuplicateRules(StrictModel):
    """When two images are too similar. Distances are Hamming distances of PDQ-256 codes, 0 to 256 bits."""

    exact_other_sku: Literal["BLOCK", "REVIEW"] = Field(
        "BLOCK", description="The verdict on exactly the pixels of another SKU's image"
    )
    near_bits: int = Field(
        16, ge=0, le=256, description="Up to this distance it is the same image: another seed is tried, else BLOCK"
    )
    review_bits: int = Field(31, ge=0, le=256, description="Up to this distance from another SKU's image: REVIEW")
    colour_apart: float = Field(
        8,
        ge=0,
        allow_inf_nan=False,
        description="Products whose mean colours are farther apart (CIE Lab) are variants, not duplicates",
    )
    quality_floor: float = Field(
        50, ge=0, le=100, description="Images of lower PDQ quality are compared by the sha256 of their pixels only"
    )

    view_colour: Threshold = Field(
        40, ge=0, description="Views of one SKU whose hues are farther apart (a and b of CIE Lab): REVIEW"
    )
    view_extent: Threshold = Field(
        2.5, ge=1, description="Views of one SKU whose products differ in length by more than this factor: REVIEW"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "DuplicateRules":
        if self.near_bits > self.review_bits:
            raise ValueError(f"near_bits {self.near_bits} must not exceed review_bits {self.review_bits}")
        return self


BUILT_IN_POLICIES = {
    "default": "policy",
    "default@1": "policy",
    "default@2": "policy-2",
    "rehearsal": "policy-rehearsal",
    "rehearsal@2": "policy-rehearsal-2",
}
"""The policies that ship with Packshot, and their files in `catalogs/data`. A number is frozen: its digest never moves;
a bare name means number 1 for ever, so that no store and no file that extends one changes by an upgrade."""
NEWEST_POLICY = "default@2"
"""What a catalogue begins with where no policy is named."""


class Policy(RequestedScanners):
    """Everything that decides over prompts and images."""

    version: int = Field(ge=1, description="Increased by hand; a changed policy decides waiting slots again")
    words: WordRules = Field(description="The prompt blocklist")
    brands: BrandRules = Field(BrandRules(), description="The trademarks that only their own SKUs' prompts may name")
    other_languages: Literal["PASS", "REVIEW", "BLOCK"] = Field(
        "REVIEW", description="The verdict on a prompt in a language that the recipe does not name"
    )
    classifier: dict[ReasonCode, Thresholds] = Field(
        default_factory=dict, description="Label of the text classifier -> the thresholds of its score"
    )
    image: tuple[ImageRule, ...] = Field(description="Rules on the scores of an image")
    duplicates: DuplicateRules = Field(DuplicateRules(), description="When two images are too similar")
    photos: PhotoRules | None = Field(
        None,
        description="Rules on the scores of photos and their masks, where images keep a photo's product; what it leaves"
        " out is as in the built-in ones",
    )
    scenes: SceneRules | None = Field(
        None,
        description="Which scores judge no image of which the product stands on a stage; what it leaves out is as in"
        " the built-in rules",
    )
    review_days: int = Field(30, ge=1, le=3650, description="Days after which an unanswered REVIEW expires")
    sample_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of the passing images that is copied for people to review; these are published all the same",
    )
    audit: str = Field("audit", pattern=r"^[a-z][a-z0-9-]*$", description="The name of the suite that audits a batch")

    @field_validator("photos", mode="before")
    @classmethod
    def _complete_photo_rules(cls, value: Any) -> Any:
        return {**dict(built_in_photo_rules()), **value} if isinstance(value, dict) else value

    @property
    def not_of_scenes(self) -> frozenset[str]:
        """Return the scores that judge no image whose product stands on a stage."""
        return (self.scenes or built_in_scene_rules()).unjudged_scores

    @property
    def judged_categories(self) -> frozenset[str]:
        """Return the categories that some rule has thresholds of their own for; all others are judged alike."""
        return frozenset(category for rule in self.image for category in rule.categories)

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of everything that decides over an image, word lists included and remarks excluded.

        `review_days`, `sample_share` and `audit` decide over no image, so they are left out.
        """
        content = self.model_dump(mode="json", exclude={"review_days", "sample_share", "audit"})
        photos, scenes = content.pop("photos"), content.pop("scenes")
        for rule in [*content["image"], *(photos["mask"] + photos["photo"] if photos else ())]:
            del rule["source"]
        if photos:  # left out where it is not used, so that older policies keep their digest
            content["photos"] = photos
        if scenes:
            content["scenes"] = sorted(self.not_of_scenes)
        content["brands"] = self.brands.digest_content(content["brands"])
        return digest(content)


def load_policy(text: str, name: str) -> Policy:
    """Return the policy in a YAML text; `name` is its file in errors. Raises `RuleFileError` naming file and field.

    A text with `extends: NAME` holds only what differs from a built-in policy. Its fields replace the built-in ones;
    its image rules replace those with the same score and reason; `words` and `brands` are merged by field, and
    `words.lists` by list (null removes a list). `scenes` is completed from the built-in scene rules, whether or not the
    text extends a policy.
    """
    content = parse_yaml_mapping(text, name)
    if "extends" in content:
        base = content.pop("extends")
        if not isinstance(base, str) or base not in BUILT_IN_POLICIES:
            raise RuleFileError(
                f"{name}: extends: there is no built-in policy {base!r}; choose from {', '.join(BUILT_IN_POLICIES)}"
            )
        content = _merged_with_base(_built_in_fields(base), content)
    if "scenes" in content:
        content["scenes"] = complete_scene_rules(content["scenes"])
    return validate_rules(content, name, Policy)


def built_in_policy(name: str = NEWEST_POLICY) -> Policy:
    """Return a policy that ships with Packshot, one of `BUILT_IN_POLICIES`."""
    return validate_rules(_built_in_fields(name), f"the built-in policy {name}", Policy)


def _built_in_fields(name: str) -> dict[str, Any]:
    """Return the fields of a built-in policy, those of the one that it extends included."""
    content = parse_yaml_mapping(read_packaged_rules(BUILT_IN_POLICIES[name]), f"the built-in policy {name}")
    base = content.pop("extends", None)
    return content if base is None else _merged_with_base(_built_in_fields(base), content)


def _merged_with_base(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    fields = {**base, **changes}
    for name in ("words", "brands"):
        if isinstance(changes.get(name), Mapping):
            fields[name] = {**base[name], **changes[name]}
            if isinstance(changes[name].get("lists"), Mapping):
                fields[name]["lists"] = {**base[name]["lists"], **changes[name]["lists"]}
    own = changes.get("image")
    if isinstance(own, list):
        replaced = [(rule.get("score"), rule.get("reason")) for rule in own if isinstance(rule, Mapping)]
        fields["image"] = own + [rule for rule in base["image"] if (rule["score"], rule["reason"]) not in replaced]
    return fields
