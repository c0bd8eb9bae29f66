"""Record outcomes: what a batch refused, so that no later run pays for the same attempt again.

Inputs: a published batch. Outputs: one commit to the outcomes table, with one row for each refused (slot, request key).
Committing the same batch twice changes nothing, and a superseded slot leaves no outcome. A review keeps its age when
the same image is decided again, and is closed when it expires. A refusal takes the place of the one before it in any
finish, and never that of a withdrawal: what a person took away stays away, in that finish, whatever is refused later.

Rows end with their slot: those of a slot that the batch publishes or that the catalogue no longer asks for are dropped.
Withdrawn rows are not: they bind whenever the SKU comes back. So the table is bounded by the slots of the catalogue,
and by what people ever took away.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.planning.retry_rules import COLLISION_REASONS, RetrySummary, own_fault_reasons
from catalogs.policy.review_expiry import REVIEW_EXPIRED, expiry_changes
from catalogs.policy.schema import Policy
from catalogs.runs.outcome_rows import OutcomeWriter, keep_while_deferred
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import DECIDED_STATES, REFUSED_BY_GATES, SlotState
from catalogs.table_rows import DecisionRow, OutcomeRow
from catalogs.table_schemas import OUTCOME_KEY, OUTCOMES
from infra.interfaces import TableStore
from infra.tables.idempotent_commit import commit_once

OUTCOME_CHANGES = OUTCOMES.append(pa.field("_op", pa.string()))

OutcomeKey = tuple[bytes, bytes, str]
"""The columns OUTCOME_KEY."""


@dataclass(frozen=True)
class RecordedOutcomes:
    """The outcomes table's version, and the slots of the batch that a fault of our own has kept."""

    version: int
    own_faults: RetrySummary


def record_outcomes(
    tables: TableStore,
    batch: ReleaseBatch,
    policy: Policy,
    superseded: frozenset[bytes],
    now: datetime,
    check: Callable[[], None] | None = None,
) -> RecordedOutcomes:
    """Commit the batch's refusals and refreshed digests, close expired reviews, and drop the rows that end.

    `check` raises where this process may not write for the run any more; it is asked just before the commit. Two
    processes that complete one run write the same rows, once: they are found by the run's id.
    """
    table = layout.outcomes_table(batch.catalogue)
    tables.ensure(table, OUTCOMES)
    scope = _OutcomeScope(batch, superseded, now - timedelta(days=policy.review_days))
    writer = OutcomeWriter(batch.run_id, policy.digest, policy.review_days, now)

    def build(base: int) -> tuple[RetrySummary, pa.Table]:
        changes = _OutcomeChanges(writer)
        for rows in tables.batches(table, OUTCOMES.names, version=base):
            changes.ended.append(rows.filter(scope.select_ended(rows)))
            known = rows.filter(scope.select_known(rows)).to_pylist()
            changes.add_known(known)
        changes.refuse(scope)
        changes.refresh_digests(batch)
        return changes.own_faults, changes.to_table()

    metadata, after, key = {"run_id": batch.run_id}, batch.outcomes_version, OUTCOME_KEY
    own_faults, version = commit_once(
        tables, table, batch.run_id, build, on=key, metadata=metadata, after=after, check=check
    )
    return RecordedOutcomes(version, own_faults)


