"""The clock of a store, read from what the store has dated.

Inputs: dates that the store gave, each as it arrived. Outputs: the store's current time.
Machines' clocks differ by seconds or hours; the store's is the only one that all of them see. A date is only a lower
bound: HTTP's `Date` is a whole second, and arrives late. So the highest bound counts, and is given up once a later date
shows that the store's clock was set back. Between two dates the machine counts seconds by a clock that nobody sets and
that also counts while the machine sleeps.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock


def elapsed_seconds() -> float:
    """Return seconds since some moment, by a clock that is never set and counts while the machine is suspended."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; elsewhere `monotonic` is the nearest
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class StoreClock:
    """The current time by a store's dates. Safe to use from threads.

    `slack` is by how many seconds a date may lag; one that lags by more says that the store's clock was set back.
    """

    def __init__(self, slack: float, elapsed: Callable[[], float] = elapsed_seconds) -> None:
        self._slack = slack
        self._elapsed = elapsed
        self._offset: float | None = None
        self._observed_at = 0.0
        self._lock = Lock()

    def observe(self, date: datetime) -> None:
        """Take a date that the store has just given."""
        with self._lock:
            self._observed_at = self._elapsed()
            bound = date.timestamp() - self._observed_at
            if self._offset is None or not bound <= self._offset <= bound + self._slack:
                self._offset = bound

    def now(self) -> datetime | None:
        """Return the store's current time (UTC), or None where it has given no date yet."""
        with self._lock:
            offset = self._offset
        return None if offset is None else datetime.fromtimestamp(0, UTC) + timedelta(seconds=offset + self._elapsed())

    def seconds_since_date(self) -> float | None:
        """Return how long ago the last date arrived, or None where none has."""
        with self._lock:
            return None if self._offset is None else self._elapsed() - self._observed_at
