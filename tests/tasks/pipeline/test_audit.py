"""Each check of the audit passes a sound batch and holds a batch with the fault that it looks for."""

import json
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pytest

from catalogs.ingest.row_rejects import Reject
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import Plan, PlanCounts
from catalogs.policy.audit_suite import AuditSuite, built_in_audit_suite, load_audit_suite
from catalogs.policy.schema import built_in_policy
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.table_schemas import DECISIONS, REFRESHED_DIGESTS, RETIRED_SLOTS
from infra.data_quality import validate
from infra.imaging.source_marks import mark_for
from tasks.pipeline.audit import (
    AuditResult,
    KeptBack,
    RunTotals,
    audit,
    audit_batch,
    foresee_held,
    reasons_frame,
    reject_warnings,
    slots_frame,
    totals_frame,
)

SUITE = built_in_audit_suite()
DIGEST = b"d" * 32
ENDED = {"publish": "published", "review": "review", "blocked": "blocked", "failed": "failed", "deferred": "deferred"}


def row(number: int, state: str = "publish", **other: Any) -> dict[str, Any]:
    verdict = {"publish": "PASS", "review": "REVIEW", "blocked": "BLOCK"}.get(state)
    return {
        "slot_id": number.to_bytes(16, "big"),
        "sku": f"sku-{number}",
        "kind": "new",
        "state": state,
        "verdict": verdict,
        "reasons": [] if verdict in ("PASS", None) else ["blurred"],
        "attempt": 0,
        "request_key": DIGEST,
        "image_key": DIGEST,
        "finished_sha": DIGEST,
        "file_sha": DIGEST,
        "file_bytes": 90_000,
        "width": 1024,
        "height": 1024,
        "mark": "trainedAlgorithmicMedia",
        **other,
    }


def batch(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=DECISIONS)


def totals(rows: list[dict[str, Any]], **other: int) -> RunTotals:
    ended = {name: sum(row["state"] == state for row in rows) for state, name in ENDED.items()}
    count = len(rows)
    numbers = dict.fromkeys(("changed", "redecided", "retired", "superseded"), 0) | ended
    numbers |= {"planned": count, "new": count, "live": 100}
    numbers |= {"rows_input": 10, "rows_accepted": 7, "rows_rejected": 2, "rows_ignored": 1}
    return RunTotals(**numbers | other)


SOUND = [row(1), row(2), row(3, "review"), row(4, "blocked"), row(5, "failed"), row(6, "deferred")]


def check_of(result: AuditResult, name: str) -> Any:
    return next(check for check in result.checks if check.name == name)


def test_a_sound_batch_may_go() -> None:
    result = audit(batch(SOUND), totals(SOUND), SUITE)
    assert result.held == []
    assert all(check.success for check in result.checks)
    parts = (SUITE.slots, SUITE.published, SUITE.reasons, SUITE.totals)
    assert len(result.checks) == sum(map(len, parts))


