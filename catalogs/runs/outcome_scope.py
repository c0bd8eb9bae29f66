"""Outcome scope: which rows of the outcomes table a batch's commit concerns.

Inputs: a decided batch, batches of rows of OUTCOMES. Outputs: masks, row by row: what ends, what may be written again.
Pure. Everything else stays in Arrow: a budget may have deferred more rows than Python could hold.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.planning.retry_rules import COLLISION_REASONS
from catalogs.policy.review_expiry import REVIEW_EXPIRED
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import REFUSED_BY_GATES, SlotState
from catalogs.table_schemas import OUTCOME_KEY


@dataclass(frozen=True)
class OutcomeScope:
    """The scope of one batch, but for its superseded slots."""

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
    def _accepted(self) -> DigestSet:
        """Return the images that are published by a person's word, as digests of `OUTCOME_KEY`."""
        shown = self.decisions.filter(pc.equal(self.decisions["state"], SlotState.PUBLISH))
        shown = shown.filter(pc.is_valid(shown["answer"]))
        accepted = DigestSet()
        if shown.num_rows:
            accepted.add(table_row_digests(shown, *OUTCOME_KEY))
        return accepted

    @cached_property
    def _decided(self) -> tuple[pa.Array, DigestSet]:
        """Return the decided slots, and the digests of their pairs of slot and request."""
        pairs = DigestSet()
        pairs.add(table_row_digests(self.decisions, "slot_id", "request_key"))
        return self.decisions["slot_id"].combine_chunks(), pairs

    @cached_property
    def _ended(self) -> tuple[pa.Array, DigestSet]:
        """Return the slots that are no longer asked for, and the lapsed reviews as digests of slot and request."""
        ended, lapsed = self.batch.ended, DigestSet()
        is_review = pc.is_valid(ended["request_key"])
        lapsed.add(table_row_digests(ended.filter(is_review), "slot_id", "request_key"))
        return ended.filter(pc.invert(is_review))["slot_id"].combine_chunks(), lapsed

    def _lapses(self, rows: pa.RecordBatch) -> pa.Array:
        return pa.array(self._ended[1].contains(table_row_digests(rows, "slot_id", "request_key")))

    @cached_property
    def _refreshed(self) -> pa.Array:
        refreshed = self.batch.refreshed
        return refreshed.filter(pc.equal(refreshed["table"], "outcomes"))["slot_id"].combine_chunks()

    def select_ended(self, rows: pa.RecordBatch) -> pa.Array:
        """Select the rows that end: their slot is published or no longer asked for, or asks for something else."""
        slots, state, decided_at = rows.column("slot_id"), rows.column("state"), rows.column("decided_at")
        slot_requests = table_row_digests(rows, "slot_id", "request_key")
        ends = pc.is_in(slots, self._published)
        if self.batch.ended.num_rows:
            asks_in_vain = pc.and_(self._lapses(rows), pc.equal(state, SlotState.REVIEW))
            ended = pc.or_(pc.is_in(slots, self._ended[0]), asks_in_vain)
            ends = pc.or_(ends, pc.and_(ended, pc.less_equal(decided_at, self.batch.ended["planned_at"][0])))
        decided, pairs = self._decided
        other_request = pa.array(~pairs.contains(slot_requests))
        is_old = pc.less(decided_at, pa.scalar(self.forgotten_before, decided_at.type))
        without_effect = pc.or_(pc.equal(state, SlotState.DEFERRED), is_old)
        ends = pc.or_(ends, pc.and_(pc.and_(pc.is_in(slots, decided), other_request), without_effect))
        ends = pc.and_(ends, pc.not_equal(state, SlotState.WITHDRAWN))
        if len(self._accepted):
            shown_again = pa.array(self._accepted.contains(table_row_digests(rows, *OUTCOME_KEY)))
            ends = pc.or_(ends, shown_again)
        return ends

    def select_known(self, rows: pa.RecordBatch) -> pa.Array:
        """Select the rows that the commit may have to write again.

        These are reviews, rows of decided slots, rows whose digest is refreshed, what was blocked and lapses, and those
        that an older version wrote without a time for the next try.
        """
        state, reasons = rows.column("state"), pc.fill_null(pc.binary_join(rows.column("reasons"), " "), "")
        closed = pc.and_(pc.equal(state, SlotState.BLOCKED), pc.match_substring(reasons, REVIEW_EXPIRED))
        selected = pc.or_(pc.equal(state, SlotState.REVIEW), closed)
        selected = pc.or_(selected, pc.is_in(rows.column("slot_id"), self._refreshed))
        selected = pc.or_(selected, pc.and_(self._lapses(rows), pc.equal(state, SlotState.BLOCKED)))
        in_batch = pc.is_in(rows.column("slot_id"), self._decided[0])
        selected = pc.or_(selected, pc.and_(in_batch, pc.not_equal(state, SlotState.DEFERRED)))
        collides = pc.match_substring_regex(reasons, "|".join(sorted(COLLISION_REASONS)))
        collides = pc.and_(collides, pc.is_in(state, pa.array(REFUSED_BY_GATES)))
        unscheduled = pc.and_(pc.is_null(rows.column("retry_at")), pc.is_null(rows.column("collides_with")))
        older = pc.and_(unscheduled, pc.or_(collides, pc.equal(state, SlotState.FAILED)))
        return pc.and_(pc.or_(selected, older), pc.invert(self.select_ended(rows)))
