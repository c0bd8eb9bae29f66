"""Channel answers: a person's answer about images on a channel, in a store that can keep two writers apart.

Inputs: a store, a catalogue, an `ApprovalAnswer`. Outputs: its `ApprovalResult`. Approvals and releases meet without a
lease, so the store's conditional writes are probed first, as runs do.
"""

from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from infra.stores.conditional_writes import require_conditional_writes
from tasks.amendments.approve import ApprovalAnswer, ApprovalResult, approve


def give_answer(
    store: ObjectStore, tables: TableStore, catalogue: str, answer: ApprovalAnswer, settings: Settings
) -> ApprovalResult:
    """Record an answer and commit it. Raises `StoreError` for a store without conditional writes."""
    require_conditional_writes(store, single_writer=settings.single_writer)
    return approve(store, tables, catalogue, answer)
