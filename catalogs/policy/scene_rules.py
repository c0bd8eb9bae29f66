"""Scene rules: which scores of an image say nothing where a product stands on a stage, as data.

Inputs: YAML text, or the built-in rules (`catalogs/data/scene-rules.yaml`). Outputs: checked `SceneRules`. Pure.
Every other rule of a policy judges a scene too; where the product's alpha is known, its scores are the product's own.
"""

from collections.abc import Mapping
from functools import cache

from pydantic import Field, field_validator

from catalogs.policy.scanners import SCORE_SCANNERS
from catalogs.rule_files import StrictModel, parse_rule_file, read_packaged_rules

BUILT_IN = "scene-rules"


class SceneRules(StrictModel):
    """What does not judge an image of which the product stands on a stage."""

    version: int = Field(ge=1, description="Increased by hand")
    not_judged: Mapping[str, str] = Field(description="Score -> why no rule on it judges a scene")

    @field_validator("not_judged")
    @classmethod
    def _known_scores(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := sorted(value.keys() - SCORE_SCANNERS.keys()):
            raise ValueError(f"not_judged: {unknown[0]!r} is none of {', '.join(sorted(SCORE_SCANNERS))}")
        return value


@cache
def built_in_scene_rules() -> SceneRules:
    """Return the rules that ship with Packshot."""
    return parse_rule_file(read_packaged_rules(BUILT_IN), f"the built-in rules {BUILT_IN}", SceneRules)
