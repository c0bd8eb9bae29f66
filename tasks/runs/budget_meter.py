"""Budget meter: count engine seconds while images are generated, and stop when the budget or the time is used up.

Inputs: the limits, the seconds that earlier processes of the run have spent, the seconds of every image. Outputs: how
many images may be started. The estimate decides what is planned; the meter decides what is paid for. It stays in the
run's own process, wherever the engines are. It reserves a few images at a time, and counts images in flight at the mean
of the completed ones, so that the last images stay within the budget. With images of equal cost the budget is never
exceeded. If the cost rises suddenly, the overrun is at most the images in flight: `MAX_IN_FLIGHT_IMAGES` per shard
beside an engine.
"""

import time
from collections.abc import Callable
from threading import Lock

from catalogs.planning.budget import BudgetLimits

BUDGET_USED_UP, TIME_USED_UP = "budget-used-up", "time-used-up"
PROBE_IMAGES = 4
"""Images of a shard that are started before the first measurement: they show how fast the budget is used up."""
MAX_IN_FLIGHT_IMAGES = 64
"""Images that a shard may start before the next count: as many as an engine reads ahead."""


class BudgetMeter:
    """The engine seconds of one run. Threads may share a meter. Without limits it only counts."""

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
        """Why no further image may be started; None while images may be."""

    @property
    def limited(self) -> bool:
        """Tell whether there is a limit at all."""
        return self._limits.has_limits

    @property
    def spent_seconds(self) -> float:
        """Return the engine seconds of the run so far."""
        return self._spent_before + self._measured_seconds

    def reserve(self, requested: int) -> int:
        """Reserve up to `requested` images and return how many may be started now; once a limit is reached, none.

        With a limit only a few are reserved at a time, and very few until a first image shows how long one takes.
        """
        with self._lock:
            if self.limited:
                requested = min(requested, MAX_IN_FLIGHT_IMAGES if self._completed else PROBE_IMAGES)
            granted = 0
            while granted < requested and self.stop_reason is None:
                self.stop_reason = self._find_reached_limit() if self.limited else None
                granted += self.stop_reason is None
                self._reserved += self.stop_reason is None
            return granted

    def reserve_unmetered(self, requested: int) -> int:
        """Return how many images may be started that take no engine and cost nothing; none once a limit is reached.

        They are not counted: at no seconds each they would make the images of an engine look cheaper than they are.
        """
        with self._lock:
            allowed = self._limits.wall_seconds
            if allowed is not None and self._clock() - self._started > allowed and self.stop_reason is None:
                self.stop_reason = TIME_USED_UP
            return 0 if self.stop_reason else min(requested, MAX_IN_FLIGHT_IMAGES) if self.limited else requested

    def record_image(self, seconds: float | None) -> None:
        """Count one image. `seconds` is None where its engine died and the time is not known: then the mean is used."""
        with self._lock:
            self._measured_seconds += self._mean_seconds if seconds is None else seconds
            self._completed += 1

    @property
    def _mean_seconds(self) -> float:
        return self._measured_seconds / self._completed if self._completed else self._expected_seconds

    def _find_reached_limit(self) -> str | None:
        pending = self._mean_seconds * (self._reserved - self._completed + 1)
        budget, allowed = self._limits.engine_seconds, self._limits.wall_seconds
        if budget is not None and (self.spent_seconds + pending > budget or self.spent_seconds >= budget > 0):
            return BUDGET_USED_UP
        if allowed is not None and self._clock() - self._started + pending / self._limits.engines > allowed:
            return TIME_USED_UP
        return None
