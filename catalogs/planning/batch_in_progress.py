"""Batch in progress: one batch of accepted rows while the planner compares its slots.

Inputs: the rows. Outputs: what is planned of them so far: the slots to decide, each with its request, and the rows
whose prompt cannot be made. Such a row is rejected once, with all of its slots.
"""

from dataclasses import dataclass, field

from catalogs.ingest.row_rejects import Reject
from catalogs.ingest.rows import BatchRows
from catalogs.planning.plan import PlannedBatch, Request, Slot
from catalogs.planning.waiting_slots import RowPresence
from catalogs.recipe.templates import PromptRenderError

MAX_REJECT_CHARACTERS = 300


@dataclass
class BatchInProgress:
    """One batch while it is compared: its rows, the slots to decide so far, and the rows whose prompt failed."""

    rows: BatchRows
    planned: PlannedBatch = field(default_factory=PlannedBatch)
    slots: list[tuple[int, Slot, Request]] = field(default_factory=list)  # with the position of the slot's row
    failed_positions: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.presence = RowPresence.of_rows(len(self.rows.column("sku")))

    def reject(self, position: int, error: PromptRenderError) -> None:
        """Reject a row, once, with all of its slots."""
        if position in self.failed_positions:
            return
        self.failed_positions.add(position)
        reason = f"the prompt cannot be made: {error}"[:MAX_REJECT_CHARACTERS]
        sku = self.rows.column("sku")[position]
        self.planned.rejects.append(Reject(self.rows.row_number(position), sku, "prompt", reason))
