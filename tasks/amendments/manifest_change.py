"""Change what is live without a refresh: one manifest commit, then the outcomes that keep a night from undoing it.

Comes in: an intent (go back to a release, withdraw what a policy refuses). Goes out: an `ManifestChange`. It is a run
of its own: its intention is written down before anything is committed, so that a killed one is found and completed by
whoever comes next. The commit is a difference like every other, so readers, the change feed and races are those of a
release. Whoever begins one holds the catalogue's lease: no full run is at work beside it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
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
from catalogs.table_schemas import MANIFEST, OUTCOMES, WITHDRAWALS
from infra.errors import LeaseLost
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json, write_json
from infra.stores.parquet_objects import read_table
from infra.tables.idempotent_commit import commit_once
from tasks.pipeline.queue_reviews import REVIEW, ReviewItem, ReviewQueue
from tasks.runs import run_state as runs

RowMask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ManifestChange:
    """What an amendment did: `version` is the new release, `previous` the one before it, `target` one gone back to.

    `restored` slots show another picture or one again, `dropped` show none; `withdrawn` pictures will not be published
    again by themselves, `readmitted` ones will.
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
    """What somebody meant to do: a run, its kind, and what else must be known to complete it."""

    run: Run
    kind: str
    details: Mapping[str, Any]


def new_change_run(catalogue: str) -> Run:
    """Return the run of an amendment."""
    started = datetime.now(UTC)
    return Run(new_run_id(started), catalogue, "full", "", started, "")


def begin_change(store: ObjectStore, run: Run, kind: str, details: Mapping[str, Any]) -> ManifestChangeIntent:
    """Write down what is meant; its marker comes last. What completing it needs beside the words is there already."""
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
    """Commit, remember, close: each safe to do again. `known` is given by whoever began it, who works it out once."""
    run, ready = intent.run, precomputed_diffs or {}
    work = _ChangeOperation(store, tables, intent)

    def build(base: int) -> tuple[tuple[int, ManifestDiff], pa.Table]:
        # Without its marker nobody could see that its outcomes are still to come.
        if precomputed_diffs is not None and not store.exists(layout.open_manifest_change(run.catalogue, run.run_id)):
            raise LeaseLost(f"The {intent.kind} {run.run_id} was taken for dead by another run; give the command again")
        reversal = ready.get(base) or work.compute_diff(base)
        return (base, reversal), reversal.manifest_changes()

    words = {"run_id": run.run_id, "kind": intent.kind}
    words |= {"target": str(intent.details["target"])} if intent.kind == ROLLBACK_KIND else {}
    table = layout.manifest_table(run.catalogue)
    (base, reversal), version = commit_once(tables, table, run.run_id, build, on=["slot_id"], metadata=words)
    withdrawn, readmitted = work.record_outcomes(reversal)
    if intent.kind == POLICY_KIND:
        work.queue_reviews(reversal)
    done = ManifestChange(
        run_id=run.run_id,
        catalogue=run.catalogue,
        kind=intent.kind,
        version=version,
        previous=base,
        target=intent.details.get("target"),
        restored=reversal.restored.num_rows,
        dropped=reversal.dropped.num_rows,
        withdrawn=withdrawn,
        readmitted=readmitted,
    )
    _close_change(store, run, "done", asdict(done))
    return done


def diff_releases(tables: TableStore, catalogue: str, base: int, target: int) -> ManifestDiff:
    """Return how two versions of a manifest differ; memory goes with the difference, and 32 bytes a row."""
    table = layout.manifest_table(catalogue)
    here, there = (_read_row_digests(tables, table, version) for version in (base, target))
    return ManifestDiff(
        restored=_read_rows(
            tables, table, target, MANIFEST, lambda batch: ~here.contains(table_row_digests(batch, *COMPARED_COLUMNS))
        ),
        lost=_read_rows(
            tables, table, base, MANIFEST, lambda batch: ~there.contains(table_row_digests(batch, *COMPARED_COLUMNS))
        ),
    )


def build_withdrawal_diff(tables: TableStore, catalogue: str, base: int, withdrawn: pa.Table) -> ManifestDiff:
    """Return the reversal that takes away the listed pictures, as far as they are live in that version."""
    chosen = _build_digest_set(table_row_digests(withdrawn, *COMPARED_COLUMNS))
    lost = _read_rows(
        tables,
        layout.manifest_table(catalogue),
        base,
        MANIFEST,
        lambda batch: chosen.contains(table_row_digests(batch, *COMPARED_COLUMNS)),
    )
    return ManifestDiff(restored=MANIFEST.empty_table(), lost=lost)


