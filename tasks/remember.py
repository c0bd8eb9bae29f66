"""Remember what was refused, so that no night buys it twice.

Comes in: a published batch. Goes out: the outcomes table with one row a refused (slot, request key). Committing the
same batch twice changes nothing; a superseded slot leaves no outcome.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.batch import STATE_COUNTS, Batch
from catalogs.policy import Policy
from catalogs.schemas import OUTCOMES
from infra.interfaces import TableStore
from infra.tables.once import commit_once

CHANGES = OUTCOMES.append(pa.field("_op", pa.string()))
KEY = ["slot_id", "request_key"]


def remember(tables: TableStore, batch: Batch, policy: Policy, superseded: frozenset[bytes]) -> int:
    """Commit the batch's refusals and refreshed digests; return the outcomes' version."""
    table = layout.outcomes(batch.catalogue)
    tables.ensure(table, OUTCOMES)
    parts = [
        _changes(outcome(row, batch.run_id, policy) for row in part if row["slot_id"] not in superseded)
        for state in STATE_COUNTS
        if state != "publish"
        for part in batch.of_state(state)
    ]

    def build(base: int) -> tuple[None, pa.Table]:
        return None, pa.concat_tables([*parts, _changes(_refreshed(tables, table, batch, base))])

    _, version = commit_once(tables, table, batch.run_id, build, on=KEY, words={"run_id": batch.run_id})
    return version


def _changes(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Return rows as Arrow: a budget may defer most of a first night, too many to be Python objects at once."""
    return pa.Table.from_pylist(list(rows), schema=CHANGES)


def outcome(row: Mapping[str, Any], run_id: str, policy: Policy) -> dict[str, Any]:
    """Return the outcomes row of a refused decision."""
    now = datetime.now(UTC)
    return {
        "slot_id": row["slot_id"],
        "request_key": row["request_key"],
        "sku": row["sku"],
        "state": row["state"],
        "attempts": row["attempts_spent"] or 0,
        "reasons": row["reasons"],
        "source_digest": row["source_digest"],
        "finish_digest": row["finish_digest"],
        "policy_digest": policy.digest,
        "image_key": row["image_key"],
        "run_id": run_id,
        "decided_at": now,
        "expires_at": now + timedelta(days=policy.review_days) if row["state"] == "review" else None,
        "_op": "put",
    }


def _refreshed(tables: TableStore, table: str, batch: Batch, version: int) -> list[dict[str, Any]]:
    moved = batch.refreshed.filter(pc.equal(batch.refreshed["table"], "outcomes"))
    if moved.num_rows == 0:
        return []
    digests = {(row["slot_id"], row["request_key"]): row["source_digest"] for row in moved.to_pylist()}
    rows = tables.read(table, version=version)
    rows = rows.filter(pc.is_in(rows["slot_id"], moved["slot_id"].combine_chunks()))
    return [
        {**row, "source_digest": digests[row["slot_id"], row["request_key"]], "_op": "put"}
        for row in rows.to_pylist()
        if (row["slot_id"], row["request_key"]) in digests
    ]
