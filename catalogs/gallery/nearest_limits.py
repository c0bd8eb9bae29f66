"""Nearest limits: of each rule of a policy, the live images whose score is closest to being refused.

Inputs: measured scores by name, categories, the policy's image rules. Outputs: for each rule the nearest images, the
nearest first. Pure. The distance has the score's own unit, so images compare within a rule and not between rules. It is
below zero where an image is past a limit and was let through, as a person or an earlier policy can.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalogs.policy.schema import ImageRule
from catalogs.thresholds import Thresholds

_LOWEST, _HIGHEST = ("review_below", "block_below"), ("review_above", "block_above")
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NearImage:
    """One image near a limit."""

    position: int
    """Its place among the measured images."""
    value: float
    limit: float
    distance: float
    """How far the score may still move; below zero where it is past the limit."""


@dataclass(frozen=True)
class RuleLimits:
    """The images nearest to one rule's limits, and how many have its score."""

    rule: ImageRule
    measured: int
    nearest: Sequence[NearImage]


def find_nearest(
    rules: Sequence[ImageRule], scores: Mapping[str, Scores], categories: Sequence[str], count: int
) -> list[RuleLimits]:
    """Return the nearest images of each rule on a known score; a score that an image does not have is NaN."""
    names = np.array(categories, object)
    return [_nearest_of(rule, scores[rule.score], names, count) for rule in rules if rule.score in scores]


def _nearest_of(rule: ImageRule, values: Scores, categories: npt.NDArray[np.object_], count: int) -> RuleLimits:
    distances, limits = np.full(len(values), np.inf), np.full(len(values), np.nan)
    for chosen, thresholds in _by_thresholds(rule, categories):
        for limit, sign in _limits_of(thresholds):
            distance = np.where(chosen, sign * (limit - values), np.inf)
            is_nearer = distance < distances  # false for NaN
            distances[is_nearer], limits[is_nearer] = distance[is_nearer], limit
    known = np.flatnonzero(np.isfinite(distances))
    order = known[np.argsort(distances[known], kind="stable")][:count]
    nearest = [NearImage(int(at), float(values[at]), float(limits[at]), float(distances[at])) for at in order]
    return RuleLimits(rule, len(known), nearest)


def _by_thresholds(
    rule: ImageRule, categories: npt.NDArray[np.object_]
) -> Iterator[tuple[npt.NDArray[np.bool_], Thresholds]]:
    """Yield which images have which thresholds."""
    own = np.isin(categories, list(rule.categories))
    yield ~own, rule
    for category, thresholds in rule.categories.items():
        yield categories == category, thresholds


def _limits_of(thresholds: Thresholds) -> Iterator[tuple[float, int]]:
    """Yield the first limit on each side, and the sign of the way to it."""
    for names, sign in ((_LOWEST, -1), (_HIGHEST, 1)):
        limit = next((found for name in names if (found := getattr(thresholds, name)) is not None), None)
        if limit is not None:
            yield limit, sign
