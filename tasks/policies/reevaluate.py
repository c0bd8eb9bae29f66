"""Re-evaluate a catalogue under another policy, from stored scores; nothing is written.

Inputs: a catalogue and a policy. Outputs: a `PolicyReevaluation` with the transition matrix, the live images that the
policy refuses, and counts of what could not be decided. Near duplicates are not searched here: live images were
compared when they were generated, and near duplicates that wait keep waiting until a refresh compares them again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.policy.brands.brand_decisions import BRAND_REASONS
from catalogs.policy.duplicates import is_refused_for_likeness
from catalogs.policy.policy_diff import PolicyDiff
from catalogs.policy.review_expiry import REVIEW_EXPIRED, apply_review_expiry, was_sent_to_review
from catalogs.policy.schema import Policy
from catalogs.runs.held_selection import NOT_RELEASED
from catalogs.slot_states import SlotState
from catalogs.table_rows import OutcomeRow
from catalogs.table_schemas import OUTCOMES, WITHDRAWALS
from catalogs.verdict import PASS, Decision, Verdict
from infra.interfaces import ObjectStore, TableStore
from tasks.policies.people_over_policies import find_acceptance, read_answers_on
from tasks.policies.prompt_evaluation import open_prompt_evaluator
from tasks.policies.stored_scores import ReevaluatedAttempt, StoredScores, find_scored_runs

DECISION_BY_STATE: dict[str, Decision] = {SlotState.REVIEW: "REVIEW", SlotState.BLOCKED: "BLOCK"}

_LISTED_COLUMNS = [name for name in WITHDRAWALS.names if name not in ("verdict", "reasons", "again", "answer")]


@dataclass
class PolicyReevaluation:
    """The decisions of a policy on a catalogue.

    `missing_scores` counts slots whose scores were swept; `to_generate` those whose prompt would pass and that have no
    image yet; `near_duplicates` those that wait because of another image, and `brand_slots` those
    that wait because of a brand: only a refresh can compare them, with live images and with rows.

    `accepted` are the acceptances of live images that the policy refuses: these images are left alone, unless the
    policy goes `against_people`; `refused_that_pass` counts slots that a person refused and that the policy would pass.
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
    brand_slots: int = 0
    against_people: bool = False
    accepted: list[StandingAnswer] = field(default_factory=list)
    refused_that_pass: int = 0
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
            "brands": self.brand_slots,
            "people": {"accepted_that_fail": len(self.accepted), "refused_that_pass": self.refused_that_pass},
        }


def reevaluate(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    policy: Policy,
    evaluate_prompt: Callable[[str], Verdict],
    *,
    against_people: bool = False,
) -> PolicyReevaluation:
    """Evaluate all live and waiting slots of a catalogue under `policy`. The catalogue must have a manifest.

    Live images that people accepted count as they are, unless the policy goes `against_people`.
    """
    version = tables.version(layout.manifest_table(catalogue))
    assert version is not None  # noqa: S101 - it has a manifest
    result = PolicyReevaluation(catalogue, version, policy, against_people=against_people)
    scores = StoredScores(store, policy, evaluate_prompt)
    scores.load(find_scored_runs(store, tables, catalogue))
    live = _reevaluate_published(store, tables, scores, result)
    _reevaluate_waiting(tables, scores, result, live, store.now())
    return result


def find_refused_live_images(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    policy: Policy,
    version: int,
    *,
    against_people: bool = False,
) -> pa.Table:
    """Return the rows of one release whose image `policy` refuses by its stored scores, as WITHDRAWALS.

    Images that people accepted are not among them, unless the policy goes `against_people`.
    """
    history = tables.history(layout.manifest_table(catalogue))
    scores = StoredScores(store, policy, open_prompt_evaluator(store, catalogue, history, policy))
    scores.load(find_scored_runs(store, tables, catalogue))
    result = PolicyReevaluation(catalogue, version, policy, against_people=against_people)
    _reevaluate_published(store, tables, scores, result)
    return result.withdrawals


def _reevaluate_published(
    store: ObjectStore, tables: TableStore, scores: StoredScores, result: PolicyReevaluation
) -> DigestSet:
    """Evaluate the live images; return the digests of the slots with the request and the finish that are live."""
    live, refused = DigestSet(), list[dict[str, Any]]()
    columns = [*_LISTED_COLUMNS, "pixel_sha"]
    for rows in tables.batches(layout.manifest_table(result.catalogue), columns, version=result.version):
        live.add(table_row_digests(rows, "slot_id", "request_key", "finish_digest"))
        result.published += rows.num_rows
        for row, attempt in _select_failing_rows(rows, scores.find_attempts(rows), result):
            verdict = attempt.verdict
            again = verdict.retryable and row["attempt"] + 1 < attempt.attempts_allowed
            refused.append(row | {"verdict": verdict.decision, "reasons": list(verdict.reasons), "again": again})
    withdrawn = _leave_accepted(store, refused, result)
    for row in withdrawn:
        result.policy_diff.count_slot("PASS", row["verdict"], row["sku"], row["reasons"])
    result.withdrawals = pa.Table.from_pylist(withdrawn, schema=WITHDRAWALS)
    return live


def _leave_accepted(
    store: ObjectStore, refused: list[dict[str, Any]], result: PolicyReevaluation
) -> list[dict[str, Any]]:
    """Return the rows that the policy takes away: those that stand on no acceptance, or all against people."""
    standing = read_answers_on(store, result.catalogue, refused)
    acceptances = [find_acceptance(row, standing) for row in refused]
    result.accepted = [acceptance for acceptance in acceptances if acceptance is not None]
    if result.against_people:
        return refused
    result.policy_diff.count_unchanged("PASS", len(result.accepted))
    return [row for row, acceptance in zip(refused, acceptances, strict=True) if acceptance is None]