@dataclass(frozen=True)
class _OutcomeScope:
    """Which rows of the table a batch's commit concerns. Rows that it need not read stay in Arrow."""

    batch: ReleaseBatch
    superseded: frozenset[bytes]
    forgotten_before: datetime
    """Refusals of a slot's older requests are kept as long as a review."""

    @cached_property
    def decisions(self) -> pa.Table:
        """Return the decisions that stand."""
        rows = self.batch.decisions
        superseded = pa.array(sorted(self.superseded), pa.binary())
        return rows.filter(pc.invert(pc.is_in(rows["slot_id"], superseded))) if len(superseded) else rows

    @cached_property
    def _published(self) -> pa.Array:
        published = self.decisions.filter(pc.equal(self.decisions["state"], SlotState.PUBLISH))
        return published["slot_id"].combine_chunks()

    @cached_property
    def _decided(self) -> tuple[pa.Array, DigestSet]:
        """Return the decided slots, and the digests of their pairs of slot and request."""
        pairs = DigestSet()
        pairs.add(table_row_digests(self.decisions, "slot_id", "request_key"))
        return self.decisions["slot_id"].combine_chunks(), pairs

    @cached_property
    def _refreshed(self) -> pa.Array:
        refreshed = self.batch.refreshed
        return refreshed.filter(pc.equal(refreshed["table"], "outcomes"))["slot_id"].combine_chunks()

    def select_ended(self, rows: pa.RecordBatch) -> pa.Array:
        """Select the rows that end: their slot is published or no longer asked for, or asks for something else."""
        slots, state, decided_at = rows.column("slot_id"), rows.column("state"), rows.column("decided_at")
        ends = pc.is_in(slots, self._published)
        ended = self.batch.ended
        if ended.num_rows:
            gone = pc.is_in(slots, ended["slot_id"].combine_chunks())
            ends = pc.or_(ends, pc.and_(gone, pc.less_equal(decided_at, ended["planned_at"][0])))
        decided, pairs = self._decided
        other_request = pa.array(~pairs.contains(table_row_digests(rows, "slot_id", "request_key")))
        is_old = pc.less(decided_at, pa.scalar(self.forgotten_before, decided_at.type))
        without_effect = pc.or_(pc.equal(state, SlotState.DEFERRED), is_old)
        ends = pc.or_(ends, pc.and_(pc.and_(pc.is_in(slots, decided), other_request), without_effect))
        return pc.and_(ends, pc.not_equal(state, SlotState.WITHDRAWN))

    def select_known(self, rows: pa.RecordBatch) -> pa.Array:
        """Select the rows that the commit may have to write again: a budget may have deferred too many for Python.

        These are reviews, rows of decided slots, rows whose digest is refreshed, and those that an older version wrote
        without a time for the next try.
        """
        state, reasons = rows.column("state"), pc.fill_null(pc.binary_join(rows.column("reasons"), " "), "")
        closed = pc.and_(pc.equal(state, SlotState.BLOCKED), pc.match_substring(reasons, REVIEW_EXPIRED))
        selected = pc.or_(pc.equal(state, SlotState.REVIEW), closed)
        selected = pc.or_(selected, pc.is_in(rows.column("slot_id"), self._refreshed))
        in_batch = pc.is_in(rows.column("slot_id"), self._decided[0])
        selected = pc.or_(selected, pc.and_(in_batch, pc.not_equal(state, SlotState.DEFERRED)))
        collides = pc.match_substring_regex(reasons, "|".join(sorted(COLLISION_REASONS)))
        collides = pc.and_(collides, pc.is_in(state, pa.array(REFUSED_BY_GATES)))
        unscheduled = pc.and_(pc.is_null(rows.column("retry_at")), pc.is_null(rows.column("collides_with")))
        older = pc.and_(unscheduled, pc.or_(collides, pc.equal(state, SlotState.FAILED)))
        return pc.and_(pc.or_(selected, older), pc.invert(self.select_ended(rows)))


