"""Scene rules: which scores of an image say nothing where a product stands on a stage, as data.

Inputs: YAML text, or the built-in rules (`catalogs/data/scene-rules.yaml`). Outputs: checked `SceneRules`. Pure.
The rules of a policy's text are completed from the built-in ones; a stored policy has them whole, so that a later
version that knows further scores does not change what was decided by it.
Every other rule of a policy judges a scene too; where the product's alpha is known, its scores are the product's own.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import Field, field_validator

from catalogs.policy.scanners import SCORE_SCANNERS
from catalogs.rule_files import StrictModel, parse_rule_file, read_packaged_rules

BUILT_IN = "scene-rules"


class SceneRules(StrictModel):
    """What does not judge an image of which the product stands on a stage."""

    version: int = Field(ge=1, description="Increased by hand")
    not_judged: Mapping[str, str | None] = Field(
        description="Score -> why no rule on it judges a scene; null: it is judged all the same"
    )

    @field_validator("not_judged")
    @classmethod
    def _known_scores(cls, value: Mapping[str, str | None]) -> Mapping[str, str | None]:
        if unknown := sorted(value.keys() - SCORE_SCANNERS.keys()):
            raise ValueError(f"not_judged: {unknown[0]!r} is none of {', '.join(sorted(SCORE_SCANNERS))}")
        return value

    @property
    def unjudged_scores(self) -> frozenset[str]:
        """Return the scores that judge no scene."""
        return frozenset(score for score, why in self.not_judged.items() if why is not None)


@cache
def built_in_scene_rules() -> SceneRules:
    """Return the rules that ship with Packshot."""
    return parse_rule_file(read_packaged_rules(BUILT_IN), f"the built-in rules {BUILT_IN}", SceneRules)


def complete_scene_rules(own: Any) -> Any:
    """Return the fields of a policy's `scenes:`, completed from the built-in rules; other values as they are."""
    if not isinstance(own, Mapping):
        return own
    built_in = built_in_scene_rules()
    scores = own.get("not_judged", {})
    completed = {**built_in.not_judged, **scores} if isinstance(scores, Mapping) else scores
    return {"version": built_in.version, **own, "not_judged": completed}
