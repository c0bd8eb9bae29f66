"""Count engine seconds while images are made, and end the making when budget or time are used up.

Comes in: the allowance, what earlier processes of the run have spent, every image's seconds. Goes out: how many images
may be begun. An estimate decides what is planned; this decides what is paid for. It stays in the process of the run,
wherever the engines are: leave is given for some images at a time, and those that are begun but not given back are
counted at the mean of those that are, so that the last ones do not run over. Images alike, no budget is; images that
suddenly take longer may run over by what is under way, `AT_ONCE` images for each work beside an engine.
"""

import time
from collections.abc import Callable
from threading import Lock

from catalogs.planning.budget import BudgetLimits

BUDGET_USED_UP, TIME_USED_UP = "budget-used-up", "time-used-up"
PROBE_IMAGES = 4
"""Images of a shard that tell how fast a budget is used up."""
MAX_IN_FLIGHT_IMAGES = 64
"""Images that a shard may begin before the next count: what an engine reads ahead."""


class BudgetMeter:
    """One run's seconds, counted from several threads. Without limits it only counts."""

    def __init__(
        self,
        limits: BudgetLimits | None = None,
        spent_before: float = 0.0,
        started: float | None = None,
        expected_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or BudgetLimits()
        self._expected_seconds = expected_seconds
        self._clock = clock
        self._started = clock() if started is None else started
        self._spent_before = spent_before
        self._measured_seconds = 0.0
        self._completed = self._reserved = 0
        self._lock = Lock()
        self.stop_reason: str | None = None
        """Why no further image may be begun; None while it may."""

    @property
    def limited(self) -> bool:
        """Tell whether there is a limit at all."""
        return self._limits.has_limits

    @property
    def spent_seconds(self) -> float:
        """Return the engine seconds of the run so far."""
        return self._spent_before + self._measured_seconds

    def reserve(self, requested: int) -> int:
        """Return how many of so many images may be begun now, and count them as begun. The first no is the last word.

        With a limit they are few at a time, and very few while there is no image yet to tell how fast it is used up.
        """
        with self._lock:
            if self.limited:
                requested = min(requested, MAX_IN_FLIGHT_IMAGES if self._completed else PROBE_IMAGES)
            begun = 0
            while begun < requested and self.stop_reason is None:
                self.stop_reason = self._find_reached_limit() if self.limited else None
                begun += self.stop_reason is None
                self._reserved += self.stop_reason is None
            return begun

    def record_image(self, seconds: float | None) -> None:
        """Take in what one image took; None where an engine that died had made it, and nobody knows: then the mean."""
        with self._lock:
            self._measured_seconds += self._mean_seconds if seconds is None else seconds
            self._completed += 1

    @property
    def _mean_seconds(self) -> float:
        return self._measured_seconds / self._completed if self._completed else self._expected_seconds

    def _find_reached_limit(self) -> str | None:
        owed = self._mean_seconds * (self._reserved - self._completed + 1)
        paid, allowed = self._limits.engine_seconds, self._limits.wall_seconds
        if paid is not None and (self.spent_seconds + owed > paid or self.spent_seconds >= paid > 0):
            return BUDGET_USED_UP
        if allowed is not None and self._clock() - self._started + owed / self._limits.engines > allowed:
            return TIME_USED_UP
        return None
