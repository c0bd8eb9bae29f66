"""A machine whose clock is wrong: `python -m tests.infra.coordination.skewed_process URL PREFIX SECONDS_AHEAD`.

Comes in: words on standard input, one a line: `acquire`, `renew`, `check`, `release`. Goes out: a line for each, `ok`
or the error's class. Every clock that Python code asks for the time of day is moved before anything else is imported.
"""

import datetime
import sys
import time

TERM_SECONDS = 6.0


def skew_clocks(seconds_ahead: float) -> None:
    """Move the time of day for every module that is imported from now on."""
    real_time, real_datetime = time.time, datetime.datetime

    class SkewedDatetime(real_datetime):
        """The time of day as this machine has it."""

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "SkewedDatetime":
            """Return the time of day."""
            return cls.fromtimestamp(real_time() + seconds_ahead, tz)

        @classmethod
        def utcnow(cls) -> "SkewedDatetime":
            """Return the time of day in UTC, without saying so."""
            return cls.now(datetime.UTC).replace(tzinfo=None)

    time.time = lambda: real_time() + seconds_ahead
    datetime.datetime = SkewedDatetime  # type: ignore[misc]


def main(url: str, prefix: str, seconds_ahead: str) -> None:
    """Do what is asked until the input ends."""
    skew_clocks(float(seconds_ahead))
    from infra.coordination.leases import Lease, acquire
    from infra.errors import LeaseHeld, LeaseLost
    from infra.stores import open_store

    store, lease = open_store(url), None
    for line in sys.stdin:
        word = line.strip()
        try:
            if word == "acquire":
                lease = acquire(store, prefix, f"machine {seconds_ahead} s ahead", TERM_SECONDS)
            else:
                assert isinstance(lease, Lease)
                getattr(lease, word)()
            answer = "ok"
        except (LeaseHeld, LeaseLost) as error:
            answer = type(error).__name__
        print(answer, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