@dataclass(frozen=True)
class _ChangeOperation:
    """One intent against the tables."""

    store: ObjectStore
    tables: TableStore
    intent: ManifestChangeIntent

    def compute_diff(self, base: int) -> ManifestDiff:
        catalogue = self.intent.run.catalogue
        if self.intent.kind == ROLLBACK_KIND:
            return diff_releases(self.tables, catalogue, base, self.intent.details["target"])
        return build_withdrawal_diff(self.tables, catalogue, base, self._read_withdrawals())

    def record_outcomes(self, diff: ManifestDiff) -> tuple[int, int]:
        """Commit what is withdrawn and what is so no more; return how many of each.

        What is live is read from the newest version: a run may have come between a killed one and its completion.
        """
        run = self.intent.run
        table, manifest = layout.outcomes_table(run.catalogue), layout.manifest_table(run.catalogue)
        self.tables.ensure(table, OUTCOMES)
        lost_slots = table_row_digests(diff.lost, "slot_id")
        lost = _build_digest_set(lost_slots)
        refusing = self._make_outcome_factory()

        def concerned(batch: pa.RecordBatch) -> RowMask:
            withdrawn = pc.equal(batch.column("state"), SlotState.WITHDRAWN).to_numpy(zero_copy_only=False)
            return np.asarray(withdrawn | lost.contains(table_row_digests(batch, "slot_id")))

        def build(base: int) -> tuple[tuple[int, int], pa.Table]:
            refused = _read_rows(self.tables, table, base, OUTCOMES, concerned)
            slots = _build_digest_set(lost_slots, table_row_digests(refused, "slot_id"))
            live = DigestSet()
            for batch in self.tables.batches(manifest, WITHDRAWAL_KEY_COLUMNS):
                live.add(
                    table_row_digests(
                        batch.filter(pa.array(slots.contains(table_row_digests(batch, "slot_id")))),
                        *WITHDRAWAL_KEY_COLUMNS,
                    )
                )
            changes = withdrawal_changes(diff.lost, refused, live, run.run_id, refusing)
            put = pc.sum(pc.equal(changes["_op"], "put")).as_py() or 0
            return (put, changes.num_rows - put), changes

        key = ["slot_id", "request_key"]
        said, _ = commit_once(self.tables, table, run.run_id, build, on=key, metadata={"run_id": run.run_id})
        return said

    def queue_reviews(self, diff: ManifestDiff) -> None:
        """Keep the withdrawn pictures that wait for a person: nobody else may have them any more."""
        listed = self._read_withdrawals().filter(pc.equal(self._read_withdrawals()["verdict"], "REVIEW"))
        lost = _build_digest_set(table_row_digests(diff.lost, *COMPARED_COLUMNS))
        rows = listed.filter(pa.array(lost.contains(table_row_digests(listed, *COMPARED_COLUMNS)))).to_pylist()
        run, days = self.intent.run, self.intent.details["review_days"]
        measured = sorted({row["run_id"] for row in rows})
        review = ReviewQueue(self.store, run.catalogue, run.run_id, run.started_at, days, measured)
        review.write(ReviewItem(REVIEW, row["object"], row | {"image_key": _image_key_of(row)}) for row in rows)

    def _make_outcome_factory(self) -> OutcomeFactory:
        if self.intent.kind == ROLLBACK_KIND:
            return rollback_outcomes(datetime.now(UTC))
        words = self.intent.details
        return policy_outcomes(
            self._read_withdrawals(), words["policy_digest"], words["review_days"], self.intent.run.started_at
        )

    def _read_withdrawals(self) -> pa.Table:
        return read_table(self.store, layout.RunFiles(self.intent.run.run_id).withdrawals, WITHDRAWALS)


# Killed ones


def recover_changes(
    store: ObjectStore, tables: TableStore, catalogue: str, *, holds_lease: bool
) -> Iterator[tuple[ManifestChangeIntent, ManifestChange]]:
    """Complete what has committed and was not closed; `alone`, forget what never committed.

    Whoever does not hold the catalogue's lease is not alone: one that has not committed may be about to.
    """
    for info in list(store.list(layout.open_manifest_changes_prefix(catalogue))):
        intent = _load_intent(store, info.key)
        if runs.is_committed(tables, intent.run):
            yield intent, complete_change(store, tables, intent)
        elif holds_lease:
            _close_change(store, intent.run, "superseded", {"reason": "it was killed before its commit"})


def recover_all_changes(
    store: ObjectStore, tables: TableStore, catalogue: str, *, holds_lease: bool
) -> list[ManifestChange]:
    """Do what `settle` does, to the end, and return what was completed."""
    return [done for _, done in recover_changes(store, tables, catalogue, holds_lease=holds_lease)]


def _load_intent(store: ObjectStore, marker: str) -> ManifestChangeIntent:
    words = read_json(store, marker)
    run = runs.load_run(store, marker.rsplit("/", 1)[1].removesuffix(".json"))
    return ManifestChangeIntent(run, words.pop("kind", ROLLBACK_KIND), words)


def _close_change(
    store: ObjectStore, run: Run, state: Literal["done", "superseded"], details: Mapping[str, object]
) -> None:
    runs.close_run(store, run, state, details)
    store.delete([layout.open_manifest_change(run.catalogue, run.run_id)])


# Rows


def _image_key_of(row: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))


def _read_row_digests(tables: TableStore, table: str, version: int) -> DigestSet:
    return _build_digest_set(
        *(
            table_row_digests(batch, *COMPARED_COLUMNS)
            for batch in tables.batches(table, COMPARED_COLUMNS, version=version)
        )
    )


def _build_digest_set(*digest_chunks: bytes) -> DigestSet:
    found = DigestSet()
    for part in digest_chunks:
        found.add(part)
    return found


def _read_rows(
    tables: TableStore, table: str, version: int, schema: pa.Schema, select: Callable[[pa.RecordBatch], RowMask]
) -> pa.Table:
    batches = tables.batches(table, schema.names, version=version)
    return pa.Table.from_batches((batch.filter(pa.array(select(batch))) for batch in batches), schema)
