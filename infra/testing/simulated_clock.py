"""A clock that a test or a simulation moves: what dates the objects, commits and leases of a simulated store.

Inputs: a first time, and seconds to move by. Outputs: the time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class SimulatedClock:
    """A time that moves only when it is told to."""

    time: datetime

    def now(self) -> datetime:
        """Return the time."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Move the time."""
        self.time += timedelta(seconds=seconds)
