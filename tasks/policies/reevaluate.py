"""Decide what is published and what waits anew, under another policy, from what was measured; nothing is written.

Comes in: a catalogue, a policy. Goes out: a `PolicyReevaluation`: the flip matrix, the live pictures that the policy
refuses, and everything that could not be decided. Likeness to other pictures is not decided here: what is live was
compared when it was made, and what another picture's likeness keeps waiting waits on until a refresh compares it again.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.policy.policy_diff import PolicyDiff
from catalogs.policy.review_expiry import REVIEW_EXPIRED, apply_review_expiry, was_sent_to_review
from catalogs.policy.schema import Policy
from catalogs.runs.commit_kinds import POLICY_KIND
from catalogs.slot_states import SlotState
from catalogs.table_schemas import OUTCOMES, WITHDRAWALS
from catalogs.verdict import Decision, Verdict
from infra.interfaces import ObjectStore, TableStore
from tasks.policies.stored_scores import ReevaluatedAttempt, StoredScores, find_scored_runs

DECISION_BY_STATE: dict[str, Decision] = {SlotState.REVIEW: "REVIEW", SlotState.BLOCKED: "BLOCK"}

_LISTED_COLUMNS = [name for name in WITHDRAWALS.names if name not in ("verdict", "reasons", "again")]


@dataclass
class PolicyReevaluation:
    """What a policy says of a catalogue.

    `missing_scores` counts slots whose scores were swept; `to_generate` those whose prompt would pass and whose picture
    is yet to be made; `alike` those that wait because of another picture, which only a refresh can compare again.
    """

    catalogue: str
    version: int
    policy: Policy
    published: int = 0
    waiting: int = 0
    policy_diff: PolicyDiff = field(default_factory=PolicyDiff)
    missing_scores: dict[str, int] = field(default_factory=lambda: {"published": 0, "waiting": 0})
    to_generate: int = 0
    near_duplicates: int = 0
    withdrawals: pa.Table = field(default_factory=WITHDRAWALS.empty_table)

    def document(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "catalogue": self.catalogue,
            "release": self.version,
            "policy": {"version": self.policy.version, "digest": self.policy.digest},
            "published": self.published,
            "waiting": self.waiting,
            "matrix": self.policy_diff.matrix,
            "flips": self.policy_diff.transitions(),
            "not_stored": self.missing_scores,
            "to_make": self.to_generate,
            "alike": self.near_duplicates,
        }


def reevaluate(
    store: ObjectStore, tables: TableStore, catalogue: str, policy: Policy, evaluate_prompt: Callable[[str], Verdict]
) -> PolicyReevaluation:
    """Return what `policy` says of all that a catalogue shows and keeps waiting. The catalogue has a manifest."""
    version = tables.version(layout.manifest_table(catalogue))
    assert version is not None  # noqa: S101 - it has a manifest
    found = PolicyReevaluation(catalogue, version, policy)
    measured = StoredScores(store, policy, evaluate_prompt)
    measured.load(find_scored_runs(store, tables, catalogue))
    live = _reevaluate_published(tables, measured, found)
    _reevaluate_waiting(tables, measured, found, live)
    return found


def _reevaluate_published(tables: TableStore, scores: StoredScores, result: PolicyReevaluation) -> DigestSet:
    """Decide the live pictures; return the (slot, request) pairs that are live."""
    live, refused = DigestSet(), []
    for rows in tables.batches(layout.manifest_table(result.catalogue), _LISTED_COLUMNS, version=result.version):
        live.add(table_row_digests(rows, "slot_id", "request_key"))
        result.published += rows.num_rows
        for row, answer in _select_failing_rows(rows, scores.find_attempts(rows), result):
            verdict = answer.verdict
            again = verdict.retryable and row["attempt"] + 1 < answer.attempts_allowed
            result.policy_diff.count_slot("PASS", verdict.decision, row["sku"], verdict.reasons)
            refused.append(row | {"verdict": verdict.decision, "reasons": list(verdict.reasons), "again": again})
    result.withdrawals = pa.Table.from_pylist(refused, schema=WITHDRAWALS)
    return live


def _select_failing_rows(
    rows: pa.RecordBatch, attempts: list[ReevaluatedAttempt | None], result: PolicyReevaluation
) -> Iterator[tuple[dict[str, Any], ReevaluatedAttempt]]:
    refused = [place for place, one in enumerate(attempts) if one is not None and one.verdict.decision != "PASS"]
    unknown = attempts.count(None)
    result.missing_scores["published"] += unknown
    result.policy_diff.count_unchanged("PASS", len(attempts) - unknown - len(refused))
    for place, row in zip(refused, rows.take(pa.array(refused, pa.int64())).to_pylist(), strict=True):
        answer = attempts[place]
        assert answer is not None  # noqa: S101 - only such places were taken
        yield row, answer


def _reevaluate_waiting(tables: TableStore, scores: StoredScores, result: PolicyReevaluation, live: DigestSet) -> None:
    now = datetime.now(UTC)
    history = tables.history(layout.manifest_table(result.catalogue))
    policies = {commit.run_id for commit in history if commit.metadata.get("kind") == POLICY_KIND}
    for row in _newest_per_slot(_read_effective_outcomes(tables, result.catalogue, live)):
        result.waiting += 1
        word = DECISION_BY_STATE[row["state"]]
        made = row["image_key"] is not None
        verdict = _reevaluate_image(row, scores, result, policies) if made else _reevaluate_prompt(row, scores, result)
        if verdict is None:
            result.missing_scores["waiting"] += 1
            continue
        if verdict.decision == "REVIEW" and was_sent_to_review(row):
            then = apply_review_expiry({**row, "reasons": verdict.reasons}, result.policy.review_days, now)
            verdict = Verdict(DECISION_BY_STATE[then["state"]], tuple(then["reasons"]))
        worse = row["reasons"] if Verdict(word, ("",)).severity > verdict.severity else verdict.reasons
        result.policy_diff.count_slot(word, verdict.decision, row["sku"], worse)


def _read_effective_outcomes(tables: TableStore, catalogue: str, live: DigestSet) -> Iterator[dict[str, Any]]:
    """Yield the refusals that have an effect: one of a request that is live has none."""
    table = layout.outcomes_table(catalogue)
    if tables.version(table) is None:
        return
    for rows in tables.batches(table, OUTCOMES.names):
        waits = pc.is_in(rows.column("state"), pa.array(list(DECISION_BY_STATE)))
        kept = rows.filter(pc.and_(waits, pa.array(~live.contains(table_row_digests(rows, "slot_id", "request_key")))))
        yield from kept.to_pylist()


def _newest_per_slot(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one refusal a slot: those of older prompts stay in the table, and nobody waits for them."""
    found: dict[bytes, dict[str, Any]] = {}
    for row in rows:
        known = found.get(row["slot_id"])
        if known is None or known["decided_at"] < row["decided_at"]:
            found[row["slot_id"]] = row
    return list(found.values())