@dataclass
class _OutcomeChanges:
    """The changes of one commit, over the rows that the table holds at its base."""

    writer: OutcomeWriter
    known: dict[OutcomeKey, OutcomeRow] = field(default_factory=dict)
    """The rows that may be written again."""
    refused_before: dict[tuple[bytes, bytes], OutcomeRow] = field(default_factory=dict)
    """By (slot, request), the row of `known` that is no withdrawal."""
    ended: list[pa.RecordBatch] = field(default_factory=list)
    refusals: list[pa.Table] = field(default_factory=list)
    decided: set[OutcomeKey] = field(default_factory=set)
    """Rows of `known` that a refusal replaces."""
    replaced: list[OutcomeRow] = field(default_factory=list)
    """Those of them that are of another finish, so that the refusal is another row."""
    current: dict[OutcomeKey, OutcomeRow] = field(default_factory=dict)
    """Rows of `known` that stay, with other values."""
    own_faults: RetrySummary = field(default_factory=RetrySummary)

    def add_known(self, rows: Iterable[OutcomeRow]) -> None:
        """Add rows of the table that may be written again."""
        for row in rows:
            self.known[_key_of(row)] = row
            if row["state"] != SlotState.WITHDRAWN:
                self.refused_before[row["slot_id"], row["request_key"]] = row

    def refuse(self, scope: _OutcomeScope) -> None:
        """Add the rows of the refused decisions. A deferred slot of which more is known keeps its row."""
        for state in DECIDED_STATES:
            if state != SlotState.PUBLISH:
                for rows in scope.batch.decisions_in_state(state):
                    self.refusals.append(_to_changes(self._refuse_rows(rows, scope.superseded), "put"))

    def _refuse_rows(self, rows: Iterable[DecisionRow], superseded: frozenset[bytes]) -> list[OutcomeRow]:
        refusals = []
        for row in rows:
            if row["slot_id"] in superseded:
                continue
            same = self.known.get((row["slot_id"], row["request_key"], row["finish_digest"]))
            is_withdrawn = same is not None and same["state"] == SlotState.WITHDRAWN
            before = same if is_withdrawn else self.refused_before.get((row["slot_id"], row["request_key"]))
            if before is not None and (is_withdrawn or row["state"] == SlotState.DEFERRED):
                self.current[_key_of(before)] = keep_while_deferred(row, before)
                continue
            outcome = self.writer.refuse(row, before)
            if before is not None:
                self.decided.add(_key_of(before))
                if _key_of(before) != _key_of(outcome):
                    self.replaced.append(before)
            if own := own_fault_reasons(outcome["state"], outcome["reasons"]):
                self.own_faults.add(own, outcome["retry_at"])
            refusals.append(outcome)
        return refusals

    def refresh_digests(self, batch: ReleaseBatch) -> None:
        """Give the rows whose source has changed, and nothing else, the new digest."""
        for row in batch.refreshed.filter(pc.equal(batch.refreshed["table"], "outcomes")).to_pylist():
            before = self._find_refreshed(row)
            if before is not None and _key_of(before) not in self.decided:
                key = _key_of(before)
                self.current[key] = {**self.current.get(key, before), "source_digest": row["source_digest"]}

    def _find_refreshed(self, row: Mapping[str, Any]) -> OutcomeRow | None:
        """Return the row to refresh; a plan of an older version did not name the finish, and knew of one row only."""
        if row["finish_digest"] is not None:
            return self.known.get((row["slot_id"], row["request_key"], row["finish_digest"]))
        pair = (row["slot_id"], row["request_key"])
        return next((known for key, known in self.known.items() if key[:2] == pair), None)

    def to_table(self) -> pa.Table:
        """Return the changes. Where there are any, rows of older versions get the time of their next try too."""
        staying = {key: self.current.get(key, row) for key, row in self.known.items() if key not in self.decided}
        days, now = self.writer.review_days, self.writer.now
        staying |= {_key_of(row): row for row in expiry_changes(staying.values(), days, now)}
        changed = {key: row for key, row in staying.items() if row != self.known[key]}
        replaced = pa.RecordBatch.from_pylist(self.replaced, OUTCOMES)
        ended = pa.Table.from_batches([*self.ended, replaced], OUTCOMES)
        if changed or ended.num_rows or any(rows.num_rows for rows in self.refusals):
            adopted = {key: self.writer.adopt(row) for key, row in staying.items()}
            changed = {key: row for key, row in adopted.items() if row != self.known[key]}
        dropped = ended.append_column(OUTCOME_CHANGES.field("_op"), pa.array(["drop"] * ended.num_rows, pa.string()))
        return pa.concat_tables([*self.refusals, _to_changes(changed.values(), "put"), dropped])


def _key_of(row: OutcomeRow) -> OutcomeKey:
    return row["slot_id"], row["request_key"], row["finish_digest"]


def _to_changes(rows: Iterable[OutcomeRow], operation: str) -> pa.Table:
    """Return rows as Arrow: a budget may defer most of a first run, too many rows to be Python objects at once."""
    return pa.Table.from_pylist([{**row, "_op": operation} for row in rows], schema=OUTCOME_CHANGES)
