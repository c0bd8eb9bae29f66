"""Retry policy with full jitter and a deadline that all threads share.

Inputs: an operation that is safe to repeat, and a function that tells transient errors from permanent ones. Outputs:
the operation's result, or its last error.
All threads that share a `RetryPolicy` share its clock: once the store has answered none of them for that long, no
operation waits for it again. Clients' own retries are switched off, except the one below deltalake, which gets the
same deadline: three layers that each try five times would turn one outage into a storm, and would hide from
`write_once` that an answer was lost. Pauses are random (full jitter), so
that many threads do not return together.
"""

import math
import random
import time
from collections.abc import Callable
from itertools import count
from threading import Lock
from typing import TypeVar

from infra.errors import ExternalError

T = TypeVar("T")

INITIAL_BACKOFF_SECONDS = 0.1
"""The longest first pause; each further one may be twice as long."""

MAX_BACKOFF_SECONDS = 5.0


def is_marked_transient(error: Exception) -> bool:
    """Tell whether an error's class says that the same call may succeed a moment later."""
    return isinstance(error, ExternalError) and error.transient


class RetryPolicy:
    """Repeats operations for up to `seconds`. Safe to share between threads."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, keeps no secret
        self._failing_since: float | None = None
        self._failed_at = -math.inf
        self._lock = Lock()

    def call(
        self,
        operation: Callable[[], T],
        is_transient: Callable[[Exception], bool] = is_marked_transient,
        *,
        max_attempts: float = math.inf,
    ) -> T:
        """Return the operation's result.

        Raises its error where that is permanent, after `max_attempts`, or when the time is over.
        """
        began = self._clock()
        for attempt in count():
            try:
                result = operation()
            except Exception as error:
                if not is_transient(error) or attempt + 1 >= max_attempts:
                    self._record_success()  # the store answers, even if not with what was wanted
                    raise
                pause = self._backoff(attempt)
                if self._deadline_passed(began, pause):
                    raise
                self._sleep(pause)
            else:
                self._record_success()
                return result
        raise AssertionError("count() has no end")

    def _backoff(self, attempt: int) -> float:
        longest = min(MAX_BACKOFF_SECONDS, INITIAL_BACKOFF_SECONDS * 2 ** min(attempt, 16))
        return self._rng.uniform(0, longest)

    def _record_success(self) -> None:
        with self._lock:
            self._failing_since = None

    def _deadline_passed(self, began: float, pause: float) -> bool:
        now = self._clock()
        with self._lock:
            if self._failing_since is None or now - self._failed_at > self.seconds:
                self._failing_since = now  # an old failure says nothing when no operation ran in between
            self._failed_at = now
            return now + pause - min(began, self._failing_since) >= self.seconds
