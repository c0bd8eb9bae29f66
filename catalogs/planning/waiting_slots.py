"""Waiting slots: what holds back the slots that a plan leaves alone, counted as the plan is made.

Inputs: each waiting slot with the outcome that holds it, and which rows of a batch have a live slot. Outputs: the slots
that a fault of our own keeps, the reviews that have expired, and the SKUs of which nothing is live. Only outcomes that
hold a slot of this very catalogue are counted: those of live images and of SKUs that are gone hold nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from catalogs.planning.current_state import Outcome
from catalogs.planning.retry_rules import RetryClock, RetrySummary, own_fault_reasons
from catalogs.slot_states import SlotState

MAX_LISTED_SKUS = 20
"""SKUs without a live image that a plan names; it counts all of them."""


@dataclass
class RowPresence:
    """For each row of one batch: whether a slot of it is live, waits, or is decided by the run."""

    live: npt.NDArray[np.bool_]
    waiting: npt.NDArray[np.bool_]
    decided: npt.NDArray[np.bool_]

    @classmethod
    def of_rows(cls, count: int) -> "RowPresence":
        """Return the presence of as many rows, of which nothing is known yet."""
        return cls(np.zeros(count, bool), np.zeros(count, bool), np.zeros(count, bool))

    @property
    def only_waiting(self) -> npt.NDArray[np.bool_]:
        """Tell which rows show nothing, and will show nothing whatever the run decides."""
        return self.waiting & ~self.live & ~self.decided


@dataclass
class WaitingSlots:
    """The waiting slots of a plan, by what holds them. `review_days` is the policy's."""

    clock: RetryClock
    review_days: int
    own_faults: RetrySummary = field(default_factory=RetrySummary)
    expired: int = 0
    skus_without_image: int = 0
    first_skus: list[str] = field(default_factory=list)

    def add_slot(self, outcome: Outcome) -> None:
        """Count one slot by the outcome that holds it."""
        own = own_fault_reasons(outcome.state, outcome.reasons)
        if own:
            when = self.clock.expected_retry(outcome.state, outcome.reasons, outcome.retry_at)
            self.own_faults.add(own, when)
        ends = outcome.decided_at + timedelta(days=self.review_days)
        self.expired += outcome.state == SlotState.REVIEW and ends <= self.clock.now

    def add_rows(self, skus: Sequence[str], presence: RowPresence) -> None:
        """Count the SKUs of a batch of which nothing is live. A SKU has one row."""
        positions = np.flatnonzero(presence.only_waiting)
        self.skus_without_image += len(positions)
        self.first_skus += [skus[position] for position in positions[: MAX_LISTED_SKUS - len(self.first_skus)]]