def test_a_run_without_any_change_is_published() -> None:
    assert audit(DECISIONS.empty_table(), totals([]), SUITE).held == []


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"slot_id": None}, "slot-known", "slot: 1 of 6 rows are not as expected"),
        ({"slot_id": SOUND[1]["slot_id"]}, "slot-unique", "slot: 2 of 6 rows are not as expected"),
        ({"state": "sold"}, "state-known", "state: 1 of 6 rows are not as expected (such as sold)"),
        ({"state": None}, "state-given", "state: 1 of 6 rows are not as expected"),
        ({"verdict": "REVIEW"}, "published-passed", "verdict: 1 of 2 rows are not as expected (such as REVIEW)"),
        ({"verdict": None}, "published-judged", "verdict: 1 of 2 rows are not as expected"),
        ({"finished_sha": None}, "published-pixels", "finished_sha_bytes: 1 of 2 rows are not as expected (such as 0)"),
        ({"file_sha": None}, "published-sha", "file_sha_bytes: 1 of 2 rows are not as expected (such as 0)"),
        ({"finished_sha": b"short"}, "published-pixels", "finished_sha_bytes: 1 of 2 rows are not as expected"),
        ({"image_key": None}, "published-image", "image_key_bytes: 1 of 2 rows are not as expected (such as 0)"),
        ({"request_key": None}, "request-known", "request_key_bytes: 1 of 6 rows are not as expected"),
        ({"attempt": -1}, "published-attempt", "attempt: 1 of 2 rows are not as expected (such as -1)"),
        ({"attempt": None}, "published-attempt", "attempt: 1 of 2 rows are not as expected (such as -1)"),
        ({"width": 0}, "published-width", "width: 1 of 2 rows are not as expected (such as 0)"),
        ({"height": None}, "published-height", "height: 1 of 2 rows are not as expected (such as 0)"),
        ({"mark": "scanned"}, "published-mark", "mark: 1 of 2 rows are not as expected (such as scanned)"),
        ({"mark": None}, "published-mark-given", "mark: 1 of 2 rows are not as expected"),
        ({"sku": ""}, "sku-known", "sku_bytes: 1 of 6 rows are not as expected (such as 0)"),
        ({"sku": None}, "sku-known", "sku_bytes: 1 of 6 rows are not as expected (such as 0)"),
        ({"file_bytes": None}, "published-file", "file_bytes: 1 of 2 rows are not as expected (such as 0)"),
    ],
)
def test_a_broken_row_holds_the_batch_by_its_check_alone(change: dict[str, Any], check: str, said: str) -> None:
    rows = [{**SOUND[0], **change}, *SOUND[1:]]
    counted = totals(SOUND) if change.get("state", "publish") == "publish" else replace(totals(SOUND), published=1)
    if "state" in change:
        counted = replace(counted, planned=6, superseded=1)
    result = audit(batch(rows), counted, SUITE)
    assert result.held == [check]
    assert check_of(result, check).reason.startswith(said)


@pytest.mark.parametrize("mode", [None, "white", "backdrop", "stage", "scene"])
def test_the_mark_of_every_mode_passes(mode: str | None) -> None:
    rows = [{**SOUND[0], "mark": mark_for(mode).name}, *SOUND[1:]]
    assert audit(batch(rows), totals(SOUND), SUITE).held == []


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"planned": 7, "new": 7, "superseded": 1}, "batch-complete", "batch_difference: observed -1"),
        ({"new": 5}, "plan-sum", "plan_difference: observed -1"),
        ({"changed": 1}, "plan-sum", "plan_difference: observed 1"),
        ({"superseded": 1}, "slots-sum", "slots_difference: observed 1"),
        ({"deferred": 0}, "slots-sum", "slots_difference: observed -1"),
        ({"published": 3, "failed": 0}, "states-agree", "states_excess: observed 1"),
        ({"rows_input": 11}, "rows-sum", "rows_difference: observed -1"),
        ({"rows_rejected": 3}, "rows-sum", "rows_difference: observed 1"),
        ({"retired": 6}, "retired-share", "retired_share: observed 0.06"),
        ({"retired": 1, "live": 3}, "retired-share", "retired_share: observed 0.333333"),
        ({"retired": 1, "live": 0}, "retired-share", "retired_share: observed 1"),
    ],
)
def test_a_wrong_sum_holds_the_batch_by_its_check_alone(change: dict[str, int], check: str, said: str) -> None:
    result = audit(batch(SOUND), totals(SOUND, **change), SUITE)
    assert result.held == [check]
    assert check_of(result, check).reason == said


def test_a_batch_that_lost_all_its_rows_is_held_though_no_row_is_wrong() -> None:
    result = audit(DECISIONS.empty_table(), totals(SOUND), SUITE)
    assert result.held == ["batch-complete", "states-agree"]


def test_five_percent_retired_is_still_let_go() -> None:
    assert audit(batch(SOUND), totals(SOUND, retired=5), SUITE).held == []


def test_superseded_slots_keep_their_rows_and_waiting_ones_count_in_the_plan() -> None:
    counted = totals(SOUND, published=1, superseded=1, new=3, changed=2, redecided=1)
    assert audit(batch(SOUND), counted, SUITE).held == []


@pytest.mark.parametrize(("refused", "held"), [(100, []), (101, ["publish-share"])])
def test_a_run_that_refuses_more_than_half_is_held(refused: int, held: list[str]) -> None:
    rows = [row(number, "blocked" if number < refused else "publish") for number in range(200)]
    result = audit(batch(rows), totals(rows), SUITE)
    assert result.held == held
    if held:
        assert check_of(result, "publish-share").reason.endswith("(such as 0.495)")


