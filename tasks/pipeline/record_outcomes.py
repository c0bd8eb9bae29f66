"""Remember what was refused, so that no night buys it twice.

Comes in: a published batch. Goes out: the outcomes table with one row a refused (slot, request key). Committing the
same batch twice changes nothing; a superseded slot leaves no outcome. A question to a person keeps its age when the
same picture is decided anew, and is closed when its time is over.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.planning.plan import WAITING
from catalogs.policy.review_expiry import EXPIRED, as_of, asks_a_person, moved
from catalogs.policy.schema import Policy
from catalogs.runs.release_batch import STATE_COUNTS, Batch
from catalogs.table_schemas import OUTCOMES
from infra.interfaces import TableStore
from infra.tables.idempotent_commit import commit_once

CHANGES = OUTCOMES.append(pa.field("_op", pa.string()))
KEY = ["slot_id", "request_key"]

Key = tuple[bytes, bytes]


def remember(tables: TableStore, batch: Batch, policy: Policy, superseded: frozenset[bytes]) -> int:
    """Commit the batch's refusals and refreshed digests, and close what waited too long; return the version."""
    table = layout.outcomes(batch.catalogue)
    tables.ensure(table, OUTCOMES)
    now = datetime.now(UTC)

    def build(base: int) -> tuple[None, pa.Table]:
        known = _known(tables, table, batch, base)
        parts = [
            _changes(outcome(row, known, batch.run_id, policy, now) for row in part if row["slot_id"] not in superseded)
            for state in STATE_COUNTS
            if state != "publish"
            for part in batch.of_state(state)
        ]
        decided = {key for part in parts for key in _keys(part)} if known else set()
        rest = {key: row for key, row in known.items() if key not in decided}
        refreshed = _refreshed(batch, rest)
        standing = [refreshed.get(key, row) for key, row in rest.items()]
        closed = {(row["slot_id"], row["request_key"]): row for row in moved(standing, policy.review_days, now)}
        return None, pa.concat_tables([*parts, _changes((refreshed | closed).values())])

    _, version = commit_once(tables, table, batch.run_id, build, on=KEY, words={"run_id": batch.run_id})
    return version


def _changes(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as Arrow: a budget may defer most of a first night, too many to be Python objects at once."""
    return pa.Table.from_pylist([{**row, "_op": "put"} for row in rows], schema=CHANGES)


def _keys(rows: pa.Table) -> Iterable[Key]:
    return zip(rows["slot_id"].to_pylist(), rows["request_key"].to_pylist(), strict=True)


def outcome(
    row: Mapping[str, Any], known: Mapping[Key, Mapping[str, Any]], run_id: str, policy: Policy, now: datetime
) -> dict[str, Any]:
    """Return the outcomes row of a refused decision; `known` holds the rows that wait for a person as yet."""
    found = {
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
        "expires_at": None,
    }
    if row["state"] != "review":
        return found
    before = known.get((row["slot_id"], row["request_key"])) if row["kind"] == WAITING else None
    if before is not None and asks_a_person(before) and before["image_key"] == row["image_key"]:
        found["decided_at"] = before["decided_at"]
    return as_of(found, policy.review_days, now)


def _known(tables: TableStore, table: str, batch: Batch, version: int) -> dict[Key, dict[str, Any]]:
    """Return the outcomes that this commit may have to write anew: questions to people, and refreshed digests."""
    refreshed = batch.refreshed.filter(pc.equal(batch.refreshed["table"], "outcomes"))["slot_id"].combine_chunks()
    found: dict[Key, dict[str, Any]] = {}
    for rows in tables.batches(table, OUTCOMES.names, version=version):
        state, reasons = rows.column("state"), pc.binary_join(rows.column("reasons"), " ")
        closed = pc.and_(pc.equal(state, "blocked"), pc.fill_null(pc.match_substring(reasons, EXPIRED), False))
        asked = pc.or_(pc.equal(state, "review"), closed)
        wanted = pc.or_(asked, pc.is_in(rows.column("slot_id"), refreshed))
        found.update({(row["slot_id"], row["request_key"]): row for row in rows.filter(wanted).to_pylist()})
    return found


def _refreshed(batch: Batch, known: Mapping[Key, Mapping[str, Any]]) -> dict[Key, dict[str, Any]]:
    rows = batch.refreshed.filter(pc.equal(batch.refreshed["table"], "outcomes")).to_pylist()
    digests = {(row["slot_id"], row["request_key"]): row["source_digest"] for row in rows}
    return {key: {**known[key], "source_digest": digest} for key, digest in digests.items() if key in known}
