"""Trying again, in one place: how long a store may be away before that is said.

Comes in: an operation that is safe to repeat, and what tells a fault that passes from one that stays. Goes out: its
answer, or its last error. Clients' own retries are switched off: three layers that each try five times would turn one
outage into a storm, and would hide from `write_once` that an answer was lost.
Pauses are drawn anew each time (full jitter), so that many threads do not come back together. Everybody who shares a
`RetryPolicy` shares its clock: where the store has answered nobody for that long, no operation waits for it once more.
"""

import math
import random
import time
from collections.abc import Callable
from itertools import count
from threading import Lock
from typing import TypeVar

T = TypeVar("T")

INITIAL_BACKOFF_SECONDS = 0.1
"""The longest first pause; each further one may be twice as long."""

MAX_BACKOFF_SECONDS = 5.0


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

    def call(self, operation: Callable[[], T], is_transient: Callable[[Exception], bool]) -> T:
        """Return the operation's answer; raise its error where that does not pass, or when the time is over."""
        began = self._clock()
        for attempt in count():
            try:
                answer = operation()
            except Exception as error:
                if not is_transient(error):
                    self._record_success()
                    raise
                pause = self._backoff(attempt)
                if self._deadline_passed(began, pause):
                    raise
                self._sleep(pause)
            else:
                self._record_success()
                return answer
        raise AssertionError("a count has no end")

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
                self._failing_since = now  # nobody has asked for so long that an old failure says nothing
            self._failed_at = now
            return now + pause - min(began, self._failing_since) >= self.seconds
