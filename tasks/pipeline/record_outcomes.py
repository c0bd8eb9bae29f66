"""Record outcomes: what a batch refused, so that no later run pays for the same attempt again.

Inputs: a published batch. Outputs: one commit to the outcomes table, with one row for each refused (slot, request key).
Committing the same batch twice changes nothing, and a superseded slot leaves no outcome. A review keeps its age when
the same image is decided again, and is closed when it expires. A refusal takes the place of the one before it in any
finish, and never that of a withdrawal: what a person took away stays away, in that finish, whatever is refused later.

Rows end with their slot: those of a slot that the batch publishes or that the catalogue no longer asks for are dropped,
and reviews of a request that an unchanged slot no longer asks for. What was blocked of such a request stays, without a
source.
Withdrawn rows are not, unless a person has accepted the image since: they bind whenever the SKU comes back. So the
table is bounded by the slots of the catalogue, and by what people ever took away.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer_verdicts import was_given_after
from catalogs.planning.retry_rules import RetrySummary, own_fault_reasons
from catalogs.policy.review_expiry import expiry_changes
from catalogs.policy.schema import Policy
from catalogs.runs.outcome_rows import OutcomeWriter, keep_while_deferred
from catalogs.runs.outcome_scope import OutcomeScope
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import DECIDED_STATES, NOT_ASKED_FOR, SlotState
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
    scope = OutcomeScope(batch, superseded, now - timedelta(days=policy.review_days))
    writer = OutcomeWriter(batch.run_id, policy.digest, policy.review_days, now)

    def build(base: int) -> tuple[RetrySummary, pa.Table]:
        changes = _OutcomeChanges(writer)
        for rows in tables.batches(table, OUTCOMES.names, version=base):
            changes.ended.append(rows.filter(scope.select_ended(rows)))
            known = rows.filter(scope.select_known(rows)).to_pylist()
            changes.add_known(known)
        changes.refuse(scope)
        changes.refresh_digests(batch)
        changes.forget_sources(batch)
        return changes.own_faults, changes.to_table()

    metadata, after, key = {"run_id": batch.run_id}, batch.outcomes_version, OUTCOME_KEY
    own_faults, version = commit_once(
        tables, table, batch.run_id, build, on=key, metadata=metadata, after=after, check=check
    )
    return RecordedOutcomes(version, own_faults)


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

    def refuse(self, scope: OutcomeScope) -> None:
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
            is_withdrawn = same is not None and _is_bound(same, row)
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

    def forget_sources(self, batch: ReleaseBatch) -> None:
        """Take the source from what was blocked and that no row asks for any more, as of the batch's plan."""
        lapsed = {(row["slot_id"], row["request_key"]): row["planned_at"] for row in batch.ended.to_pylist()}
        for key, row in self.known.items():
            planned_at = lapsed.get(key[:2])
            is_lapsed = planned_at is not None and row["decided_at"] <= planned_at
            if is_lapsed and row["state"] == SlotState.BLOCKED and key not in self.decided:
                self.current[key] = {**self.current.get(key, row), "source_digest": NOT_ASKED_FOR}

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


def _is_bound(before: OutcomeRow, decision: DecisionRow) -> bool:
    """Tell whether a row is a withdrawal that stays: the image was not accepted later."""
    is_later = was_given_after(decision["answer"] or "", before["decided_at"])
    return before["state"] == SlotState.WITHDRAWN and not is_later


def _key_of(row: OutcomeRow) -> OutcomeKey:
    return row["slot_id"], row["request_key"], row["finish_digest"]


def _to_changes(rows: Iterable[OutcomeRow], operation: str) -> pa.Table:
    """Return rows as Arrow: a budget may defer most of a first run, too many rows to be Python objects at once."""
    return pa.Table.from_pylist([{**row, "_op": operation} for row in rows], schema=OUTCOME_CHANGES)
