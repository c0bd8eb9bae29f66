"""What was taken back by the time of a commit: pictures that no run which knew nothing of it may publish again.

Comes in: a decided batch, and the manifest version that its commit builds on. Goes out: the pictures among the batch's
slots that an amendment has withdrawn by then. The manifest alone cannot say so: a slot that got a picture and lost it
by a rollback looks as empty as when the batch was planned. What people took back stays away; what a policy took back
may be decided anew, so it binds only batches that were planned before. An amendment commits first its manifest rows
and then its outcomes; in between, its own commit says what it took away.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.runs.commit_kinds import POLICY_KIND
from catalogs.runs.manifest_diff import WITHDRAWAL_KEY_COLUMNS
from catalogs.runs.release_batch import NO_WITHDRAWALS, ReleaseBatch, WithdrawalKey, withdrawal_key
from catalogs.slot_states import REFUSED_BY_GATES, SlotState
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.stores.json_objects import read_json

_REMOVED_CHANGE_TYPES = ("delete", "update_preimage")
_ADDED_CHANGE_TYPES = ("insert", "update_postimage")


def find_withdrawn_images(
    store: ObjectStore, tables: TableStore, batch: ReleaseBatch, base: int
) -> frozenset[WithdrawalKey]:
    """Return the withdrawn pictures in the batch's slots, as of the manifest's version `base`.

    What was withdrawn after that does not count: a run that is closed after its commit must find the same sums.
    """
    if not batch.decisions.num_rows:
        return NO_WITHDRAWALS
    # Open ones first: one that closes after this look has put its outcomes into the table that is read next.
    opened = [info.key for info in store.list(layout.open_manifest_changes_prefix(batch.catalogue))]
    outcomes = _read_batch_outcomes(tables, batch)
    if not opened and not outcomes.num_rows:
        return NO_WITHDRAWALS
    history = tables.history(layout.manifest_table(batch.catalogue))
    versions = {commit.run_id: commit.version for commit in history if commit.run_id}
    foreseen = _read_planned_policy_versions(store, batch, history)
    found = set()
    for row in outcomes.to_pylist():
        version = versions.get(row["run_id"], base if row["state"] == SlotState.WITHDRAWN else None)
        asked = row["state"] == SlotState.WITHDRAWN or row["run_id"] in foreseen
        if asked and version is not None and foreseen.get(row["run_id"], -1) < version <= base:
            found.add(withdrawal_key(row))
    for key in opened:
        token = key.rsplit("/", 1)[1].removesuffix(".json")
        if foreseen.get(token, -1) < versions.get(token, -1) <= base:
            found |= _find_removed_images(tables, batch, versions[token])
    return frozenset(found)


def _read_planned_policy_versions(store: ObjectStore, batch: ReleaseBatch, history: Sequence[Commit]) -> dict[str, int]:
    """Return the applied policies, each with the release up to which the batch's plan knows what they took away."""
    policies = [commit.run_id for commit in history if commit.metadata.get("kind") == POLICY_KIND]
    if not policies:
        return {}
    planned = read_json(store, layout.RunFiles(batch.run_id).plan)["base_version"]
    return dict.fromkeys(policies, -1 if planned is None else planned)


def _read_batch_outcomes(tables: TableStore, batch: ReleaseBatch) -> pa.Table:
    """Return the outcomes in the batch's slots that may be an amendment's."""
    table, names = layout.outcomes_table(batch.catalogue), [*WITHDRAWAL_KEY_COLUMNS, "state", "run_id"]
    if tables.version(table) is None:
        return pa.table({name: [] for name in names})
    states = pa.array([SlotState.WITHDRAWN, *REFUSED_BY_GATES])
    batches = tables.batches(table, names)
    kept = [
        rows.filter(pc.and_(pc.is_in(rows.column("state"), states), _mask_batch_slots(rows, batch))) for rows in batches
    ]
    return pa.Table.from_batches(kept) if kept else pa.table({name: [] for name in names})


def _find_removed_images(tables: TableStore, batch: ReleaseBatch, version: int) -> set[WithdrawalKey]:
    """Return what one rollback's commit took away in the batch's slots, and did not put back in another file."""
    feed = tables.changes(layout.manifest_table(batch.catalogue), version).select(
        [*WITHDRAWAL_KEY_COLUMNS, "_change_type"]
    )
    feed = feed.filter(_mask_batch_slots(feed, batch))
    kinds: list[set[WithdrawalKey]] = []
    for names in (_REMOVED_CHANGE_TYPES, _ADDED_CHANGE_TYPES):
        rows = feed.filter(pc.is_in(feed["_change_type"], pa.array(names)))
        kinds.append({withdrawal_key(row) for row in rows.to_pylist()})
    taken, shown = kinds
    return taken - shown


def _mask_batch_slots(rows: pa.Table | pa.RecordBatch, batch: ReleaseBatch) -> pa.Array:
    return pc.is_in(rows.column("slot_id"), batch.decisions["slot_id"].combine_chunks())
