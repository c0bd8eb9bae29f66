"""Record outcomes: what a batch refused, so that no later run pays for the same attempt again.

Inputs: a published batch. Outputs: one commit to the outcomes table, with one row for each refused (slot, request key).
Committing the same batch twice changes nothing, and a superseded slot leaves no outcome. A review keeps its age when
the same image is decided again, and is closed when it expires.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.planning.plan import WAITING
from catalogs.policy.review_expiry import REVIEW_EXPIRED, apply_review_expiry, expiry_changes, was_sent_to_review
from catalogs.policy.schema import Policy
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import DECIDED_STATES, SlotState
from catalogs.table_rows import DecisionRow, OutcomeRow
from catalogs.table_schemas import OUTCOMES
from infra.interfaces import TableStore
from infra.tables.idempotent_commit import commit_once

OUTCOME_CHANGES = OUTCOMES.append(pa.field("_op", pa.string()))
OUTCOME_KEY = ["slot_id", "request_key"]

OutcomeKey = tuple[bytes, bytes]


def record_outcomes(
    tables: TableStore, batch: ReleaseBatch, policy: Policy, superseded: frozenset[bytes], now: datetime
) -> int:
    """Commit the batch's refusals and refreshed digests, and close expired reviews; return the table's version."""
    table = layout.outcomes_table(batch.catalogue)
    tables.ensure(table, OUTCOMES)

    def build(base: int) -> tuple[None, pa.Table]:
        open_outcomes = _read_open_outcomes(tables, table, batch, base)
        refusals = [
            _to_changes(
                build_outcome(row, open_outcomes, batch.run_id, policy, now)
                for row in rows
                if row["slot_id"] not in superseded
            )
            for state in DECIDED_STATES
            if state != SlotState.PUBLISH
            for rows in batch.decisions_in_state(state)
        ]
        decided = {key for changes in refusals for key in _outcome_keys(changes)} if open_outcomes else set()
        undecided = {key: row for key, row in open_outcomes.items() if key not in decided}
        refreshed = _refresh_digests(batch, undecided)
        current = [refreshed.get(key, row) for key, row in undecided.items()]
        expired = {
            (row["slot_id"], row["request_key"]): row for row in expiry_changes(current, policy.review_days, now)
        }
        return None, pa.concat_tables([*refusals, _to_changes((refreshed | expired).values())])

    metadata, after = {"run_id": batch.run_id}, batch.outcomes_version
    _, version = commit_once(tables, table, batch.run_id, build, on=OUTCOME_KEY, metadata=metadata, after=after)
    return version


def _to_changes(rows: Iterable[OutcomeRow]) -> pa.Table:
    """Return rows as Arrow: a budget may defer most of a first run, too many rows to be Python objects at once."""
    return pa.Table.from_pylist([{**row, "_op": "put"} for row in rows], schema=OUTCOME_CHANGES)


def _outcome_keys(rows: pa.Table) -> Iterable[OutcomeKey]:
    return zip(rows["slot_id"].to_pylist(), rows["request_key"].to_pylist(), strict=True)


def build_outcome(
    row: DecisionRow,
    open_outcomes: Mapping[OutcomeKey, OutcomeRow],
    run_id: str,
    policy: Policy,
    now: datetime,
) -> OutcomeRow:
    """Return the outcomes row of a refused decision; `open_outcomes` holds the rows that wait for a person so far."""
    outcome: OutcomeRow = {
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
    if row["state"] != SlotState.REVIEW:
        return outcome
    before = open_outcomes.get((row["slot_id"], row["request_key"])) if row["kind"] == WAITING else None
    if before is not None and was_sent_to_review(before) and before["image_key"] == row["image_key"]:
        outcome["decided_at"] = before["decided_at"]
    return apply_review_expiry(outcome, policy.review_days, now)


def _read_open_outcomes(
    tables: TableStore, table: str, batch: ReleaseBatch, version: int
) -> dict[OutcomeKey, OutcomeRow]:
    """Return the outcomes that this commit may have to write again: reviews, and rows whose digests are refreshed."""
    refreshed = batch.refreshed.filter(pc.equal(batch.refreshed["table"], "outcomes"))["slot_id"].combine_chunks()
    outcomes: dict[OutcomeKey, OutcomeRow] = {}
    for rows in tables.batches(table, OUTCOMES.names, version=version):
        state, reasons = rows.column("state"), pc.binary_join(rows.column("reasons"), " ")
        expired = pc.fill_null(pc.match_substring(reasons, REVIEW_EXPIRED), False)
        closed = pc.and_(pc.equal(state, SlotState.BLOCKED), expired)
        in_review = pc.or_(pc.equal(state, SlotState.REVIEW), closed)
        mask = pc.or_(in_review, pc.is_in(rows.column("slot_id"), refreshed))
        outcomes.update({(row["slot_id"], row["request_key"]): row for row in rows.filter(mask).to_pylist()})
    return outcomes


def _refresh_digests(
    batch: ReleaseBatch, open_outcomes: Mapping[OutcomeKey, OutcomeRow]
) -> dict[OutcomeKey, OutcomeRow]:
    rows = batch.refreshed.filter(pc.equal(batch.refreshed["table"], "outcomes")).to_pylist()
    digests = {(row["slot_id"], row["request_key"]): row["source_digest"] for row in rows}
    return {
        key: {**open_outcomes[key], "source_digest": digest} for key, digest in digests.items() if key in open_outcomes
    }
