"""What a decision reads of requests: the passing row of two, why one was deferred, and prompts for new attempts."""

import pyarrow as pa

from catalogs import layout
from catalogs.planning.sharding import request_table
from catalogs.policy.schema import built_in_policy
from catalogs.runs.judged_requests import JudgedRequest, JudgedRequests
from catalogs.table_schemas import DEFERRALS, SLOTS
from catalogs.verdict import Verdict
from infra.stores.memory import MemoryStore
from infra.stores.parquet_objects import read_table, write_table
from tasks.runs.planned_requests import read_request_summaries, read_work_items
from tests.fixtures.run_rows import RUN_ID, make_request, planned_slot_row, write_plan
from tests.fixtures.store_scenarios import finish_digest_of, request_key_of

ONE, TWO = ((request_key_of(word), finish_digest_of(word)) for word in ("one", "two"))


def planned() -> MemoryStore:
    store = MemoryStore("requests")
    slots = [planned_slot_row(f"{word}/front", word, attempts_allowed=3) for word in ("one", "two")]
    write_plan(store, slots, [make_request("one"), make_request("two")])
    refused = make_request("one", verdict=Verdict("BLOCK", ("words.weapons",)))
    write_table(store, layout.RunFiles(RUN_ID).requests("refused"), request_table([refused], ""))
    return store


def test_of_two_rows_of_a_request_the_passing_one_counts_and_a_deferral_is_named() -> None:
    store = planned()
    codes = pa.table([["0-000000"], [b"\x00\x01"]], schema=DEFERRALS)
    write_table(store, layout.RunFiles(RUN_ID).deferrals, codes)
    found = read_request_summaries(store, RUN_ID)
    assert {pair: (summary.verdict, summary.deferral_reason) for pair, summary in found.items()} == {
        ONE: ("PASS", ""), TWO: ("PASS", "over-budget"),
    }  # fmt: skip


def test_a_work_item_has_its_prompt_its_category_and_the_attempts_of_its_slots() -> None:
    store = planned()
    judged = JudgedRequests(read_table(store, layout.RunFiles(RUN_ID).slots, SLOTS), built_in_policy())
    (item,) = read_work_items(store, RUN_ID, judged, {JudgedRequest(*ONE, "bags"): 2})
    assert (item.request.prompt, item.request.category, item.attempt, item.request.attempts_allowed) == (
        "one",
        "bags",
        2,
        3,
    )


def test_an_attempt_that_two_categories_ask_for_is_one_item_of_the_first_of_them() -> None:
    store = planned()
    judged = JudgedRequests(read_table(store, layout.RunFiles(RUN_ID).slots, SLOTS), built_in_policy())
    asked = {JudgedRequest(*ONE, name): number for name, number in (("mugs", 2), ("bags", 2), ("shoes", 1))}
    items = read_work_items(store, RUN_ID, judged, asked)
    assert sorted((item.attempt, item.request.category) for item in items) == [(1, "shoes"), (2, "bags")]
