"""A2: what is a row's own decides for its slot alone: categories and attempts, whatever order the rows have."""

import json
from typing import Any

import pyarrow as pa
import pytest

from catalogs.policy.schema import ImageRule, Policy, built_in_policy
from catalogs.runs.attempts import attempt_histories
from catalogs.runs.judged_requests import JudgedRequest, JudgedRequests, find_owed_attempts
from catalogs.table_schemas import RECORDS, SLOTS
from catalogs.thresholds import Thresholds
from tests.fixtures.run_rows import attempt_row, make_request, planned_slot_row
from tests.fixtures.store_scenarios import finish_digest_of, request_key_of

PAIR = request_key_of("one"), finish_digest_of("one")


def policy(**categories: Thresholds) -> Policy:
    rule = ImageRule(score="blur.foreground", reason="blurred", block_below=5, again=True, categories=categories)
    return built_in_policy().model_copy(update={"image": (rule,)})


LAX = policy(lax=Thresholds(block_below=None))


def slots(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SLOTS)


def slot(category: str, sku: str = "mug", **changes: Any) -> dict[str, Any]:
    return planned_slot_row(f"{sku}/front", "one", category=category, **changes)


def record(score: float, number: int = 0, **changes: Any) -> pa.Table:
    row = attempt_row("one", number, scores=json.dumps({"blur.foreground": score}), **changes)
    return pa.Table.from_pylist([row], schema=RECORDS)


def test_categories_without_thresholds_of_their_own_are_one() -> None:
    judged = JudgedRequests(slots(slot("mugs", "a"), slot("", "b"), slot("lax", "c"), slot("lamps", "d")), LAX)
    assert {key: group.skus for key, group in judged.groups.items()} == {
        JudgedRequest(*PAIR): {"a", "b", "d"},
        JudgedRequest(*PAIR, "lax"): {"c"},
    }


def test_only_a_request_that_a_slot_judges_otherwise_is_judged_again() -> None:
    judged = JudgedRequests(slots(slot("mugs"), slot("lamps")), LAX)
    assert judged.find_rejudged({PAIR: make_request("one", category="boots")}) == set()
    assert judged.find_rejudged({PAIR: make_request("one", category="lax")}) == {PAIR}
    assert judged.find_rejudged({PAIR: make_request("one", attempts_allowed=1)}) == {PAIR}


@pytest.mark.parametrize("categories", [("lax", "mugs"), ("mugs", "lax")])
def test_each_category_has_its_verdict_in_any_order(categories: tuple[str, str]) -> None:
    judged = JudgedRequests(slots(*(slot(category, category) for category in categories)), LAX)
    histories = judged.judge(attempt_histories([record(4)], {PAIR}), {PAIR})
    verdicts = {key.category: history.select_attempt().verdict for key, history in histories.items()}
    assert verdicts == {"lax": "PASS", "": "BLOCK"}
    assert find_owed_attempts(histories, {PAIR}) == {JudgedRequest(*PAIR): 1}
    assert find_owed_attempts(histories, set()) == {}


def test_no_attempt_is_owed_after_the_last_one_or_a_review() -> None:
    judged = JudgedRequests(slots(slot("lax", "a"), slot("mugs", "b")), LAX)
    last = judged.judge(attempt_histories([record(4), record(3, 1)], {PAIR}), {PAIR})
    assert find_owed_attempts(last, {PAIR}) == {}
    never = attempt_row("one", 0, "REVIEW", scores="{}", reasons=["scanner-failed.pixels"])
    unmeasured = attempt_histories([pa.Table.from_pylist([never], schema=RECORDS)], {PAIR})
    assert find_owed_attempts(judged.judge(unmeasured, {PAIR}), {PAIR}) == {}


def test_a_group_knows_which_live_slots_its_image_replaces() -> None:
    judged = JudgedRequests(
        slots(
            slot("", "new"),
            slot("", "changed", live_file_sha=b"f"),
            slot("", "refused", live_file_sha=b"f", verdict="REVIEW", reasons=["brand.other"]),
        ),
        LAX,
    )
    (group,) = judged.groups.values()
    ids = {row["sku"]: row["slot_id"] for row in (slot("", sku) for sku in ("new", "changed", "refused"))}
    assert (group.live, group.refused) == ([ids["changed"]], [ids["refused"]])
