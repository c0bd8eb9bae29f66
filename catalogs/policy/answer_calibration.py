"""Answer calibration: propose thresholds that would have agreed with people.

Inputs: images that people accepted or refused, with their scores and the gates' reasons; a policy. Outputs: one
proposal for each threshold with enough answers, which `catalogs.policy.proposed_policy` writes into a policy. Nothing
is put in force here.

A threshold is judged by the images that waited because of it, and by those that passed every gate and were looked at. A
refused image that waited for other reasons too is left out: it would have waited without this threshold. A category
with thresholds of its own is judged by its own images, and all other images by the rule's. Two things are wrong with a
threshold: a miss is a refused image that it lets pass, a needless review an accepted one that it keeps. The proposal is
the threshold with the least `miss_cost * misses + needless reviews`; of equals the one nearest to the present one. It
never crosses the rule's BLOCK threshold. Samples are a share of what passes, so misses among those are few: a proposal
to keep more says how many it rests on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from catalogs.answers.answer_statistics import ScoreLimit
from catalogs.errors import OptionError
from catalogs.intervals import IntervalEstimate, wilson_interval
from catalogs.policy.schema import ImageRule, Policy
from catalogs.policy.threshold_calibration import ALL_CATEGORIES, EXTERNALLY_SET_SCORES, Side, round_threshold

MINIMUM_ANSWERS = 50
"""Answered images that a threshold needs before another one is proposed."""
MISS_COST = 5.0
"""How many needless reviews one missed image is worth, unless told otherwise."""
SIDES: tuple[Side, Side] = ("below", "above")

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AnsweredImage:
    """An image that a person accepted or refused: its scores, and why it waited (nothing: it had passed)."""

    accepted: bool
    scores: Mapping[str, float]
    reasons: tuple[str, ...] = ()
    category: str = ""


@dataclass(frozen=True)
class ThresholdCost:
    """What a threshold would have cost on the answered images."""

    passing: int
    misses: int
    """Refused images that it lets pass."""
    kept: int
    needless: int
    """Accepted images that it keeps back."""

    @property
    def miss_rate(self) -> IntervalEstimate:
        """Return the share of refused images among those that pass."""
        return wilson_interval(self.misses, self.passing)

    @property
    def needless_rate(self) -> IntervalEstimate:
        """Return the share of accepted images among those that are kept back."""
        return wilson_interval(self.needless, self.kept)

    def total(self, miss_cost: float) -> float:
        """Return misses and needless reviews as one number."""
        return miss_cost * self.misses + self.needless


@dataclass(frozen=True)
class AnswerProposal:
    """One threshold: its value, how many answers speak of it, the proposal (None: leave it), and what both cost."""

    score: str
    reason: str
    side: Side
    images: int
    present: float
    proposed: float | None
    now: ThresholdCost
    then: ThresholdCost
    category: str = ALL_CATEGORIES

    @property
    def changes_threshold(self) -> bool:
        """Tell whether the proposal differs from the present threshold."""
        return self.proposed is not None and self.proposed != self.present


@dataclass(frozen=True)
class AnswerCalibration:
    """All proposals, and the thresholds with too few answers: reason, score, side, category -> answered images."""

    proposals: Sequence[AnswerProposal]
    too_few: Mapping[tuple[str, str, str, str], int]


def score_limits(policy: Policy) -> list[ScoreLimit]:
    """Return a policy's REVIEW thresholds: each rule's, and those of the categories that have their own."""
    return [
        ScoreLimit(rule.reason, rule.score, side, limit, category, frozenset() if category else own)
        for rule in policy.image
        for own in (frozenset(rule.categories),)
        for category in (ALL_CATEGORIES, *sorted(own))
        for side in SIDES
        if (limit := getattr(rule.thresholds_for(category), f"review_{side}")) is not None
    ]


def calibrate_from_answers(
    images: Iterable[AnsweredImage], policy: Policy, miss_cost: float = MISS_COST
) -> AnswerCalibration:
    """Return what people's answers suggest. Raises `OptionError` where no threshold has enough answers."""
    if not 0 < miss_cost <= 1000:
        raise OptionError(f"--miss-cost {miss_cost!r}: give a number above 0 and up to 1000, such as {MISS_COST:g}")
    answered, proposals, too_few = list(images), [], dict[tuple[str, str, str, str], int]()
    for rule, limit in _calibrated_limits(policy):
        values, accepted = _evidence(answered, limit)
        if len(values) < MINIMUM_ANSWERS:
            too_few[limit.reason, limit.score, limit.side, limit.category] = len(values)
            continue
        proposals.append(_propose(rule, limit, values, accepted, miss_cost))
    if not proposals:
        most = max(too_few.values(), default=0)
        raise OptionError(
            f"--from-answers needs {MINIMUM_ANSWERS} answered images with scores for a threshold, and the one with the"
            f" most has {most}: answer more of what waits (`packshot review`), or raise the policy's sample_share"
        )
    return AnswerCalibration(proposals, too_few)