def _reevaluate_prompt(row: Mapping[str, Any], scores: StoredScores, result: PolicyReevaluation) -> Verdict | None:
    (verdict,) = scores.find_prompts(pa.Table.from_pylist([dict(row)], schema=OUTCOMES))
    result.to_generate += verdict is not None and verdict.decision == "PASS"
    return verdict


def _reevaluate_image(
    row: Mapping[str, Any], scores: StoredScores, result: PolicyReevaluation, policy_run_ids: Container[str]
) -> Verdict | None:
    """Return the word on the attempt that would stand for the slot: as a refresh picks it.

    One that passed by itself and was not published is too like another; not so where an applied policy withdrew it.
    """
    columns = {
        "request_key": [row["request_key"]] * row["attempts"],
        "finish_digest": [row["finish_digest"]] * row["attempts"],
        "attempt": range(row["attempts"]),
    }
    answers = scores.find_attempts(pa.table(columns))
    there = [answer for answer in answers if answer is not None]
    if not there:
        return None
    ordered = [answer for word in ("PASS", "REVIEW") for answer in there if answer.verdict.decision == word]
    answer = ordered[0] if ordered else there[-1]
    if answer.verdict.decision == answer.previous_decision == "PASS" and row["run_id"] not in policy_run_ids:
        result.near_duplicates += 1
        reasons = tuple(reason for reason in row["reasons"] if reason != REVIEW_EXPIRED)
        return Verdict("REVIEW" if was_sent_to_review(row) else "BLOCK", reasons)
    return answer.verdict
