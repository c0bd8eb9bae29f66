"""Commit context: what a manifest commit compares its batch with, read in one place at one manifest version.

Inputs: a store, its tables, a decided batch, and the manifest version that the commit builds on. Outputs: a
`CommitContext`. A commit that loses a race is built again on a newer version, and reads a new context. All of it is
read inside the commit loop, since each part may change until the commit:

| part        | read from                                                                                    |
| ----------- | -------------------------------------------------------------------------------------------- |
| `live_rows` | the manifest at `base`                                                                       |
| `withdrawn` | open manifest changes, outcomes, the manifest's history up to `base`, the run's `plan.json`, |
|             | and what people have answered since the batch was decided                                    |
| `late`      | fingerprints of what commits since the plan have put, and of what stays against the plan     |
| `channels`  | the run's frozen recipe, the screening records of the live rows' runs, recorded approvals    |
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.policy.channels import ChannelEligibility
from catalogs.runs.release_batch import BatchTotals, ReleaseBatch, WithdrawalKey, compute_totals
from catalogs.runs.renamed_slots import apply_renames
from catalogs.table_rows import ManifestRow
from catalogs.table_schemas import MANIFEST
from infra.interfaces import ObjectStore, TableStore
from tasks.gates.channel_eligibility import evaluate_batch_channels
from tasks.gates.late_duplicates import find_late_duplicates
from tasks.gates.later_answers import find_answered_otherwise
from tasks.gates.withdrawals import find_withdrawn_images


@dataclass(frozen=True)
class CommitContext:
    """A batch's surroundings at one manifest version; slots are keyed by slot id."""

    base: int
    live_rows: Mapping[bytes, ManifestRow]
    withdrawn: frozenset[WithdrawalKey]
    late: frozenset[WithdrawalKey]
    """Images that resemble what was published since the batch was planned."""
    channels: Mapping[bytes, ChannelEligibility]

    @classmethod
    def read(
        cls, store: ObjectStore, tables: TableStore, batch: ReleaseBatch, base: int, *, channels: bool = True
    ) -> "CommitContext":
        """Read the context at version `base`; without `channels` where only the totals are needed."""
        live_rows = _read_live_rows(tables, layout.manifest_table(batch.catalogue), batch.slot_ids, base)
        live_rows = apply_renames(batch.renamed, live_rows)
        withdrawn = find_withdrawn_images(store, tables, batch, base) | find_answered_otherwise(store, batch)
        late = find_late_duplicates(store, tables, batch, base, live_rows, withdrawn)
        eligibility = evaluate_batch_channels(store, batch, live_rows) if channels else {}
        return cls(base, live_rows, withdrawn, late, eligibility)

    def compute_totals(self, batch: ReleaseBatch) -> BatchTotals:
        """Count the batch against the live rows. Raises `BatchTotalsMismatch` where the counts do not add up."""
        return compute_totals(batch, self.live_rows, self.withdrawn | self.late)


def _read_live_rows(tables: TableStore, table: str, slot_ids: pa.Array, version: int) -> dict[bytes, ManifestRow]:
    live_rows: dict[bytes, ManifestRow] = {}
    if not len(slot_ids):
        return live_rows
    for rows in tables.batches(table, MANIFEST, version=version):
        for row in rows.filter(pc.is_in(rows.column("slot_id"), slot_ids)).to_pylist():
            live_rows[row["slot_id"]] = row
    return live_rows
