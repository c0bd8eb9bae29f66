"""Change operation: the steps of one manifest change against the store and the tables.

Inputs: an intent. Outputs: its `ManifestDiff` against a manifest version, and the outcomes and reviews that make it
last. Each step may be repeated, by this process or by the one that completes a killed change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.planning.retry_rules import may_be_readmitted
from catalogs.runs.commit_kinds import POLICY_KIND, ROLLBACK_KIND
from catalogs.runs.job import Run
from catalogs.runs.manifest_diff import (
    WITHDRAWAL_KEY_COLUMNS,
    ManifestDiff,
    OutcomeFactory,
    refused_outcomes,
    rollback_outcomes,
    withdrawal_changes,
)
from catalogs.slot_states import SlotState
from catalogs.table_schemas import OUTCOME_KEY, OUTCOMES, WITHDRAWALS
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import read_table
from infra.tables.idempotent_commit import commit_once
from tasks.amendments.policy_withdrawals import extend_withdrawals, read_withdrawals
from tasks.amendments.release_diff import RowMask, build_digest_set, diff_releases, diff_without, read_rows
from tasks.amendments.rollback_plan import RollbackPlan
from tasks.gates.approvals import apply_approvals_to_rows, read_approvals

MANIFEST_BASE, OUTCOMES_BASE = "manifest_base", "outcomes_base"
"""Details of every intent; those of older versions have none, and search the whole history."""
AGAINST_PEOPLE = "against_people"
"""Detail of an applied policy: what people accepted goes too."""
EVALUATED_BASE = "evaluated"
"""Detail of an applied policy: the release that its list of withdrawals was made from."""


@dataclass(frozen=True)
class ManifestChangeIntent:
    """What a change shall do: its run, its kind, and what else is needed to complete it."""

    run: Run
    kind: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class ChangeOperation:
    """The steps of one intent against the store and the tables."""

    store: ObjectStore
    tables: TableStore
    intent: ManifestChangeIntent

    def compute_diff(self, base: int) -> ManifestDiff:
        catalogue = self.intent.run.catalogue
        details = self.intent.details
        if self.intent.kind != ROLLBACK_KIND:
            withdrawals = read_withdrawals(self.store, self.intent.run)
            if self.intent.kind == POLICY_KIND and base != details.get(EVALUATED_BASE, base):
                against_people = bool(details.get(AGAINST_PEOPLE))
                withdrawals = extend_withdrawals(
                    self.store, self.tables, self.intent.run, withdrawals, base, against_people=against_people
                )
            return diff_without(self.tables, catalogue, base, withdrawals)
        if "selection" not in details:  # of a version that always restored whole releases
            return diff_releases(self.tables, catalogue, base, details["target"])
        diff = RollbackPlan.from_details(details).compute_diff(self.tables, catalogue, base)
        return diff.leaving_out(self.read_withheld())

    def with_standing_approvals(self, diff: ManifestDiff) -> ManifestDiff:
        """Return the diff with the channels that today's approvals give to the restored pixels."""
        approvals = read_approvals(self.store, self.intent.run.catalogue)
        return replace(diff, restored=apply_approvals_to_rows(diff.restored, approvals))

    def read_withheld(self) -> pa.Table:
        """Return the images that a rollback leaves out, with the reasons."""
        return read_table(self.store, layout.RunFiles(self.intent.run.run_id).withheld, WITHDRAWALS)

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

        metadata, after = {"run_id": run.run_id}, self.intent.details.get(OUTCOMES_BASE)
        counts, _ = commit_once(self.tables, table, run.run_id, build, on=OUTCOME_KEY, metadata=metadata, after=after)
        return counts

    def drop_readmitted(self) -> pa.Table:
        """Delete the outcomes that a readmission names, in one commit; return those rows.

        Those are what rollbacks withdrew and our own faults, decided before the readmission: completed late, it must
        not undo a later rollback.
        """
        run, details, table = self.intent.run, self.intent.details, layout.outcomes_table(self.intent.run.catalogue)
        self.tables.ensure(table, OUTCOMES)
        skus, until = (
            pa.array(details["skus"], pa.string()),
            pa.scalar(run.started_at, OUTCOMES.field("decided_at").type),
        )

        def is_readmitted(batch: pa.RecordBatch) -> RowMask:
            named = pc.and_(pc.is_in(batch.column("sku"), skus), pc.less_equal(batch.column("decided_at"), until))
            mask = np.array(named.to_numpy(zero_copy_only=False))
            states, reasons = (batch.column(name).filter(named).to_pylist() for name in ("state", "reasons"))
            mask[mask] = [may_be_readmitted(*outcome) for outcome in zip(states, reasons, strict=True)]
            return mask

        def build(base: int) -> tuple[pa.Table, pa.Table]:
            rows = read_rows(self.tables, table, base, OUTCOMES, is_readmitted)
            return rows, rows.append_column("_op", pa.array(["drop"] * rows.num_rows, pa.string()))

        metadata, after = {"run_id": run.run_id}, details.get(OUTCOMES_BASE)
        rows, _ = commit_once(self.tables, table, run.run_id, build, on=OUTCOME_KEY, metadata=metadata, after=after)
        return rows

    def _read_live(self, slots: DigestSet) -> DigestSet:
        """Return what is live in these slots, as digests of the columns that a withdrawal binds."""
        live = DigestSet()
        for batch in self.tables.batches(layout.manifest_table(self.intent.run.catalogue), WITHDRAWAL_KEY_COLUMNS):
            in_slots = pa.array(slots.contains(table_row_digests(batch, "slot_id")))
            live.add(table_row_digests(batch.filter(in_slots), *WITHDRAWAL_KEY_COLUMNS))
        return live

    def _make_outcome_factory(self) -> OutcomeFactory:
        if self.intent.kind == ROLLBACK_KIND:
            return rollback_outcomes(self.store.now())
        details = self.intent.details
        return refused_outcomes(
            read_withdrawals(self.store, self.intent.run),
            details["policy_digest"],
            details["review_days"],
            self.intent.run.started_at,
        )
