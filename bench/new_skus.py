"""New SKUs benchmark: how many of a month's new SKUs are shown within two hours, by the limit of `refresh/new`.

Inputs: the limits of `refresh/new` and of the nightly run. Outputs: for each, the share in time, and the hours until
the last image of a burst is shown.

A discrete simulation of the reference article's month: 2,000 new SKUs a day, spread over the day, and one edit that
changes 50,000 images. One GPU, which one run has at a time. Every run orders and cuts what is due by the planner's own
`apply_limits`, takes as long as its images, and publishes at its end; a tick of `refresh/new` that finds it working is
skipped. Nothing is generated, so a month takes seconds.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from catalogs.planning.budget import BudgetLimits
from catalogs.planning.schedule import NO_DEADLINE, RequestUrgency, apply_limits

DAYS, NEW_SKUS_A_DAY = 30, 2_000
BURST_IMAGES, BURST_AT = 50_000, 10.375
"""An edit on the eleventh day, at nine."""
IMAGES_A_SECOND, PASS_SHARE = 0.93, 0.9
"""One GPU (see docs/performance.md); a refused image is made once more."""
TICK_SECONDS, NIGHTLY_AT = 900.0, 2 * 3600 + 7 * 60.0
RUN_SECONDS = 20.0
"""What a run takes beside its images: a plan, gates, a commit."""
IN_TIME_SECONDS = 2 * 3600.0
NORMAL_RANK = 1

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """`max_hours` of `refresh/new` and of the nightly run; None is no limit. Without `nightly` there is none."""

    new_hours: float | None
    nightly: bool = False
    nightly_hours: float | None = None


LIMITS = (
    Limits(None),
    Limits(4.0),
    Limits(1.0),
    Limits(0.5),
    Limits(0.25),
    Limits(0.5, nightly=True),
    Limits(0.5, nightly=True, nightly_hours=0.5),
)


def simulate_month(limits: Limits, seed: int = 0, days: int = DAYS) -> dict[str, Any]:
    """Return the share of new SKUs that are shown in time, and when the burst is done."""
    day = 86_400.0
    new = np.sort(np.random.default_rng(seed).uniform(0, days * day, days * NEW_SKUS_A_DAY))
    due = np.concatenate([np.full(BURST_IMAGES, BURST_AT * day), new])  # catalogue order: new SKUs are appended
    has_image = np.concatenate([np.ones(BURST_IMAGES, np.int64), np.zeros(len(new), np.int64)])
    shown = np.full(len(due), np.inf)
    starts = [(tick * TICK_SECONDS, limits.new_hours) for tick in range(int((days + 3) * day / TICK_SECONDS))]
    if limits.nightly:
        starts += [(number * day + NIGHTLY_AT, limits.nightly_hours) for number in range(days + 3)]
    free_at = 0.0
    for start, hours in sorted(starts, key=lambda entry: entry[0]):
        nightly = start % TICK_SECONDS != 0
        if start < free_at and not nightly:
            continue  # one at a time: the tick is skipped, and a nightly run waits
        began = max(start, free_at)
        waiting = np.flatnonzero((due <= began) & np.isinf(shown))
        made = _images_made(has_image[waiting], hours)
        free_at = began + RUN_SECONDS + int(made.sum()) / (IMAGES_A_SECOND * PASS_SHARE)
        shown[waiting[made]] = free_at
    late = shown[BURST_IMAGES:] - new > IN_TIME_SECONDS
    return {
        "new_hours": limits.new_hours,
        "nightly": limits.nightly,
        "nightly_hours": limits.nightly_hours,
        "new_skus": len(new),
        "in_time": 1 - float(late.mean()),
        "burst_hours": float(shown[:BURST_IMAGES].max() - BURST_AT * day) / 3600,
    }


def measure_new_skus() -> list[dict[str, Any]]:
    """Return the month under each of `LIMITS`."""
    return [simulate_month(limits) for limits in LIMITS]


def _images_made(has_image: npt.NDArray[np.int64], hours: float | None) -> npt.NDArray[np.bool_]:
    """Return which of the waiting images a run makes, as its plan decides it."""
    count = len(has_image)
    urgency = RequestUrgency(np.full(count, NORMAL_RANK), np.full(count, NO_DEADLINE), has_image)
    seconds: Floats = np.full(count, 1 / (IMAGES_A_SECOND * PASS_SHARE))
    budget = BudgetLimits(wall_seconds=None if hours is None else hours * 3600)
    return np.asarray(apply_limits(urgency, seconds, budget, 0) == 0)