@pytest.mark.parametrize(
    ("answered", "by_gates", "share", "held"),
    [
        ({"blocked": 150, "publish": 50}, {}, 0, []),
        ({"blocked": 150, "publish": 50}, {"publish": 100, "blocked": 100}, 0.5, []),
        ({"blocked": 1, "publish": 900}, {"publish": 99, "blocked": 101}, 0.495, ["publish-share"]),
        ({"review": 900}, {"publish": 99, "review": 101}, 0.495, ["publish-share"]),
    ],
)
def test_what_people_decided_is_no_sign_of_broken_gates_nor_of_sound_ones(
    answered: dict[str, int], by_gates: dict[str, int], share: float, held: list[str]
) -> None:
    """More than half of a morning's answers are refusals: the shares are those of the others; the sums are of all."""
    states = [(state, "t1") for state, count in answered.items() for _ in range(count)]
    states += [(state, None) for state, count in by_gates.items() for _ in range(count)]
    rows = [row(number, state, answer=token) for number, (state, token) in enumerate(states)]
    decided = batch_of(rows)
    result = audit_batch(decided, plan_of(rows), frozenset(), built_in_policy())
    assert result.held == held
    found = result.document["totals"]
    assert (found["publish_share"], found["decided"]) == (share, sum(by_gates.values()))
    assert (found["blocked_by_people"], found["blocked"]) == (
        answered.get("blocked", 0), answered.get("blocked", 0) + by_gates.get("blocked", 0)
    )  # fmt: skip
    assert found["slots_difference"] == found["batch_difference"] == 0


def test_reasons_and_failures_are_told_of_what_people_have_not_decided() -> None:
    rows = [row(number, "blocked", answer="t1", reasons=["person.colour"]) for number in range(300)]
    rows += [row(number, "failed" if number < 341 else "publish") for number in range(300, 500)]
    result = audit_batch(batch_of(rows), plan_of(rows), frozenset(), built_in_policy())
    assert result.held == ["failed-share"], "41 of 200, and not of 500"
    assert check_of(result, "reason-share").success
    assert reasons_frame(batch(rows)).empty


def test_a_superseded_answer_is_taken_off_no_share() -> None:
    rows = [row(number, "blocked" if number < 101 else "publish") for number in range(200)]
    rows.append(row(200, "blocked", answer="t1"))
    superseded = frozenset([rows[-1]["slot_id"]])
    result = audit_batch(batch_of(rows), plan_of(rows), superseded, built_in_policy())
    totals_row = result.document["totals"]
    assert (totals_row["publish_share"], totals_row["decided"], totals_row["blocked_by_people"]) == (0.495, 200, 0)
    assert result.held == ["publish-share"]


def test_what_a_person_keeps_back_counts_as_the_gates_passed_it_whatever_was_answered_since() -> None:
    """100 of 300 were blocked by the gates, 10 by an answer before; of the 190 that passed 150 are refused now."""
    before = [row(number, "blocked" if number < 100 else "publish") for number in range(290)]
    before += [row(number, "blocked", answer="t1") for number in range(290, 300)]
    kept = [{**each, "state": "blocked", "verdict": "BLOCK", "answer": "t2"} for each in before[100:250]]
    rows = [*before[:100], *kept, *before[250:]]
    kept_back = KeptBack(0, 150, batch(before))
    result = audit_batch(batch_of(rows), plan_of(rows), frozenset(), built_in_policy(), kept_back)
    totals_row = result.document["totals"]
    assert (totals_row["publish_share"], totals_row["decided"]) == (190 / 290, 290)
    assert (totals_row["blocked"], totals_row["blocked_share"], result.held) == (260, 100 / 290, [])


def batch_of(rows: list[dict[str, Any]]) -> ReleaseBatch:
    empty = REFRESHED_DIGESTS.empty_table(), RETIRED_SLOTS.empty_table()
    return ReleaseBatch("world", "r1", batch(rows), *empty)


def plan_of(rows: list[dict[str, Any]]) -> Plan:
    return Plan(1, 100, RowCounts(10, 7, 2, 1), PlanCounts(new=len(rows)))


@pytest.mark.parametrize(("failed", "held"), [(40, []), (41, ["failed-share"])])
def test_a_run_with_many_failures_is_held(failed: int, held: list[str]) -> None:
    rows = [row(number, "failed" if number < failed else "publish") for number in range(200)]
    assert audit(batch(rows), totals(rows), SUITE).held == held


