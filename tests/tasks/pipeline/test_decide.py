"""What becomes of each slot, once all pictures of a run lie beside one another and beside what is live."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.models.weights import ModelProvenance
from catalogs.planning.sharding import request_table
from catalogs.policy.schema import built_in_policy
from catalogs.table_schemas import DEFERRALS, RETIRED_SLOTS
from catalogs.verdict import Verdict
from infra.stores.parquet_objects import write_table
from tasks.pipeline.decide import DecisionResult, decide
from tests.fixtures.run_rows import RUN, Row, attempt, planned, request, write_plan, write_records
from tests.fixtures.store_scenarios import CATALOGUE, Shop, request_of

FIRST, SECOND = sorted(("one", "two"), key=request_of)
"""Two words in the order in which their pictures are compared: the second gives way."""
MAKERS = {"stub": ModelProvenance("stub@0", "card/2", "fp32")}
VIEWS = [planned("shirt/front", FIRST), planned("shirt/side", SECOND)]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def decided(shop: Shop, stopped: str | None = None) -> DecisionResult:
    return decide(shop.store, shop.tables, CATALOGUE, RUN, built_in_policy(), MAKERS, stopped)


def rows_of(found: DecisionResult) -> list[Row]:
    assert found.batch is not None
    return list(found.batch.to_pylist())


def states(found: DecisionResult) -> list[tuple[str, list[str], int | None]]:
    return [(row["state"], row["reasons"], row["attempt"]) for row in rows_of(found)]


def write(shop: Shop, slots: Sequence[Row], words: Sequence[str], rows: Sequence[Row], allowed: int = 2) -> None:
    write_plan(shop.store, slots, [request(word, attempts_allowed=allowed) for word in words])
    write_records(shop.store, {"0-000000": rows})


def test_a_refused_prompt_ends_its_slot_without_an_image(shop: Shop) -> None:
    refused = {"gun": Verdict("BLOCK", ("words.weapons",)), "nude": Verdict("REVIEW", ("words.nudity",))}
    requests = [request(word, verdict=verdict) for word, verdict in refused.items()]
    write_plan(shop.store, [planned(f"{word}/front", word) for word in refused], requests, part="refused")
    rows = rows_of(decided(shop))
    assert [(row["state"], row["verdict"], row["reasons"]) for row in rows] == [
        ("blocked", "BLOCK", ["words.weapons"]),
        ("review", "REVIEW", ["words.nudity"]),
    ]
    assert [(row["image_key"], row["attempts_spent"], row["model"]) for row in rows] == [(None, 0, "stub@0")] * 2
    assert {(row["model_version"], row["precision"], row["backend"]) for row in rows} == {("card/2", "fp32", None)}


def test_each_slot_gets_the_end_of_its_request(shop: Shop) -> None:
    words = ("fine", "blurred", "broken", "unmade")
    made = [
        attempt("fine"),
        attempt("blurred", 0, "BLOCK", again=True),
        attempt("blurred", 1, "REVIEW"),
        attempt("broken", 0, "BLOCK", made="failed", reasons=["engine-failed"], finished_sha=b""),
    ]
    slots = [planned(f"{word}/front", word) for word in words]
    write(shop, [*slots, planned("fine/side", "fine")], words, made)
    found = decided(shop)
    assert states(found) == [
        ("publish", [], 0),
        ("review", ["blurred"], 1),
        ("failed", ["engine-failed"], 0),
        ("deferred", ["not-made"], None),
        ("publish", [], 0),
    ]
    rows = rows_of(found)
    assert [row["attempts_spent"] for row in rows] == [1, 2, 1, 0, 1]
    assert rows[0]["image_key"] == rows[4]["image_key"] == made[0]["image_key"]
    assert [rows[2][name] for name in ("image_key", "finished_sha")] == [None, None]


def test_a_slot_names_what_made_the_picture_that_stands_for_it(shop: Shop) -> None:
    made = [attempt("fine", 0, "BLOCK", again=True, backend="torch"), attempt("fine", 1, backend="tensorrt"),
            attempt("found", made="reused", backend=None)]  # fmt: skip
    write(shop, [planned("a/front", "fine"), planned("b/front", "found")], ["fine", "found"], made)
    rows = rows_of(decided(shop))
    assert [(row["model"], row["model_version"], row["precision"], row["backend"]) for row in rows] == [
        ("stub@0", "card/2", "fp32", "tensorrt"), ("stub@0", "card/2", "fp32", None),
    ]  # fmt: skip


def test_a_slot_of_another_maker_waits_beside_the_picture_that_it_would_share(shop: Shop) -> None:
    other = planned("copy/front", "fine", verdict="REVIEW", reasons=["brand.other"])
    write(shop, [planned("own/front", "fine"), other], ["fine"], [attempt("fine")])
    held = request("fine", verdict=Verdict("REVIEW", ("brand.other",)))
    write_table(shop.store, layout.run_requests(RUN, "refused"), request_table([held], ""))
    assert states(decided(shop)) == [("publish", [], 0), ("review", ["brand.other"], None)]


def test_a_slot_gives_its_own_reasons_beside_its_prompts(shop: Shop) -> None:
    drugs = Verdict("BLOCK", ("words.drugs",))
    slots = [planned("copy/front", "fine", verdict="REVIEW", reasons=["brand.other"])]
    write_plan(shop.store, slots, [request("fine", verdict=drugs)])
    assert states(decided(shop)) == [("blocked", ["brand.other", "words.drugs"], None)]


def test_two_views_alike_ask_for_another_and_after_it_the_batch_is_decided(shop: Shop) -> None:
    first = [attempt(FIRST, looks="same"), attempt(SECOND, looks="same")]
    write(shop, VIEWS, [FIRST, SECOND], first)
    asked = decided(shop)
    assert asked.batch is None
    assert [(order.request.key, order.attempt) for order in asked.retry_items] == [(request_of(SECOND), 1)]
    write_records(shop.store, {"again": [attempt(SECOND, 1, looks="another")]})
    assert states(decided(shop)) == [("publish", [], 0), ("publish", [], 1)]
    write_records(shop.store, {"again": [attempt(SECOND, 1, looks="same")]})
    assert states(decided(shop)) == [("publish", [], 0), ("blocked", ["view-not-distinct"], 1)]


def test_a_view_too_like_another_is_blocked_where_no_attempt_is_left(shop: Shop) -> None:
    write(shop, VIEWS, [FIRST, SECOND], [attempt(FIRST, looks="same"), attempt(SECOND, looks="same")], allowed=1)
    assert states(decided(shop)) == [("publish", [], 0), ("blocked", ["view-not-distinct"], 0)]


def copy_of_red(shop: Shop) -> None:
    """Let a live picture of the mug be red, and plan a shirt that looks like it."""
    shop.release("r0", {"mug/front": "red"})
    shop.codes("r0", {"mug/front": "red"})
    write(shop, [planned("shirt/front", "one")], ["one"], [attempt("one", looks="red")], allowed=1)


def test_a_live_picture_of_another_sku_blocks_its_copy(shop: Shop) -> None:
    copy_of_red(shop)
    assert states(decided(shop)) == [("blocked", ["duplicate-near"], 0)]


def test_a_picture_that_the_manifest_no_longer_shows_blocks_nobody(shop: Shop) -> None:
    copy_of_red(shop)
    shop.release("r1", {"mug/front": "blue"})
    assert states(decided(shop)) == [("publish", [], 0)]


@pytest.mark.parametrize("moving", ["replaced", "retired"])
def test_a_picture_that_the_run_takes_away_blocks_nobody(shop: Shop, moving: str) -> None:
    copy_of_red(shop)
    mug = planned("mug/front", "two", kind="changed")
    if moving == "replaced":
        made = [attempt("one", looks="red"), attempt("two")]
        write(shop, [planned("shirt/front", "one"), mug], ["one", "two"], made, allowed=1)
    else:
        gone = {"slot_id": mug["slot_id"], "sku": "mug", "live_file_sha": None}
        write_table(shop.store, layout.run_file(RUN, "retired.parquet"), pa.Table.from_pylist([gone], RETIRED_SLOTS))
    assert states(decided(shop))[0] == ("publish", [], 0)


def test_the_order_of_the_record_files_does_not_matter(shop: Shop) -> None:
    rows = [
        [attempt(FIRST, looks="same"), attempt("plain", 1)],
        [attempt(SECOND, 1, looks="another"), attempt("plain", 0, "BLOCK")],
        [attempt(SECOND, looks="same")],
    ]
    write_plan(
        shop.store, [*VIEWS, planned("mug/front", "plain")], [request(word) for word in (FIRST, SECOND, "plain")]
    )
    write_records(shop.store, dict(zip("abc", rows, strict=True)))
    one = decided(shop)
    write_records(shop.store, dict(zip("cab", rows, strict=True)))
    other = decided(shop)
    assert rows_of(one) == rows_of(other)
    assert states(one) == [("publish", [], 0), ("publish", [], 1), ("publish", [], 1)]


def test_what_the_plan_left_out_is_deferred_for_the_plans_reason(shop: Shop) -> None:
    words = ("one", "two", "three")
    write(shop, [planned(f"{word}/front", word) for word in words], words, [attempt("one")])
    codes = pa.table([["0-000000"], [b"\x00\x01\x03"]], schema=DEFERRALS)
    write_table(shop.store, layout.run_file(RUN, "left_out.parquet"), codes)
    found = [(row["state"], row["reasons"], row["attempts_spent"]) for row in rows_of(decided(shop))]
    assert found == [("publish", [], 1), ("deferred", ["over-budget"], 0), ("deferred", ["past-deadline"], 0)]


def test_a_run_that_was_stopped_defers_what_it_did_not_make_and_what_is_owed_another_attempt(shop: Shop) -> None:
    words = ("fine", "owed", "spent", "unmade")
    rows = [attempt("fine"), attempt("owed", verdict="BLOCK", again=True), attempt("spent", verdict="BLOCK")]
    write(shop, [planned(f"{word}/front", word) for word in words], words, rows)
    found = {
        row["sku"]: (row["state"], row["reasons"], row["attempts_spent"]) for row in rows_of(decided(shop, "late"))
    }
    assert found == {
        "fine": ("publish", [], 1),
        "owed": ("deferred", ["late"], 1),
        "spent": ("blocked", ["blurred"], 1),
        "unmade": ("deferred", ["late"], 0),
    }


def test_a_run_that_was_stopped_orders_no_last_wave(shop: Shop) -> None:
    write(shop, VIEWS, (FIRST, SECOND), [attempt(FIRST), attempt(SECOND, looks=f"{FIRST} 0")])
    assert decided(shop).batch is None, "another seed may tell the two apart"
    assert sorted(states(decided(shop, "late"))) == [("deferred", ["late"], None), ("publish", [], 0)]
