"""Review alarm: what people are late with, as sentences for reports, the command line and Prefect.

Inputs: a catalogue's outcomes, held batches, limits, the time. Outputs: sentences; none where nobody is late. Off
unless limits are set, but for held batches, whose patience their recipe states. Reading the queue costs two columns of
the outcomes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pyarrow.compute as pc

from catalogs import layout
from catalogs.slot_states import SlotState
from infra.interfaces import TableStore
from tasks.runs.held_batches import HeldBatch

PEOPLE_ARE_LATE = "People are late: "
"""How each alarm begins among a report's warnings; Prefect's event is emitted for these."""


@dataclass(frozen=True)
class QueueLimits:
    """When the review queue is too long or too old; None: never."""

    max_waiting: int | None = None
    max_age_hours: float | None = None

    @property
    def are_set(self) -> bool:
        """Tell whether there is any limit."""
        return self.max_waiting is not None or self.max_age_hours is not None


def read_asked_times(tables: TableStore, catalogue: str) -> list[datetime]:
    """Return since when each slot waits that waits for a person."""
    table = layout.outcomes_table(catalogue)
    if tables.version(table) is None:
        return []
    times: list[datetime] = []
    for batch in tables.batches(table, ("state", "decided_at")):
        times += batch.filter(pc.equal(batch.column("state"), SlotState.REVIEW)).column("decided_at").to_pylist()
    return times


def queue_alarms(asked: Iterable[datetime | None], limits: QueueLimits, now: datetime) -> list[str]:
    """Return what is said of a queue whose items wait since these times."""
    times = [time for time in asked if time is not None]
    alarms = []
    if limits.max_waiting is not None and len(times) > limits.max_waiting:
        alarms.append(
            f"{PEOPLE_ARE_LATE}{len(times):,} slots wait for an answer, more than PACKSHOT_REVIEW_MAX_WAITING"
            f" ({limits.max_waiting:,}): packshot review"
        )
    hours = (now - min(times, default=now)).total_seconds() / 3600
    if limits.max_age_hours is not None and hours > limits.max_age_hours:
        alarms.append(
            f"{PEOPLE_ARE_LATE}the oldest question waits for {hours:,.0f} h, longer than PACKSHOT_REVIEW_MAX_AGE_HOURS"
            f" ({limits.max_age_hours:g}): packshot review"
        )
    return alarms


def held_alarms(batches: Iterable[HeldBatch], now: datetime) -> list[str]:
    """Return what is said of held batches that nobody has answered for longer than their recipe allows."""
    return [f"{PEOPLE_ARE_LATE}{batch.sentence(now)}" for batch in batches if batch.is_overdue(now)]