@pytest.mark.parametrize(("state", "check"), [("review", "review-share"), ("blocked", "blocked-share")])
def test_a_share_out_of_its_band_is_a_warning_from_200_images_on(state: str, check: str) -> None:
    for refused, of, fine in ((50, 200, True), (51, 200, False), (51, 199, True)):
        rows = [row(number, state if number < refused else "publish") for number in range(of)]
        result = audit(batch(rows), totals(rows), SUITE)
        assert (check_of(result, check).success, result.held) == (fine, [])


def test_a_reason_that_stands_against_too_many_is_named() -> None:
    rows = [row(number, "review", reasons=["blurred", f"odd-{number}"]) for number in range(31)]
    rows += [row(number) for number in range(31, 200)]
    check = check_of(audit(batch(rows), totals(rows), SUITE), "reason-share")
    assert (check.success, check.critical) == (False, False)
    assert check.reason == "share: 1 of 32 rows are not as expected (such as blurred 0.155)"
    assert check_of(audit(batch(rows[1:]), totals(rows[1:]), SUITE), "reason-share").success  # 199 are too few


def test_images_whose_recipe_waives_the_mark_are_a_warning() -> None:
    rows = [{**SOUND[0], "mark": "waived"}, *SOUND[1:]]
    result = audit(batch(rows), totals(rows), SUITE)
    assert (result.held, check_of(result, "published-marked").success) == ([], False)


def test_the_document_says_of_each_check_what_was_asked_and_why() -> None:
    document = json.loads(json.dumps(audit(batch(SOUND), totals(SOUND, retired=6), SUITE).document, allow_nan=False))
    assert (document["suite_version"], document["held"]) == (1, ["retired-share"])
    assert (document["totals"]["planned"], document["totals"]["retired_share"]) == (6, 0.06)
    told = {check["name"]: check for check in document["checks"]}
    assert len(told) == sum(map(len, (SUITE.slots, SUITE.published, SUITE.reasons, SUITE.totals)))
    assert told["retired-share"]["kwargs"] == {"column": "retired_share", "min_value": 0, "max_value": 0.05}
    assert (told["retired-share"]["frame"], told["retired-share"]["success"]) == ("totals", False)
    assert all(told[name]["source"] for name in ("slot-unique", "published-mark", "retired-share"))


def test_shares_of_few_images_hold_nothing() -> None:
    rows = [row(number, "blocked") for number in range(150)] + [row(number, "failed") for number in range(150, 199)]
    assert audit(batch(rows), totals(rows), SUITE).held == []


def test_an_unexplained_refusal_is_a_warning() -> None:
    rows = [*SOUND[:2], {**SOUND[2], "reasons": None}, *SOUND[3:]]
    result = audit(batch(rows), totals(rows), SUITE)
    assert result.held == []
    check = check_of(result, "refusals-explained")
    assert (check.success, check.reason) == (False, "reasons: 1 of 2 rows are not as expected (such as 0)")


def test_a_suite_that_asks_for_what_is_not_there_holds_the_batch() -> None:
    entry = "{name: odd, type: expect_column_values_to_not_be_null, kwargs: {column: prompt}}"
    suite: AuditSuite = load_audit_suite(f"{{version: 1, slots: [{entry}], published: [], totals: []}}", "mine.yaml")
    result = audit(batch(SOUND), totals(SOUND), suite)
    assert result.held == ["odd"]
    assert "could not be carried out" in result.checks[0].reason


def test_the_audit_is_plain_json() -> None:
    result = audit(batch(SOUND), totals(SOUND, retired=6), SUITE)
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert content["held"] == ["retired-share"]
    assert {check["name"] for check in content["checks"]} >= {"retired-share", "slot-unique"}


def test_neither_prompts_nor_digests_become_python_objects() -> None:
    frame = slots_frame(batch(SOUND))
    assert not {"prompt", "sku", "slot_id", "request_key", "image_key", "finished_sha", "fingerprint"} & set(frame)
    assert all(str(kind) in {"str", "category", "int16", "int32", "int64"} for kind in frame.dtypes), frame.dtypes


# Rows and prompts: no silent night

