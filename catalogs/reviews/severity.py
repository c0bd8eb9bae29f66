"""Severity: how urgent it is that a person looks at an image, from the measured scores and the policy's limits.

Inputs: an image's reasons and scores, the policy that judged it, its category. Outputs: the worst reason, and a number.
Pure: computed once, when the image is queued, under the policy that queued it.

    severity = weight of the reason x (1 + excess)          the largest over all reasons

The *weight* says what it costs to leave it waiting, or to be wrong: what may be offensive or somebody else's property
comes before what is merely ugly. It comes from the reason alone, so that an image whose score is not stored (of an
older version, or given by a scanner that failed afterwards) waits where it belongs; a score only scales it.

The *excess* says how far past its limit a score is, from 0 (at the limit) to 1: where the rule has a second limit, at
which it would BLOCK, that one is 1; elsewhere the distance is taken relative to the limit itself. So scores of unlike
units (grey levels, shares, bits) compare. An item's place in the queue is

    priority = severity x value x (days since people were asked + 1)

so that nothing waits for ever: a blurred image a week old comes before a fresh brand question.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from catalogs.policy.scanners import SCORE_SCANNERS
from catalogs.policy.schema import ImageRule, Policy
from catalogs.thresholds import Thresholds

OFFENSIVE, PROPERTY, LIKENESS, SETS, QUALITY = 8.0, 4.0, 3.0, 2.0, 1.0
"""Weights: what may offend or break a law; others' brands; the same image twice; unlike views; a poor image."""

SAMPLE_SEVERITY = 0.5
"""Of an image that passed every gate."""

_BY_SCANNER = {"explicit": OFFENSIVE, "nudity": OFFENSIVE, "logos": PROPERTY, "text": SETS}
_BY_PREFIX = {
    "explicit": OFFENSIVE,
    "nudity": OFFENSIVE,
    "classifier.": OFFENSIVE,
    "words.counterfeit": PROPERTY,
    "words.": OFFENSIVE,
    "brand.": PROPERTY,
    "brand-": PROPERTY,
    "duplicate-": LIKENESS,
    "text": SETS,
    "view": SETS,
    "person-refused": PROPERTY,
    "people-differ": PROPERTY,
}
"""How a reason begins -> its weight, where no rule of the policy gives it; the first that fits counts."""


def find_worst_reason(
    reasons: Sequence[str], scores: Mapping[str, float], policy: Policy, category: str
) -> tuple[str, float]:
    """Return the reason of the highest severity, and that severity; of equal ones the first in alphabetical order."""
    rated = [(-severity_of(reason, scores, policy, category), reason) for reason in reasons]
    if not rated:
        return "", SAMPLE_SEVERITY
    severity, reason = min(rated)
    return reason, -severity


def severity_of(reason: str, scores: Mapping[str, float], policy: Policy, category: str) -> float:
    """Return the severity of one reason."""
    rules = [rule for rule in policy.image if rule.reason == reason]
    weight = max((_BY_SCANNER.get(SCORE_SCANNERS[rule.score], QUALITY) for rule in rules), default=weigh_reason(reason))
    past = (_excess_of(rule, scores[rule.score], category) for rule in rules if rule.score in scores)
    return weight * (1 + max(past, default=0.0))


def weigh_reason(reason: str) -> float:
    """Return the weight of a reason by its name alone: for what waits without the policy that queued it."""
    return next((weight for prefix, weight in _BY_PREFIX.items() if reason.startswith(prefix)), QUALITY)


def excess(score: float, limits: Thresholds) -> float:
    """Return how far past its limits a score is, 0 to 1; 0 where it is within them."""
    above = _one_sided(score, limits.review_above, limits.block_above)
    below = _one_sided(-score, _negated(limits.review_below), _negated(limits.block_below))
    return max(above, below)


def priority(severity: float, value: float, asked_at: datetime | None, now: datetime) -> float:
    """Return an item's place in the queue: the highest comes first."""
    age = (now - asked_at) / timedelta(days=1) if asked_at is not None else 0.0
    return severity * value * (max(0.0, age) + 1)


def _excess_of(rule: ImageRule, score: float, category: str) -> float:
    return excess(score, rule.thresholds_for(category))


def _one_sided(score: float, review: float | None, block: float | None) -> float:
    """Return the excess of a score for which higher is worse."""
    first = review if review is not None else block
    if first is None or not score > first:  # NaN is past no limit
        return 0.0
    span = block - first if block is not None and block > first else abs(first)
    return min(1.0, (score - first) / span) if span else 1.0


def _negated(limit: float | None) -> float | None:
    return None if limit is None else -limit
