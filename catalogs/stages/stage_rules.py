"""Stage rules: may an empty scene be offered to a person as a stage, by what was measured of it.

Inputs: scores (`infra.compositing.drop_zone`, scanners), and rules as data (`catalogs/data/stage-rules.yaml`). Outputs:
a `Judgement`: PASS, REVIEW or BLOCK with reasons and their numbers. Pure.

It fails closed, as photo rules do: a score that a rule needs and that is absent, NaN or infinite gives REVIEW.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated

from pydantic import Field

from catalogs.photos.photo_rules import Judgement, ScoreRule, apply_rules, judgement_of
from catalogs.rule_files import StrictModel, parse_rule_file, read_packaged_rules

BUILT_IN_STAGE_RULES = "stage-rules"

StageReason = Annotated[str, Field(pattern=r"^stage\.[a-z][a-z0-9-]*$")]


class StageScoreRule(ScoreRule):
    """The limits of one score of an empty scene."""

    reason: StageReason = Field(description="The short code that lists and sheets show")


class StageRules(StrictModel):
    """Everything that decides over empty scenes before a person does."""

    version: int = Field(ge=1, description="Increased by hand")
    scene: tuple[StageScoreRule, ...] = Field(description="Rules on the scores of a scene")


def judge_scene(scores: Mapping[str, float], rules: StageRules) -> Judgement:
    """Return the verdict on a scene by its scores."""
    return judgement_of(list(apply_rules(rules.scene, scores)))


def load_stage_rules(text: str, name: str) -> StageRules:
    """Return the rules in a YAML text; `name` is its file in errors. Raises `RuleFileError` naming file and field."""
    return parse_rule_file(text, name, StageRules)


@cache
def built_in_stage_rules() -> StageRules:
    """Return the rules that ship with Packshot."""
    return load_stage_rules(read_packaged_rules(BUILT_IN_STAGE_RULES), f"the built-in rules {BUILT_IN_STAGE_RULES}")
