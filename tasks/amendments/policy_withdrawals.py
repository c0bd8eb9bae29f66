"""Policy withdrawals: the live images that an applied policy takes away, as its run keeps them.

Inputs: the run of an applied policy. Outputs: its list of withdrawals, extended where another commit came first, and
the reviews that it asks for. The list is what the policy refused in the release that it was evaluated on. A release
that was published between the evaluation and the policy's commit was decided under the policy before; its images are
judged when the commit is built on it. The list only grows, so processes that complete one change agree on it.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import table_row_digests
from catalogs.keys import image_key
from catalogs.policy.schema import Policy
from catalogs.reviews.review_item import ReviewKind
from catalogs.runs.job import Run
from catalogs.runs.manifest_diff import COMPARED_COLUMNS, ManifestDiff
from catalogs.table_schemas import WITHDRAWALS
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_table, write_table
from tasks.amendments.release_diff import build_digest_set
from tasks.pipeline.review_index_writer import QueuedRow, ReviewIndexWriter
from tasks.policies.reevaluate import find_refused_live_images


def read_withdrawals(store: ObjectStore, run: Run) -> pa.Table:
    """Return what the policy of this run withdraws, as WITHDRAWALS."""
    return read_table(store, layout.RunFiles(run.run_id).withdrawals, WITHDRAWALS)


def extend_withdrawals(
    store: ObjectStore, tables: TableStore, run: Run, withdrawals: pa.Table, version: int, *, against_people: bool
) -> pa.Table:
    """Add what the run's policy refuses of the release `version`, write the list, and return it."""
    policy = Policy.model_validate(read_json(store, layout.RunFiles(run.run_id).policy))
    refused = find_refused_live_images(store, tables, run.catalogue, policy, version, against_people=against_people)
    known = build_digest_set(table_row_digests(withdrawals, *COMPARED_COLUMNS))
    new = refused.filter(pa.array(~known.contains(table_row_digests(refused, *COMPARED_COLUMNS))))
    if not new.num_rows:
        return withdrawals
    extended = pa.concat_tables([withdrawals, new])
    write_table(store, layout.RunFiles(run.run_id).withdrawals, extended)
    return extended


def queue_withdrawn_reviews(store: ObjectStore, run: Run, diff: ManifestDiff, review_days: int) -> None:
    """Queue the withdrawn images that wait for a person: no other copy of them is kept."""
    withdrawals = read_withdrawals(store, run)
    to_review = withdrawals.filter(pc.equal(withdrawals["verdict"], "REVIEW"))
    lost = build_digest_set(table_row_digests(diff.lost, *COMPARED_COLUMNS))
    rows = to_review.filter(pa.array(lost.contains(table_row_digests(to_review, *COMPARED_COLUMNS)))).to_pylist()
    if not rows:
        return
    policy = Policy.model_validate(read_json(store, layout.RunFiles(run.run_id).policy))
    policy = policy.model_copy(update={"review_days": review_days})
    measuring_runs = sorted({row["run_id"] for row in rows})
    writer = ReviewIndexWriter(store, run.catalogue, run.run_id, run.started_at, policy, measuring_runs)
    writer.write(QueuedRow(ReviewKind.REVIEW, row["object"], row | {"image_key": _image_key_of(row)}) for row in rows)


def _image_key_of(row: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))