ROWS = {"rows_input": 1000, "rows_ignored": 0}


@pytest.mark.parametrize(
    ("change", "held", "sentence"),
    [
        ({"rows_accepted": 0, "rows_rejected": 4, "rows_input": 4}, ["rows-accepted"],
         "no row was accepted: all 4 rows that were read were rejected"),
        ({"rows_accepted": 899, "rows_rejected": 101}, ["rejected-share"],
         "101 of 1,000 rows were rejected (10.1%; from 200 rows on more than 10 % hold)"),
        ({"rows_accepted": 900, "rows_rejected": 100}, [], ""),
        ({"rows_accepted": 160, "rows_rejected": 39, "rows_input": 199}, [], ""),
        ({"rows_accepted": 50, "rows_rejected": 149, "rows_input": 199}, ["rejected-most"],
         "149 of 199 rows were rejected (74.9%; from 10 rows on more than 60 % hold)"),
        ({"rows_accepted": 3, "rows_rejected": 6, "rows_input": 9}, [], ""),
        ({"rows_accepted": 0, "rows_rejected": 0, "rows_ignored": 9, "rows_input": 9}, [], ""),
        ({"rows_accepted": 949, "rows_rejected": 51, "rows_without_sku": 51}, ["without-sku-share"],
         "51 of 1,000 rows have no readable SKU (5.1%; from 200 rows on more than 5 % hold), and one such row stops all"
         " retiring"),
        ({"rows_accepted": 1000, "rows_rejected": 0, "prompts_judged": 400, "prompts_waiting": 101},
         ["prompt-waiting-share"], "101 of 400 new or changed slots wait for a person because of their prompt"
         " (25.2%; from 200 slots on more than 25 % hold)"),
        ({"rows_accepted": 1000, "rows_rejected": 0, "prompts_judged": 199, "prompts_waiting": 199}, [], ""),
    ],
)  # fmt: skip
def test_a_strange_share_of_rows_or_prompts_holds_with_a_sentence(
    change: dict[str, int], held: list[str], sentence: str
) -> None:
    only_totals = SUITE.model_copy(update={"slots": (), "published": (), "reasons": ()})
    result = audit(batch(SOUND), totals(SOUND, **ROWS | change), only_totals)
    assert result.held == held
    assert [check.reason for check in result.checks if check.name in held] == ([sentence] if held else [])


@pytest.mark.parametrize(
    ("rejected", "accepted", "waiting"),
    [(0, 0, 0), (3, 0, 0), (9, 7, 60), (10, 1, 300), (26, 199, 100), (120, 90, 101), (200, 1800, 0), (201, 1799, 0)],
)
def test_what_a_plan_foresees_is_what_the_audit_finds(rejected: int, accepted: int, waiting: int) -> None:
    rows = RowCounts(accepted + rejected, accepted, rejected, 0)
    counts = PlanCounts(new=400, review=waiting)
    plan = Plan(None, 0, rows, counts, rows_without_sku=min(rejected, 11))
    expected = {check.name: check for check in SUITE.totals if check.sentence}
    numbers = {f"rows_{name}": count for name, count in asdict(rows).items()}
    numbers |= {"rows_without_sku": plan.rows_without_sku, "prompts_judged": 400, "prompts_waiting": waiting}
    frame = totals_frame(batch(SOUND), totals(SOUND, **numbers))
    found = validate(frame, [check.model_dump() for check in expected.values()])
    foreseen = foresee_held(plan, built_in_policy())
    assert sorted(foreseen) == sorted(check.name for check in found if not check.success)
    assert all("{" not in sentence for _, sentence in foreseen.values())


def test_rejected_rows_that_hold_are_told_by_column() -> None:
    plan = Plan(None, 0, RowCounts(), PlanCounts())
    plan.rejects = [Reject(3, "A", "width", "'51.0' pixels cannot be"), Reject(4, None, "sku", "sku is missing")]
    plan.count_rejects([*plan.rejects, Reject(5, "B", "width", "'52.0' pixels cannot be")])
    assert plan.rows_without_sku == 1
    said = "Rejected rows: 2 for width (row 3: '51.0' pixels cannot be); 1 for sku (row 4: sku is missing)"
    assert reject_warnings(plan, ["rejected-share"]) == [said]
    assert reject_warnings(plan, ["retired-share"]) == []
