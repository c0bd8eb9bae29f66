"""Threshold calibration: propose thresholds from a shop's own accepted images.

Inputs: the scores of accepted images by category, a policy, a quantile. Outputs: one proposal for each threshold, which
`catalogs.policy.proposed_policy` writes into a policy. Nothing is measured, written or put into force here. The
built-in thresholds were set on drawn images, so a shop's own replace them.

A proposal is the quantile itself: with 0.01, the threshold that one accepted image in a hundred fails. It moves only
the REVIEW threshold; a BLOCK threshold follows if it would otherwise be on the wrong side. Thresholds set by others
(sizes, bytes, aspect ratios) are not proposed, nor any for which the accepted images are all alike.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal

import numpy as np
import numpy.typing as npt

from catalogs.errors import OptionError
from catalogs.policy.schema import ImageRule, Policy

EXTERNALLY_SET_SCORES = frozenset({"file.bytes", "size.width", "size.height", "aspect.off"})
CONFIDENCE_LEVEL = 0.95
SIGNIFICANT_DIGITS = 3
"""Significant digits of a proposal, which is rounded to the side that refuses less."""

ALL_CATEGORIES = ""
"""Stands for all categories together, and for images without one."""

Scores = npt.NDArray[np.float64]
Side = Literal["below", "above"]


class AcceptedScoreTable:
    """Scores of accepted images: one column for each score, NaN where it was not measured."""

    def __init__(self, categories: Sequence[str], columns: Mapping[str, Scores]) -> None:
        self.categories = np.array(categories, dtype=object)
        self.columns = columns

    def __len__(self) -> int:
        return len(self.categories)

    def category_mask(self, category: str) -> npt.NDArray[np.bool_]:
        """Tell which images are of a category; all of them for `ALL_CATEGORIES`."""
        return np.ones(len(self), bool) if category == ALL_CATEGORIES else np.asarray(self.categories == category, bool)

    def category_names(self) -> list[str]:
        """Return the categories, sorted, without `ALL_CATEGORIES`."""
        return sorted(set(self.categories.tolist()) - {ALL_CATEGORIES})


@dataclass(frozen=True)
class ThresholdProposal:
    """One threshold of one rule: its value, quantiles of the accepted images, and the proposal (None: leave it).

    `worst_1`, `worst_5` and `median` are quantiles counted from the side that is refused; `refused` is the share of the
    accepted images that the present threshold would have sent to a person.
    """

    category: str
    score: str
    reason: str
    side: Side
    pictures: int
    present: float | None
    worst_1: float
    worst_5: float
    median: float
    refused: float
    proposed: float | None

    @property
    def changes_threshold(self) -> bool:
        """Tell whether the proposal differs from the present threshold."""
        return self.proposed is not None and self.proposed != self.present


@dataclass(frozen=True)
class ThresholdCalibration:
    """All proposals; `small_categories` is category -> images, for categories with too few images of their own.

    `refused_share_now` and `refused_share_proposed` are the shares of the accepted images that at least one of these
    thresholds refuses: many rules, each of which fails one image in a hundred, together fail more than that.
    """

    proposals: tuple[ThresholdProposal, ...]
    small_categories: Mapping[str, int]
    refused_share_now: float
    refused_share_proposed: float


def images_needed(quantile: float) -> int:
    """Return how many images contain one of the worst `quantile` of all images with a probability of 95 %."""
    return math.ceil(math.log(1 - CONFIDENCE_LEVEL) / math.log(1 - quantile))


def propose_thresholds(accepted: AcceptedScoreTable, policy: Policy, quantile: float) -> ThresholdCalibration:
    """Return the thresholds that the accepted images suggest. Raises `OptionError` for too few images."""
    if not 0 < quantile <= 0.5:
        raise OptionError(f"--quantile {quantile!r}: give a share above 0 and up to 0.5, such as 0.01")
    needed = images_needed(quantile)
    if len(accepted) < needed:
        raise OptionError(_too_few_message(len(accepted), needed, quantile))
    counts = {name: int(accepted.category_mask(name).sum()) for name in accepted.category_names()}
    large = [name for name, count in counts.items() if count >= needed]
    proposals = [
        proposal
        for name in (ALL_CATEGORIES, *large)
        # A category that holds all images would repeat what `ALL_CATEGORIES` proposes.
        if name == ALL_CATEGORIES or counts[name] < len(accepted)
        for proposal in _propose_for_category(accepted, policy, name, quantile, needed)
    ]
    return ThresholdCalibration(
        tuple(proposals),
        {name: count for name, count in counts.items() if count < needed},
        _refused_share(accepted, policy, ()),
        _refused_share(accepted, policy, proposals),
    )


def _too_few_message(count: int, needed: int, quantile: float) -> str:
    message = (
        f"--quantile {quantile:g} needs {needed:,} accepted images, and there are {count:,}: fewer may contain none of"
        f" the worst {quantile:.3g} (at a confidence of {CONFIDENCE_LEVEL:.0%}). Give more images"
    )
    if count < 6:
        return message
    possible = math.ceil((1 - (1 - CONFIDENCE_LEVEL) ** (1 / count)) * 1000) / 1000
    return f"{message}, or --quantile {min(possible, 0.5):g}"


def _propose_for_category(
    accepted: AcceptedScoreTable, policy: Policy, category: str, quantile: float, needed: int
) -> Iterator[ThresholdProposal]:
    rows = accepted.category_mask(category)
    for rule in policy.image:
        if rule.score in EXTERNALLY_SET_SCORES or rule.score not in accepted.columns:
            continue
        values = accepted.columns[rule.score][rows]
        values = values[np.isfinite(values)]
        if len(values) < needed:
            continue
        thresholds = rule.thresholds_for(category)
        for side in _sides(rule):
            yield _propose_threshold(category, rule, side, getattr(thresholds, f"review_{side}"), values, quantile)


def _sides(rule: ImageRule) -> list[Side]:
    sides: tuple[Side, Side] = ("below", "above")
    return [side for side in sides if getattr(rule, f"review_{side}") is not None]


def _propose_threshold(
    category: str, rule: ImageRule, side: Side, present: float | None, values: Scores, quantile: float
) -> ThresholdProposal:
    def worst(share: float) -> float:
        # The value of an image, not one between two images: thresholds on counts must stay counts.
        if side == "below":
            return float(np.quantile(values, share, method="lower"))
        return float(np.quantile(values, 1 - share, method="higher"))

    proposal, median = worst(quantile), worst(0.5)
    refused = 0.0 if present is None else float((values < present if side == "below" else values > present).mean())
    return ThresholdProposal(
        category=category,
        score=rule.score,
        reason=rule.reason,
        side=side,
        pictures=len(values),
        present=present,
        worst_1=worst(0.01),
        worst_5=worst(0.05),
        median=median,
        refused=refused,
        proposed=None if present is None or proposal == median else round_threshold(proposal, side),
    )


def round_threshold(value: float, side: Side) -> float:
    """Return a threshold with few digits, rounded to the side that refuses less."""
    exact = Decimal(repr(value))
    unit = Decimal(1).scaleb(exact.adjusted() - SIGNIFICANT_DIGITS + 1)
    return float(exact.quantize(unit, ROUND_FLOOR if side == "below" else ROUND_CEILING))


def _refused_share(accepted: AcceptedScoreTable, policy: Policy, proposals: Sequence[ThresholdProposal]) -> float:
    """Return the share of the images that is refused by at least one of the thresholds that can be proposed."""
    proposed: dict[tuple[str, ...], float | None] = {
        (proposal.category, proposal.score, proposal.reason, proposal.side): proposal.proposed
        for proposal in proposals
        if proposal.changes_threshold
    }
    refused = np.zeros(len(accepted), bool)
    for rule in policy.image:
        values = accepted.columns.get(rule.score)
        if values is None or rule.score in EXTERNALLY_SET_SCORES:
            continue
        for category in {ALL_CATEGORIES, *accepted.category_names()}:
            in_category = accepted.categories == category
            for side in _sides(rule):
                limit = _review_limit(proposed, rule, category, side)
                if limit is not None:
                    refused |= in_category & (values < limit if side == "below" else values > limit)
    return float(refused.mean())


def _review_limit(
    proposed: Mapping[tuple[str, ...], float | None], rule: ImageRule, category: str, side: Side
) -> float | None:
    """Return the REVIEW threshold of a category, as `proposed_policy` would write it."""
    names = (rule.score, rule.reason, side)
    if category not in rule.categories and (category, *names) not in proposed:
        category = ALL_CATEGORIES
    present: float | None = getattr(rule.thresholds_for(category), f"review_{side}")
    return proposed.get((category, *names), present)
