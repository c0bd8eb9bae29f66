"""Channel answers: a person's answer about images on a channel, in a store that can keep two writers apart.

Inputs: a store, a catalogue, an `ApprovalAnswer`. Outputs: its `ApprovalResult`. Approvals and releases meet without a
lease, so the store's conditional writes are probed first, as runs do.
"""

from flows.wiring.open_store import prepare_for_writing
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.amendments.approve import ApprovalAnswer, ApprovalResult, approve


def give_answer(
    store: ObjectStore, tables: TableStore, catalogue: str, answer: ApprovalAnswer, settings: Settings
) -> ApprovalResult:
    """Record an answer and commit it. Raises `StoreError` for a store without conditional writes."""
    prepare_for_writing(store, tables, settings)
    return approve(store, tables, catalogue, answer)
