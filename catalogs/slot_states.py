"""Slot states: what a run decided of a slot, as the `state` columns of DECISIONS and OUTCOMES hold it.

Inputs: none. Outputs: one enum, and the groups of states that audit, report and views count. Values are on disk, so
they never change. A report calls a published slot `published`, where the batch's own column says `publish`.
"""

from enum import StrEnum


class SlotState(StrEnum):
    """The state of a slot."""

    PUBLISH = "publish"
    REVIEW = "review"
    """Waits for a person."""
    BLOCKED = "blocked"
    FAILED = "failed"
    """No image could be made."""
    DEFERRED = "deferred"
    """Left for a later run by a budget."""
    WITHDRAWN = "withdrawn"
    """Was published and taken away again: in OUTCOMES only."""
    SUPERSEDED = "superseded"
    """Changed by another commit since the plan: in a run's counts only, never in a table."""

    @property
    def report_name(self) -> str:
        """Return the state's key in a report."""
        return "published" if self is SlotState.PUBLISH else self.value


DECIDED_STATES = (SlotState.PUBLISH, SlotState.REVIEW, SlotState.BLOCKED, SlotState.FAILED, SlotState.DEFERRED)
"""The states of a batch's rows."""

JUDGED_STATES = (SlotState.PUBLISH, SlotState.REVIEW, SlotState.BLOCKED)
"""The states in which a gate has judged the slot's image or prompt."""

REFUSED_BY_GATES = (SlotState.REVIEW, SlotState.BLOCKED)

NOT_ASKED_FOR = bytes(16)
"""Source digest of a blocked outcome whose row is back at what is live: no row asks for its image any more."""

REPORT_STATES = tuple(state.report_name for state in (*DECIDED_STATES, SlotState.SUPERSEDED))
"""A report's keys for the final states: their counts add up to the new and the changed slots."""
