"""Thresholds that a shop's own accepted pictures suggest, in place of those that were set on drawn ones.

Comes in: the scores of accepted pictures by category, a policy, a quantile. Goes out: a line a threshold with what is
proposed, and the fields of a policy that says so. Pure: nothing is measured, written or put in force here.

A proposal is the quantile itself: with 0.01, the threshold that one accepted picture in a hundred fails. It moves the
REVIEW threshold alone; a BLOCK threshold follows only where it would stand on the wrong side. Thresholds that others
set (sizes, bytes, forms) are not proposed, nor any where the accepted pictures are all alike.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from catalogs.errors import OptionError
from catalogs.policy.schema import ImageRule, Policy, Thresholds

EXTERNALLY_SET_SCORES = frozenset({"file.bytes", "size.width", "size.height", "aspect.off"})
CONFIDENCE_LEVEL = 0.95
SIGNIFICANT_DIGITS = 3
"""Significant digits of a proposal; rounded to the side that refuses less."""

ALL_CATEGORIES = ""
"""Stands for every category together, and for pictures without one."""

Scores = npt.NDArray[np.float64]
Side = Literal["below", "above"]


class AcceptedScoreTable:
    """Scores of accepted pictures: a column a score, NaN where it was not measured."""

    def __init__(self, categories: Sequence[str], columns: Mapping[str, Scores]) -> None:
        self.categories = np.array(categories, dtype=object)
        self.columns = columns

    def __len__(self) -> int:
        return len(self.categories)

    def category_mask(self, category: str) -> npt.NDArray[np.bool_]:
        """Tell which pictures are of a category; all of them for `ALL`."""
        return np.ones(len(self), bool) if category == ALL_CATEGORIES else np.asarray(self.categories == category, bool)

    def category_names(self) -> list[str]:
        """Return the categories, sorted, without `ALL`."""
        return sorted(set(self.categories.tolist()) - {ALL_CATEGORIES})


@dataclass(frozen=True)
class ThresholdProposal:
    """One threshold of one rule: what it is, what accepted pictures have, what is proposed (None: leave it).

    `worst_1`, `worst_5` and `median` are quantiles counted from the side that is refused; `refused` is the share of the
    accepted pictures that the present threshold would have sent to a person.
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


@dataclass(frozen=True)
class ThresholdCalibration:
    """What is proposed; `small` are categories that have too few pictures of their own, and how many.

    `refused_share_now` and `refused_share_proposed` say which share of the accepted pictures at least one of these
    thresholds refuses: many rules, each of which fails one picture in a hundred, fail more than one.
    """

    proposals: tuple[ThresholdProposal, ...]
    small_categories: Mapping[str, int]
    refused_share_now: float
    refused_share_proposed: float


def images_needed(quantile: float) -> int:
    """Return how many pictures it takes to see one of the worst `quantile` of them with a certainty of 95 %."""
    return math.ceil(math.log(1 - CONFIDENCE_LEVEL) / math.log(1 - quantile))


def propose_thresholds(accepted: AcceptedScoreTable, policy: Policy, quantile: float) -> ThresholdCalibration:
    """Return what the accepted pictures suggest. Raises `OptionError` for too few of them."""
    if not 0 < quantile <= 0.5:
        raise OptionError(f"--quantile {quantile!r}: give a share above 0 and up to 0.5, such as 0.01")
    needed = images_needed(quantile)
    if len(accepted) < needed:
        raise OptionError(_too_few_message(len(accepted), needed, quantile))
    counts = {name: int(accepted.category_mask(name).sum()) for name in accepted.category_names()}
    large = [name for name, count in counts.items() if count >= needed]
    lines = [
        line
        for name in (ALL_CATEGORIES, *large)
        for line in _propose_for_category(accepted, policy, name, quantile, needed)
    ]
    # Where all pictures are of one category, it says the same as all of them.
    lines = [line for line in lines if line.category == ALL_CATEGORIES or counts[line.category] < len(accepted)]
    return ThresholdCalibration(
        tuple(lines),
        {name: count for name, count in counts.items() if count < needed},
        _refused_share(accepted, policy, ()),
        _refused_share(accepted, policy, lines),
    )


def policy_with_proposals(
    content: Mapping[str, Any], policy: Policy, proposals: Sequence[ThresholdProposal], source: str
) -> dict[str, Any]:
    """Return the fields of a policy file with the proposals in it.

    `content` is the present file's fields (`{"extends": "default"}` for the built-in one), which `policy` was read
    from. `source` says in each changed rule where its thresholds come from.
    """
    changed = {}
    for rule in policy.image:
        own = [
            line
            for line in proposals
            if (line.score, line.reason) == (rule.score, rule.reason) and _changes_threshold(line)
        ]
        if own:
            changed[rule.score, rule.reason] = _rule_content(rule, own, source)
    image = [
        changed.pop((rule.get("score"), rule.get("reason", "")), dict(rule)) for rule in content.get("image") or ()
    ]
    return {**content, "version": policy.version + 1, "image": [*image, *changed.values()]}


