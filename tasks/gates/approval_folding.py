"""Approval folding: put many recorded answers into one snapshot, so that reading them costs the same for ever.

Inputs: a catalogue's recorded answers. Outputs: a snapshot that every later reader begins with, an archive object that
keeps each folded answer whole (who, when and why), and fewer single objects. Reading 300 answers took 300 requests at
each release.

The order makes it safe beside readers, writers and other folders: the snapshot is claimed by its number, then its
answers are archived, then their single objects are deleted. A killed fold is finished by the next one.
"""

from typing import Any

from catalogs import layout
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores.json_objects import encode_json, parse_json_object, write_json_once
from infra.stores.stored_documents import reading
from tasks.gates.approvals import read_answers, snapshots_of

FOLD_ABOVE = 50
"""Single answers that a reader reads one by one at most."""
SNAPSHOTS_KEPT = 2
"""The newest, and the one that a reader may have just found."""


def fold_answers(store: ObjectStore, catalogue: str) -> int:
    """Fold the answers if there are more than `FOLD_ABOVE`; return how many were folded."""
    recorded, snapshots = read_answers(store, catalogue), snapshots_of(store, catalogue)
    if len(recorded.documents) <= FOLD_ABOVE:
        return 0
    number = snapshots.latest()
    folded = _finish(store, catalogue, number) if number else set()
    documents = {token: document for token, document in recorded.documents.items() if token not in folded}
    content: dict[str, Any] = {"answers": recorded.answers, "documents": documents}
    if not documents or not snapshots.claim(number + 1, encode_json(content), content_type="application/json"):
        return 0  # another process folded them
    _finish(store, catalogue, number + 1)
    return len(documents)


def _finish(store: ObjectStore, catalogue: str, number: int) -> set[str]:
    """Archive the documents of a snapshot, and delete their single objects; return their tokens."""
    snapshots = snapshots_of(store, catalogue)
    try:
        key = layout.approval_snapshot(catalogue, number)
        with reading(key, "a snapshot of answers"):
            documents = dict(parse_json_object(snapshots.read(number), key)["documents"])
    except ObjectMissing:
        return set()  # others have finished it, and folded twice since
    write_json_once(store, layout.approval_archive(catalogue, number), {"documents": documents})
    store.delete(layout.person_decision(catalogue, token, layout.CHANNEL_APPROVAL) for token in documents)
    snapshots.keep_newest(snapshots.numbers(), SNAPSHOTS_KEPT)
    return set(documents)
