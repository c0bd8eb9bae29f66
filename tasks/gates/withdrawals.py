"""Withdrawal gate: find images of a batch that were withdrawn before its commit, so that it does not publish them.

Inputs: a decided batch, and the manifest version that its commit builds on. Outputs: the withdrawn images among the
batch's slots. The result depends only on that version, so a repeated commit finds the same images.

The manifest alone cannot tell: a slot that got an image and lost it by a rollback is as empty as when the batch was
planned. A person's withdrawal (a rollback) binds every batch, but for an image that was accepted later. A withdrawal by
a policy or by people's answers may be decided again, so it binds only batches that were planned before it. A manifest
change commits its manifest rows first and its outcomes second; between the two, its own manifest commit says what it
removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer_verdicts import was_given_after
from catalogs.runs.commit_kinds import ANSWERS_KIND, POLICY_KIND
from catalogs.runs.manifest_diff import WITHDRAWAL_KEY_COLUMNS
from catalogs.runs.release_batch import NO_WITHDRAWALS, ReleaseBatch, WithdrawalKey, withdrawal_key
from catalogs.slot_states import REFUSED_BY_GATES, SlotState
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.stores.json_objects import read_json

_REPLANNED_KINDS = (POLICY_KIND, ANSWERS_KIND)
_REMOVED_CHANGE_TYPES = ("delete", "update_preimage")
_ADDED_CHANGE_TYPES = ("insert", "update_postimage")


def find_withdrawn_images(
    store: ObjectStore, tables: TableStore, batch: ReleaseBatch, base: int
) -> frozenset[WithdrawalKey]:
    """Return the withdrawn images in the batch's slots, as of the manifest's version `base`.

    What an outcome means, by its state and by the run that wrote it; V is the manifest version that the run committed,
    P the version that the batch was planned against (-1: none):

    | written by | state                         | V                        | withdrawn                              |
    | ---------- | ----------------------------- | ------------------------ | -------------------------------------- |
    | rollback   | withdrawn                     | V <= base                | yes, unless accepted later             |
    | rollback   | withdrawn                     | no longer in the history | yes: it is older than the history      |
    | rollback   | withdrawn                     | V > base                 | no: later than this commit             |
    | policy,    | withdrawn, review or blocked  | P < V <= base            | yes: the plan does not know of it      |
    | answers    |                               | V <= P, or V > base      | no                                     |
    | refresh    | review or blocked             | any                      | no: an ordinary decision               |

    A manifest change that is still open counts by the same limits on V, with the images that its commit removed.
    """
    if not batch.decisions.num_rows:
        return NO_WITHDRAWALS
    # Open changes are listed first: one that closes after that has written its outcomes, which are read next.
    open_changes = [info.key for info in store.list(layout.open_manifest_changes_prefix(batch.catalogue))]
    outcomes = _read_batch_outcomes(tables, batch)
    if not open_changes and not outcomes.num_rows:
        return NO_WITHDRAWALS
    commits = _read_commit_limits(store, batch, tables.history(layout.manifest_table(batch.catalogue)), base)
    withdrawn, accepted = set(), _read_accepted(batch)
    for row in outcomes.to_pylist():
        run_id = row["run_id"]
        if row["state"] != SlotState.WITHDRAWN and run_id not in commits.replanned_run_ids:
            continue  # an ordinary decision of a refresh
        if was_given_after(accepted.get(withdrawal_key(row), ""), row["decided_at"]):
            continue
        if commits.binds(run_id, commits.versions.get(run_id, base)):
            withdrawn.add(withdrawal_key(row))
    for key in open_changes:
        run_id = key.rsplit("/", 1)[1].removesuffix(".json")
        version = commits.versions.get(run_id, -1)
        if commits.binds(run_id, version):
            withdrawn |= _find_removed_images(tables, batch, version)
    return frozenset(withdrawn)


@dataclass(frozen=True)
class _CommitLimits:
    """The manifest's commits as one batch sees them: which of them can bind it."""

    versions: dict[str, int]
    """Run id -> the manifest version that it committed."""
    replanned_run_ids: frozenset[str]
    """Runs whose withdrawals a plan made since has taken into account: policies and answers."""
    planned: int
    """The version that the batch was planned against; -1 where there was none, or where no policy asks for it."""
    base: int

    def binds(self, run_id: str, version: int) -> bool:
        """Tell whether a run that committed `version` may keep the batch from publishing."""
        known = self.planned if run_id in self.replanned_run_ids else -1
        return known < version <= self.base


def _read_commit_limits(store: ObjectStore, batch: ReleaseBatch, history: Sequence[Commit], base: int) -> _CommitLimits:
    replanned = frozenset(commit.run_id for commit in history if commit.metadata.get("kind") in _REPLANNED_KINDS)
    planned = read_json(store, layout.RunFiles(batch.run_id).plan)["base_version"] if replanned else None
    versions = {commit.run_id: commit.version for commit in history if commit.run_id}
    return _CommitLimits(versions, replanned, -1 if planned is None else planned, base)


def _read_batch_outcomes(tables: TableStore, batch: ReleaseBatch) -> pa.Table:
    """Return the outcomes in the batch's slots that a manifest change may have written."""
    table, names = layout.outcomes_table(batch.catalogue), [*WITHDRAWAL_KEY_COLUMNS, "state", "run_id", "decided_at"]
    if tables.version(table) is None:
        return pa.table({name: [] for name in names})
    states = pa.array([SlotState.WITHDRAWN, *REFUSED_BY_GATES])
    filtered = [
        rows.filter(pc.and_(pc.is_in(rows.column("state"), states), _mask_batch_slots(rows, batch)))
        for rows in tables.batches(table, names)
    ]
    return pa.Table.from_batches(filtered) if filtered else pa.table({name: [] for name in names})


def _read_accepted(batch: ReleaseBatch) -> dict[WithdrawalKey, str]:
    """Return the images that the batch publishes by a person's word, with the token of the answer."""
    rows = batch.decisions.filter(pc.is_valid(batch.decisions["answer"]))
    rows = rows.filter(pc.equal(rows["state"], SlotState.PUBLISH)).select([*WITHDRAWAL_KEY_COLUMNS, "answer"])
    return {withdrawal_key(row): row["answer"] for row in rows.to_pylist()}


def _find_removed_images(tables: TableStore, batch: ReleaseBatch, version: int) -> set[WithdrawalKey]:
    """Return the images that one commit removed from the batch's slots and did not put back in another file."""
    changes = tables.changes(layout.manifest_table(batch.catalogue), version).select(
        [*WITHDRAWAL_KEY_COLUMNS, "_change_type"]
    )
    changes = changes.filter(_mask_batch_slots(changes, batch))

    def keys_of(change_types: Sequence[str]) -> set[WithdrawalKey]:
        rows = changes.filter(pc.is_in(changes["_change_type"], pa.array(change_types)))
        return {withdrawal_key(row) for row in rows.to_pylist()}

    return keys_of(_REMOVED_CHANGE_TYPES) - keys_of(_ADDED_CHANGE_TYPES)


def _mask_batch_slots(rows: pa.Table | pa.RecordBatch, batch: ReleaseBatch) -> pa.Array:
    return pc.is_in(rows.column("slot_id"), batch.decisions["slot_id"].combine_chunks())