def _select_failing_rows(
    rows: pa.RecordBatch, attempts: list[ReevaluatedAttempt | None], result: PolicyReevaluation
) -> Iterator[tuple[dict[str, Any], ReevaluatedAttempt]]:
    """Yield the rows whose attempt no longer passes, and count the others into the result."""
    failing = [
        position
        for position, attempt in enumerate(attempts)
        if attempt is not None and attempt.verdict.decision != "PASS"
    ]
    unknown = attempts.count(None)
    result.missing_scores["published"] += unknown
    result.policy_diff.count_unchanged("PASS", len(attempts) - unknown - len(failing))
    for position, row in zip(failing, rows.take(pa.array(failing, pa.int64())).to_pylist(), strict=True):
        attempt = attempts[position]
        assert attempt is not None  # noqa: S101 - only such positions were selected
        yield row, attempt


def _reevaluate_waiting(
    tables: TableStore, scores: StoredScores, result: PolicyReevaluation, live: DigestSet, now: datetime
) -> None:
    """Evaluate the slots that wait, newest outcome of each slot, and count them into the result."""
    for row in _newest_per_slot(_read_effective_outcomes(tables, result.catalogue, live)):
        result.waiting += 1
        previous = DECISION_BY_STATE[row["state"]]
        if row["image_key"] is not None:
            verdict = _reevaluate_image(row, scores, result)
        else:
            verdict = _reevaluate_prompt(row, scores, result)
        if verdict is None:
            result.missing_scores["waiting"] += 1
            continue
        if _is_decided_by_people(row):  # whatever a policy says
            result.refused_that_pass += previous == "BLOCK" and verdict.decision == "PASS"
            result.policy_diff.count_unchanged(previous, 1)
            continue
        if verdict.decision == "REVIEW" and was_sent_to_review(row):
            waiting: OutcomeRow = {**row, "reasons": list(verdict.reasons)}
            outcome = apply_review_expiry(waiting, result.policy.review_days, now)
            verdict = Verdict(DECISION_BY_STATE[outcome["state"]], tuple(outcome["reasons"]))
        improved = Verdict(previous, ("",)).severity > verdict.severity
        reasons = row["reasons"] if improved else verdict.reasons
        result.policy_diff.count_slot(previous, verdict.decision, row["sku"], reasons)


def _is_decided_by_people(row: OutcomeRow) -> bool:
    return row["answer"] is not None or NOT_RELEASED in (row["reasons"] or ())


def _read_effective_outcomes(tables: TableStore, catalogue: str, live: DigestSet) -> Iterator[OutcomeRow]:
    """Yield the outcomes in review or blocked, except of what is live now, in that finish: those have no effect."""
    table = layout.outcomes_table(catalogue)
    if tables.version(table) is None:
        return
    for rows in tables.batches(table, OUTCOMES):
        waiting = pc.is_in(rows.column("state"), pa.array(list(DECISION_BY_STATE)))
        not_live = pa.array(~live.contains(table_row_digests(rows, "slot_id", "request_key", "finish_digest")))
        yield from rows.filter(pc.and_(waiting, not_live)).to_pylist()


def _newest_per_slot(rows: Iterable[OutcomeRow]) -> list[OutcomeRow]:
    """Return the newest outcome of each slot: those of older prompts stay in the table without effect."""
    newest: dict[bytes, OutcomeRow] = {}
    for row in rows:
        known = newest.get(row["slot_id"])
        if known is None or known["decided_at"] < row["decided_at"]:
            newest[row["slot_id"]] = row
    return list(newest.values())


def _reevaluate_prompt(row: OutcomeRow, scores: StoredScores, result: PolicyReevaluation) -> Verdict | None:
    """Return the verdict on a prompt. One that waits because of a brand, and for nothing else, keeps waiting."""
    (verdict,) = scores.find_prompts(pa.Table.from_pylist([dict(row)], schema=OUTCOMES))
    reasons = tuple(reason for reason in row["reasons"] or () if reason != REVIEW_EXPIRED)
    if verdict == PASS and BRAND_REASONS.intersection(reasons):
        result.brand_slots += 1
        return Verdict("REVIEW" if was_sent_to_review(row) else "BLOCK", reasons)
    result.to_generate += verdict is not None and verdict.decision == "PASS"
    return verdict


def _reevaluate_image(row: OutcomeRow, scores: StoredScores, result: PolicyReevaluation) -> Verdict | None:
    """Return the verdict on the attempt that would stand for the slot, selected as a refresh selects it.

    An attempt that passes and was refused for its likeness to another image stays so: only a refresh compares it again.
    None where no score is stored.
    """
    columns = {
        "slot_id": [row["slot_id"]] * row["attempts"],
        "request_key": [row["request_key"]] * row["attempts"],
        "finish_digest": [row["finish_digest"]] * row["attempts"],
        "attempt": range(row["attempts"]),
    }
    stored = [attempt for attempt in scores.find_attempts(pa.table(columns)) if attempt is not None]
    if not stored:
        return None
    preferred = [
        attempt for decision in ("PASS", "REVIEW") for attempt in stored if attempt.verdict.decision == decision
    ]
    selected = preferred[0] if preferred else stored[-1]
    if selected.verdict.decision == "PASS" and is_refused_for_likeness(row["reasons"]):
        result.near_duplicates += 1
        reasons = tuple(reason for reason in row["reasons"] if reason != REVIEW_EXPIRED)
        return Verdict("REVIEW" if was_sent_to_review(row) else "BLOCK", reasons)
    return selected.verdict