def _too_few_message(count: int, needed: int, quantile: float) -> str:
    words = (
        f"--quantile {quantile:g} needs {needed:,} accepted pictures, and there are {count:,}: among fewer there may be"
        f" none of the worst {quantile:.3g} (certainty {CONFIDENCE_LEVEL:.0%}), so nothing is known of them"
    )
    if count < 6:
        return f"{words}. Give more pictures"
    possible = math.ceil((1 - (1 - CONFIDENCE_LEVEL) ** (1 / count)) * 1000) / 1000
    return f"{words}. Give more pictures, or --quantile {min(possible, 0.5):g}"


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
    every: tuple[Side, Side] = ("below", "above")
    return [side for side in every if getattr(rule, f"review_{side}") is not None]


def _propose_threshold(
    category: str, rule: ImageRule, side: Side, present: float | None, values: Scores, quantile: float
) -> ThresholdProposal:
    def worst(share: float) -> float:
        # A picture's own value, not one between two: thresholds on counts must stay counts.
        if side == "below":
            return float(np.quantile(values, share, method="lower"))
        return float(np.quantile(values, 1 - share, method="higher"))

    found, median = worst(quantile), worst(0.5)
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
        proposed=None if present is None or found == median else _rounded(found, side),
    )


def _rounded(value: float, side: Side) -> float:
    exact = Decimal(repr(value))
    unit = Decimal(1).scaleb(exact.adjusted() - SIGNIFICANT_DIGITS + 1)
    return float(exact.quantize(unit, ROUND_FLOOR if side == "below" else ROUND_CEILING))


def _changes_threshold(line: ThresholdProposal) -> bool:
    return line.proposed is not None and line.proposed != line.present


def _limits_with_proposals(thresholds: Thresholds, proposals: Sequence[ThresholdProposal]) -> dict[str, float | None]:
    """Return the four thresholds with the proposals in place, still in order."""
    limits = {name: getattr(thresholds, name) for name in Thresholds.model_fields}
    for line in proposals:
        proposed, block = line.proposed, limits[f"block_{line.side}"]
        limits[f"review_{line.side}"] = proposed
        if block is not None and proposed is not None:
            limits[f"block_{line.side}"] = min(block, proposed) if line.side == "below" else max(block, proposed)
    return limits


def _rule_content(rule: ImageRule, proposals: Sequence[ThresholdProposal], source: str) -> dict[str, Any]:
    base = _limits_with_proposals(rule, [line for line in proposals if line.category == ALL_CATEGORIES])
    content = rule.model_dump(mode="json", exclude_defaults=True, exclude={"categories", *Thresholds.model_fields})
    content |= {name: limit for name, limit in base.items() if limit is not None}
    categories = {}
    for name in sorted({*rule.categories, *(line.category for line in proposals if line.category != ALL_CATEGORIES)}):
        limits = _limits_with_proposals(
            rule.thresholds_for(name), [line for line in proposals if line.category == name]
        )
        # Written out where they differ: a field that is left out means the rule's own, which has moved.
        own = {field: limit for field, limit in limits.items() if limit != base[field]}
        if own:
            categories[name] = own
    return content | ({"categories": categories} if categories else {}) | {"source": source}


def _refused_share(accepted: AcceptedScoreTable, policy: Policy, proposals: Sequence[ThresholdProposal]) -> float:
    """Return the share of the pictures that at least one threshold that can be proposed refuses."""
    told: dict[tuple[str, ...], float | None] = {
        (line.category, line.score, line.reason, line.side): line.proposed
        for line in proposals
        if _changes_threshold(line)
    }
    refused = np.zeros(len(accepted), bool)
    for rule in policy.image:
        values = accepted.columns.get(rule.score)
        if values is None or rule.score in EXTERNALLY_SET_SCORES:
            continue
        for category in {ALL_CATEGORIES, *accepted.category_names()}:
            own = accepted.categories == category
            for side in _sides(rule):
                limit = _review_limit(told, rule, category, side)
                if limit is not None:
                    refused |= own & (values < limit if side == "below" else values > limit)
    return float(refused.mean())


def _review_limit(
    proposed: Mapping[tuple[str, ...], float | None], rule: ImageRule, category: str, side: Side
) -> float | None:
    """Return the REVIEW threshold of a category, as `_rule_content` would write it."""
    names = (rule.score, rule.reason, side)
    if category not in rule.categories and (category, *names) not in proposed:
        category = ALL_CATEGORIES
    present: float | None = getattr(rule.thresholds_for(category), f"review_{side}")
    return proposed.get((category, *names), present)
