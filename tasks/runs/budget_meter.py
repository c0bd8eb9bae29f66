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

from catalogs.planning.budget import Allowance

BUDGET_USED_UP, TIME_USED_UP = "budget-used-up", "time-used-up"
FIRST_MEASURED = 4
"""Images of a shard that tell how fast a budget is used up."""
AT_ONCE = 64
"""Images that a shard may begin before the next count: what an engine reads ahead."""


class Meter:
    """One run's seconds, counted from several threads. Without limits it only counts."""

    def __init__(
        self,
        allowance: Allowance | None = None,
        spent: float = 0.0,
        began: float | None = None,
        expected: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowance = allowance or Allowance()
        self._expected = expected
        self._clock = clock
        self._began = clock() if began is None else began
        self._before = spent
        self._measured = 0.0
        self._answered = self._asked = 0
        self._lock = Lock()
        self.stopped: str | None = None
        """Why no further image may be begun; None while it may."""

    @property
    def limited(self) -> bool:
        """Tell whether there is a limit at all."""
        return self._allowance.limited

    @property
    def spent(self) -> float:
        """Return the engine seconds of the run so far."""
        return self._before + self._measured

    def begin(self, wanted: int) -> int:
        """Return how many of so many images may be begun now, and count them as begun. The first no is the last word.

        With a limit they are few at a time, and very few while there is no image yet to tell how fast it is used up.
        """
        with self._lock:
            if self.limited:
                wanted = min(wanted, AT_ONCE if self._answered else FIRST_MEASURED)
            begun = 0
            while begun < wanted and self.stopped is None:
                self.stopped = self._limit_reached() if self.limited else None
                begun += self.stopped is None
                self._asked += self.stopped is None
            return begun

    def count(self, seconds: float | None) -> None:
        """Take in what one image took; None where an engine that died had made it, and nobody knows: then the mean."""
        with self._lock:
            self._measured += self._typical if seconds is None else seconds
            self._answered += 1

    @property
    def _typical(self) -> float:
        return self._measured / self._answered if self._answered else self._expected

    def _limit_reached(self) -> str | None:
        owed = self._typical * (self._asked - self._answered + 1)
        paid, allowed = self._allowance.paid, self._allowance.open
        if paid is not None and (self.spent + owed > paid or self.spent >= paid > 0):
            return BUDGET_USED_UP
        if allowed is not None and self._clock() - self._began + owed / self._allowance.engines > allowed:
            return TIME_USED_UP
        return None