def _calibrated_limits(policy: Policy) -> Iterator[tuple[ImageRule, ScoreLimit]]:
    rules = {(rule.reason, rule.score): rule for rule in policy.image if rule.score not in EXTERNALLY_SET_SCORES}
    for limit in score_limits(policy):
        if rule := rules.get((limit.reason, limit.score)):
            yield rule, limit


def _evidence(answered: Sequence[AnsweredImage], limit: ScoreLimit) -> tuple[Values, npt.NDArray[np.bool_]]:
    """Return the scores that speak of a threshold, as if images below it were kept, and whether each was accepted."""
    pairs = []
    for image in answered:
        value = image.scores.get(limit.score)
        if value is None or not limit.concerns(image.category):
            continue
        outside = limit.is_outside(value)
        waited_for_it = outside and limit.reason in image.reasons
        only_for_it = set(image.reasons) <= {limit.reason}
        if (waited_for_it and (image.accepted or only_for_it)) or (not outside and not image.reasons):
            pairs.append((value, image.accepted))
    sign = 1.0 if limit.side == "below" else -1.0
    values = np.array([sign * value for value, _ in pairs], np.float64)
    return values, np.array([accepted for _, accepted in pairs], bool)


def _propose(
    rule: ImageRule, limit: ScoreLimit, values: Values, accepted: npt.NDArray[np.bool_], miss_cost: float
) -> AnswerProposal:
    sign = 1.0 if limit.side == "below" else -1.0
    present = sign * limit.limit
    block: float | None = getattr(rule.thresholds_for(limit.category), f"block_{limit.side}")
    candidates = np.unique([present, *(sign * round_threshold(sign * value, limit.side) for value in values.tolist())])
    if block is not None:
        candidates = candidates[candidates >= sign * block]
    costs = [_cost(values, accepted, candidate) for candidate in candidates]
    now = _cost(values, accepted, present)
    best = min(zip(candidates, costs, strict=True), key=lambda pair: (pair[1].total(miss_cost), abs(pair[0] - present)))
    proposed = float(sign * best[0])
    named = (limit.score, limit.reason, limit.side)
    return AnswerProposal(*named, len(values), limit.limit, proposed, now, best[1], limit.category)


def _cost(values: Values, accepted: npt.NDArray[np.bool_], threshold: float) -> ThresholdCost:
    passes = values >= threshold
    return ThresholdCost(
        int(passes.sum()),
        int((passes & ~accepted).sum()),
        int((~passes).sum()),
        int((~passes & accepted).sum()),
    )


def calibration_document(calibration: AnswerCalibration, miss_cost: float) -> dict[str, Any]:
    """Return the proposals as plain values."""
    return {
        "minimum": MINIMUM_ANSWERS,
        "miss_cost": miss_cost,
        "lines": [_line(proposal) for proposal in calibration.proposals],
        "too_few": [
            {"reason": reason, "score": score, "side": side, "category": category, "images": count}
            for (reason, score, side, category), count in sorted(calibration.too_few.items())
        ],
    }


def _line(proposal: AnswerProposal) -> dict[str, Any]:
    named = {
        name: getattr(proposal, name)
        for name in ("score", "reason", "side", "category", "images", "present", "proposed")
    }
    return named | {name: _cost_document(getattr(proposal, name)) for name in ("now", "then")}


def _cost_document(cost: ThresholdCost) -> dict[str, Any]:
    return {
        **vars(cost),
        "miss_rate": vars(cost.miss_rate),
        "needless_rate": vars(cost.needless_rate),
    }
