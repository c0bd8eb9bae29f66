"""Manifest change: change what is live without a refresh, by one manifest commit and the outcomes that make it last.

Inputs: an intent (go back to a release, or withdraw what a policy refuses). Outputs: a `ManifestChange`. The outcomes
keep the next run from undoing it.

A change is a run of its own. Its intent is recorded before anything is committed, so the next process finds a killed
change and completes it. The commit is a diff like every other, so readers, the change feed and races are those of a
release. The caller that begins a change holds the catalogue's lease: no full run works beside it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.keys import image_key
from catalogs.runs.commit_kinds import POLICY_KIND, ROLLBACK_KIND
from catalogs.runs.job import Run, new_run_id
from catalogs.runs.manifest_diff import (
    COMPARED_COLUMNS,
    WITHDRAWAL_KEY_COLUMNS,
    ManifestDiff,
    OutcomeFactory,
    policy_outcomes,
    rollback_outcomes,
    withdrawal_changes,
)
from catalogs.slot_states import SlotState
from catalogs.table_schemas import OUTCOMES, WITHDRAWALS
from infra.errors import LeaseLost
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json, write_json
from infra.stores.parquet_objects import read_table
from infra.tables.idempotent_commit import commit_once
from tasks.amendments.release_diff import RowMask, build_digest_set, diff_releases, diff_without, read_rows
from tasks.pipeline.queue_reviews import REVIEW, ReviewItem, ReviewQueue
from tasks.runs import run_state as runs

_MANIFEST_BASE, _OUTCOMES_BASE = "manifest_base", "outcomes_base"
"""Details of every intent; those of older versions have none, and search the whole history."""


@dataclass(frozen=True)
class ManifestChange:
    """The result of a change: `version` is the new release, `previous` the one before, `target` the one restored.

    `restored` counts slots that show a different image, or an image again after none; `dropped` slots that show none;
    `withdrawn` images will not be published again by a refresh, `readmitted` ones will.
    """

    run_id: str
    catalogue: str
    kind: str
    version: int
    previous: int
    target: int | None
    restored: int
    dropped: int
    withdrawn: int
    readmitted: int


@dataclass(frozen=True)
class ManifestChangeIntent:
    """What a change shall do: its run, its kind, and what else is needed to complete it."""

    run: Run
    kind: str
    details: Mapping[str, Any]


def new_change_run(catalogue: str, started: datetime) -> Run:
    """Return a new run for a change of this catalogue."""
    return Run(new_run_id(started), catalogue, "full", "", started, "")


def begin_change(
    store: ObjectStore, tables: TableStore, run: Run, kind: str, details: Mapping[str, Any]
) -> ManifestChangeIntent:
    """Record the intent, its marker last. Files that completing it needs beside `details` must be written before.

    With it stand the tables' versions, above which the change's own commits are searched.
    """
    manifest, outcomes = layout.manifest_table(run.catalogue), layout.outcomes_table(run.catalogue)
    details = {_MANIFEST_BASE: tables.version(manifest), _OUTCOMES_BASE: tables.version(outcomes), **details}
    document = {**asdict(run), "started_at": run.started_at.isoformat(), "kind": kind, **details}
    write_json(store, layout.RunFiles(run.run_id).run, document)
    write_json(store, layout.open_manifest_change(run.catalogue, run.run_id), {"kind": kind, **details})
    return ManifestChangeIntent(run, kind, details)


def complete_change(
    store: ObjectStore,
    tables: TableStore,
    intent: ManifestChangeIntent,
    precomputed_diffs: dict[int, ManifestDiff] | None = None,
) -> ManifestChange:
    """Commit the change, record its outcomes and close it; each step may be repeated.

    `precomputed_diffs` (base version -> diff) is given by the caller that began the change, and by no other.
    """
    run, diffs = intent.run, precomputed_diffs or {}
    operation = _ChangeOperation(store, tables, intent)

    def build(base: int) -> tuple[tuple[int, ManifestDiff], pa.Table]:
        # Without its marker no other process can see that its outcomes are still missing.
        if precomputed_diffs is not None and not store.exists(layout.open_manifest_change(run.catalogue, run.run_id)):
            raise LeaseLost(f"The {intent.kind} {run.run_id} was taken for dead by another run; give the command again")
        diff = diffs.get(base) or operation.compute_diff(base)
        return (base, diff), diff.manifest_changes()

    table = layout.manifest_table(run.catalogue)
    metadata, after = _commit_metadata(intent), intent.details.get(_MANIFEST_BASE)
    (base, diff), version = commit_once(
        tables, table, run.run_id, build, on=["slot_id"], metadata=metadata, after=after
    )
    withdrawn, readmitted = operation.record_outcomes(diff)
    if intent.kind == POLICY_KIND:
        operation.queue_reviews(diff)
    change = ManifestChange(
        run_id=run.run_id,
        catalogue=run.catalogue,
        kind=intent.kind,
        version=version,
        previous=base,
        target=intent.details.get("target"),
        restored=diff.restored.num_rows,
        dropped=diff.dropped.num_rows,
        withdrawn=withdrawn,
        readmitted=readmitted,
    )
    _close_change(store, run, "done", asdict(change))
    return change


@dataclass(frozen=True)
class _ChangeOperation:
    """The steps of one intent against the store and the tables."""

    store: ObjectStore
    tables: TableStore
    intent: ManifestChangeIntent

    def compute_diff(self, base: int) -> ManifestDiff:
        catalogue = self.intent.run.catalogue
        if self.intent.kind == ROLLBACK_KIND:
            return diff_releases(self.tables, catalogue, base, self.intent.details["target"])
        return diff_without(self.tables, catalogue, base, self._read_withdrawals())

    def record_outcomes(self, diff: ManifestDiff) -> tuple[int, int]:
        """Commit the outcomes of withdrawn images, and delete those of images that are live again; return both counts.

        Live rows are read from the newest version: another run may have committed between a killed change and its
        completion.
        """
        run = self.intent.run
        table = layout.outcomes_table(run.catalogue)
        self.tables.ensure(table, OUTCOMES)
        lost_slots = table_row_digests(diff.lost, "slot_id")
        lost = build_digest_set(lost_slots)
        make_outcome = self._make_outcome_factory()

        def may_change(batch: pa.RecordBatch) -> RowMask:
            withdrawn = pc.equal(batch.column("state"), SlotState.WITHDRAWN).to_numpy(zero_copy_only=False)
            return np.asarray(withdrawn | lost.contains(table_row_digests(batch, "slot_id")))

        def build(base: int) -> tuple[tuple[int, int], pa.Table]:
            outcomes = read_rows(self.tables, table, base, OUTCOMES, may_change)
            slots = build_digest_set(lost_slots, table_row_digests(outcomes, "slot_id"))
            changes = withdrawal_changes(diff.lost, outcomes, self._read_live(slots), run.run_id, make_outcome)
            put = pc.sum(pc.equal(changes["_op"], "put")).as_py() or 0
            return (put, changes.num_rows - put), changes

        key = ["slot_id", "request_key"]
        metadata, after = {"run_id": run.run_id}, self.intent.details.get(_OUTCOMES_BASE)
        counts, _ = commit_once(self.tables, table, run.run_id, build, on=key, metadata=metadata, after=after)
        return counts

    def _read_live(self, slots: DigestSet) -> DigestSet:
        """Return what is live in these slots, as digests of the columns that a withdrawal binds."""
        live = DigestSet()
        for batch in self.tables.batches(layout.manifest_table(self.intent.run.catalogue), WITHDRAWAL_KEY_COLUMNS):
            in_slots = pa.array(slots.contains(table_row_digests(batch, "slot_id")))
            live.add(table_row_digests(batch.filter(in_slots), *WITHDRAWAL_KEY_COLUMNS))
        return live

    def queue_reviews(self, diff: ManifestDiff) -> None:
        """Queue the withdrawn images that wait for a person: no other copy of them is kept."""
        withdrawals = self._read_withdrawals()
        to_review = withdrawals.filter(pc.equal(withdrawals["verdict"], "REVIEW"))
        lost = build_digest_set(table_row_digests(diff.lost, *COMPARED_COLUMNS))
        rows = to_review.filter(pa.array(lost.contains(table_row_digests(to_review, *COMPARED_COLUMNS)))).to_pylist()
        run, days = self.intent.run, self.intent.details["review_days"]
        scored_runs = sorted({row["run_id"] for row in rows})
        queue = ReviewQueue(self.store, run.catalogue, run.run_id, run.started_at, days, scored_runs)
        queue.write(ReviewItem(REVIEW, row["object"], row | {"image_key": _image_key_of(row)}) for row in rows)

    def _make_outcome_factory(self) -> OutcomeFactory:
        if self.intent.kind == ROLLBACK_KIND:
            return rollback_outcomes(self.store.now())
        details = self.intent.details
        return policy_outcomes(
            self._read_withdrawals(), details["policy_digest"], details["review_days"], self.intent.run.started_at
        )

    def _read_withdrawals(self) -> pa.Table:
        return read_table(self.store, layout.RunFiles(self.intent.run.run_id).withdrawals, WITHDRAWALS)


# Recovery of killed changes


def recover_changes(
    store: ObjectStore, tables: TableStore, catalogue: str, *, holds_lease: bool
) -> Iterator[tuple[ManifestChangeIntent, ManifestChange]]:
    """Complete the changes that have committed and were not closed; with the lease, discard those that never committed.

    Without the catalogue's lease a change that has not committed may be about to, so it is left alone.
    """
    for info in list(store.list(layout.open_manifest_changes_prefix(catalogue))):
        intent = _load_intent(store, info.key)
        if runs.is_committed(tables, intent.run, after=intent.details.get(_MANIFEST_BASE)):
            yield intent, complete_change(store, tables, intent)
        elif holds_lease:
            _close_change(store, intent.run, "superseded", {"reason": "it was killed before its commit"})


def recover_all_changes(
    store: ObjectStore, tables: TableStore, catalogue: str, *, holds_lease: bool
) -> list[ManifestChange]:
    """Run `recover_changes` to its end, and return the completed changes."""
    return [change for _, change in recover_changes(store, tables, catalogue, holds_lease=holds_lease)]


def _load_intent(store: ObjectStore, marker: str) -> ManifestChangeIntent:
    details = read_json(store, marker)
    run = runs.load_run(store, marker.rsplit("/", 1)[1].removesuffix(".json"))
    return ManifestChangeIntent(run, details.pop("kind", ROLLBACK_KIND), details)


def _commit_metadata(intent: ManifestChangeIntent) -> dict[str, str]:
    metadata = {"run_id": intent.run.run_id, "kind": intent.kind}
    if intent.kind == ROLLBACK_KIND:
        metadata["target"] = str(intent.details["target"])
    return metadata


def _close_change(
    store: ObjectStore, run: Run, state: Literal["done", "superseded"], details: Mapping[str, object]
) -> None:
    runs.close_run(store, run, state, details)
    store.delete([layout.open_manifest_change(run.catalogue, run.run_id)])


def _image_key_of(row: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))
