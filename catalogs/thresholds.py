"""Thresholds: the limits at which a score changes a decision, as rules of images and of photos hold them.

Inputs: fields of a rule. Outputs: checked limits, and the decision on a score.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from catalogs.rule_files import StrictModel

Threshold = Annotated[float | None, Field(allow_inf_nan=False)]


class Thresholds(StrictModel):
    """The limits at which a score changes the decision; None sets no limit. A score at the limit is acceptable."""

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
        """Return the decision on a score. NaN gives PASS here: who decides reports scores that are missing."""
        if _outside(score, self.block_below, self.block_above):
            return "BLOCK"
        return "REVIEW" if _outside(score, self.review_below, self.review_above) else "PASS"


def _outside(score: float, below: float | None, above: float | None) -> bool:
    return (below is not None and score < below) or (above is not None and score > above)
