"""Photo rules: the limits on the scores of photos and of their masks, as data.

Inputs: YAML text, or the built-in rules (`catalogs/data/photo-rules.yaml`). Outputs: checked `PhotoRules`, and
`apply_rules`, which compares scores with a list of rules and says with numbers what it found. Pure.

It fails closed, as policies do: a score that a rule needs and that is absent, NaN or infinite gives REVIEW, unless the
rule is optional, since what measures it need not be installed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from pydantic import Field, model_validator

from catalogs.rule_files import StrictModel, parse_rule_file, read_packaged_rules
from catalogs.thresholds import Thresholds
from catalogs.verdict import Decision, Verdict, combine_verdicts

PhotoReason = Annotated[str, Field(pattern=r"^(mask|photo)\.[a-z][a-z0-9-]*$")]

BUILT_IN = "photo-rules"


class ScoreRule(Thresholds):
    """The limits of one score of a photo or its mask."""

    score: str = Field(pattern=r"^[a-z]+\.[a-z]+$", description="The score's name, as it is stored")
    reason: PhotoReason = Field(description="The short code that reports count")
    optional: bool = Field(False, description="Nothing is said where the score was not measured; else REVIEW")
    source: str = Field("", description="Where the limits come from; decides nothing")

    @model_validator(mode="after")
    def _useful(self) -> "ScoreRule":
        if all(getattr(self, field) is None for field in Thresholds.model_fields):
            raise ValueError(f"the rule on {self.score!r} has no threshold; give at least one")
        return self

    def limit_passed(self, score: float) -> float:
        """Return the limit that decided over a score that does not pass: the outermost one that it is beyond."""
        below = [limit for limit in (self.block_below, self.review_below) if limit is not None and score < limit]
        above = [limit for limit in (self.block_above, self.review_above) if limit is not None and score > limit]
        return (below or above)[0]


class PhotoRules(StrictModel):
    """Everything that decides over photos and their masks."""

    version: int = Field(ge=1, description="Increased by hand")
    alone: Literal["PASS", "REVIEW", "BLOCK"] = Field(
        "REVIEW", description="The verdict on a mask that no second cutter confirms; one in the photo's file needs none"
    )
    plain_from: float = Field(
        0.8, ge=0, le=1, description="`ground.plainness` from which the plain-ground cutter's mask confirms another"
    )
    mask: tuple[ScoreRule, ...] = Field(description="Rules on the scores of a mask")
    photo: tuple[ScoreRule, ...] = Field(description="Rules on the scores of a photo")


@dataclass(frozen=True, slots=True)
class PhotoFinding:
    """One reason against a photo, and the number behind it; `value` and `limit` are None where nothing was measured."""

    reason: str
    decision: Decision
    score: str
    value: float | None = None
    limit: float | None = None

    @property
    def sentence(self) -> str:
        """Return the reason with its numbers, for a person."""
        if self.value is None or self.limit is None:
            return f"{self.reason}: {self.score} was not measured"
        side = "below" if self.value < self.limit else "above"
        return f"{self.reason}: {self.score} {_number(self.value)} is {side} {_number(self.limit)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a mask or a photo, and each finding behind it, in the order of the rules."""

    verdict: Verdict
    findings: tuple[PhotoFinding, ...] = ()


def judgement_of(findings: Sequence[PhotoFinding]) -> Judgement:
    """Return findings with their common verdict."""
    verdicts = (Verdict(finding.decision, (finding.reason,)) for finding in findings)
    return Judgement(combine_verdicts(verdicts), tuple(findings))


def apply_rules(rules: Sequence[ScoreRule], scores: Mapping[str, float]) -> Iterator[PhotoFinding]:
    """Yield a finding for each rule that the scores do not pass."""
    for rule in rules:
        score = scores.get(rule.score)
        if score is None or not math.isfinite(score):
            if score is not None or not rule.optional:
                yield PhotoFinding(rule.reason, "REVIEW", rule.score)
        elif (decision := rule.decision_for(score)) != "PASS":
            yield PhotoFinding(rule.reason, decision, rule.score, score, rule.limit_passed(score))


def load_photo_rules(text: str, name: str) -> PhotoRules:
    """Return the rules in a YAML text; `name` is its file in errors. Raises `RuleFileError` naming file and field."""
    return parse_rule_file(text, name, PhotoRules)


@cache
def built_in_photo_rules() -> PhotoRules:
    """Return the rules that ship with Packshot."""
    return load_photo_rules(read_packaged_rules(BUILT_IN), f"the built-in rules {BUILT_IN}")
