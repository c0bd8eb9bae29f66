"""Count engine seconds while images are made, and end the making when budget or time are used up.

Comes in: the allowance, what earlier processes of the run have spent, every image's seconds. Goes out: whether the next
image may be begun. An estimate decides what is planned; this decides what is paid for. Images that an engine has taken
but not given back are counted at the mean of those that it has, so that the last ones do not run over.
"""

import time
from collections.abc import Callable
from threading import Lock

from catalogs.terms import Allowance

BUDGET_USED_UP, TIME_USED_UP = "budget-used-up", "time-used-up"


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
    def guesses(self) -> bool:
        """Tell whether there is a limit and no image yet to tell how fast it is used up."""
        return self._allowance.limited and not self._answered

    @property
    def spent(self) -> float:
        """Return the engine seconds of the run so far."""
        return self._before + self._measured

    def allows(self) -> bool:
        """Tell whether one more image may be begun, and count it as begun. The first no is the last word."""
        with self._lock:
            if self.stopped is None:
                self.stopped = self._limit_reached()
            self._asked += self.stopped is None
            return self.stopped is None

    def count(self, seconds: float) -> None:
        """Take in one answer of the engine, a picture or a failure."""
        with self._lock:
            self._measured += seconds
            self._answered += 1

    def _limit_reached(self) -> str | None:
        typical = self._measured / self._answered if self._answered else self._expected
        owed = typical * (self._asked - self._answered + 1)
        paid, allowed = self._allowance.paid, self._allowance.open
        if paid is not None and (self.spent + owed > paid or self.spent >= paid > 0):
            return BUDGET_USED_UP
        if allowed is not None and self._clock() - self._began + owed > allowed:
            return TIME_USED_UP
        return None
