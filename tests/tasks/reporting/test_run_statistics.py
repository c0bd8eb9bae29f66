"""What a run's records and its batch add up to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from catalogs import layout
from catalogs.runs.report import DeliveryCounts
from catalogs.runs.report_schema import ReportChannel
from tasks.reporting.run_statistics import (
    MAX_SENTENCES,
    collect_run_statistics,
    find_incomplete_skus,
    measure_delivery,
    read_prompts,
    refused_work_warnings,
    spoken_warnings,
    sum_engine_seconds,
    summarize_channels,
)
from tests.fixtures.run_rows import (
    RUN_ID,
    attempt_row,
    decision_row,
    make_release_batch,
    make_request,
    write_plan,
    write_records,
)
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, request_key_of


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def test_images_are_counted_over_all_records(scenario: StoreScenario) -> None:
    first = [attempt_row("one", made="reused", engine_seconds=0.0), attempt_row("two", verdict="BLOCK", again=True)]
    second = [attempt_row("two", 1, engine_seconds=1.25), attempt_row("three", made="failed", engine_seconds=0.25)]
    write_records(scenario.store, {"0-000000": first, "again-1": second})
    images, *_ = collect_run_statistics(scenario.store, RUN_ID, make_release_batch())
    assert (images.generated, images.reused, images.failed, images.attempts) == (2, 1, 1, 4)
    assert images.gpu_seconds == 2.0


def test_stored_work_that_was_refused_is_counted_by_kind_over_all_records_and_told_once(
    scenario: StoreScenario,
) -> None:
    first = [attempt_row("one", refused_work=["image"]), attempt_row("two", refused_work=["file", "scores"])]
    second = [attempt_row("two", 1, refused_work=["image"]), attempt_row("three")]
    write_records(scenario.store, {"0-000000": first, "again-1": second})
    images, *_ = collect_run_statistics(scenario.store, RUN_ID, make_release_batch())
    assert images.refused_work == {"image": 2, "file": 1, "scores": 1}
    [warning] = refused_work_warnings(images.refused_work)
    assert warning.startswith(
        "4 × stored work was not believed and was made anew (2 staged images, 1 finished files, 1 score files): "
    )
    assert refused_work_warnings({}) == []


def test_a_run_that_made_nothing_comes_to_nothing(scenario: StoreScenario) -> None:
    images, reasons, models = collect_run_statistics(scenario.store, RUN_ID, make_release_batch())
    assert (images.attempts, images.gpu_seconds, images.shared, reasons, models) == (0, 0.0, 0, {}, [])


def test_slots_share_a_picture_only_in_the_same_finish(scenario: StoreScenario) -> None:
    places = {"a/front": "red", "b/front": "red", "c/front": "red", "d/front": "red+wide", "e/front": "blue"}
    images, *_ = collect_run_statistics(
        scenario.store, RUN_ID, make_release_batch(decision_row(place, word) for place, word in places.items())
    )
    assert images.shared == 2


def test_reasons_are_counted_over_slots(scenario: StoreScenario) -> None:
    rows = [
        decision_row("a/front", "red", "review", reasons=["blurred", "duplicate-maybe"]),
        decision_row("b/front", "red", "review", reasons=["blurred"]),
        decision_row("c/front", "blue", reasons=None),
    ]
    assert collect_run_statistics(scenario.store, RUN_ID, make_release_batch(rows))[1] == {
        "blurred": 2,
        "duplicate-maybe": 1,
    }


def test_skus_that_mix_old_and_new_and_those_that_show_nothing_are_named(scenario: StoreScenario) -> None:
    scenario.release("r0", {"elsewhere/front": "red"})
    old = b"o" * 32
    rows = [
        decision_row("mixed/front", "one"),
        decision_row("mixed/side", "two", "blocked", live_file_sha=old),
        decision_row("fresh/front", "three"),
        decision_row("fresh/side", "four", "review"),
        decision_row("kept/front", "five", "failed", live_file_sha=old),
        decision_row("kept/side", "nine", "blocked"),
        decision_row("bare/front", "six", "deferred"),
        decision_row("bare/side", "seven", "blocked"),
        decision_row("elsewhere/side", "eight", "blocked"),
    ]
    assert find_incomplete_skus(scenario.tables, make_release_batch(rows)) == {
        "old_beside_new": ["mixed"],
        "nothing_live": ["bare"],
    }


def test_only_the_wanted_prompts_are_read_from_all_parts(scenario: StoreScenario) -> None:
    write_plan(scenario.store, [], [make_request("one"), make_request("two")])
    write_plan(scenario.store, [], [make_request("three"), make_request("four")], part="refused")
    wanted = [request_key_of(word) for word in ("three", "one", "one", "unknown")]
    assert read_prompts(scenario.store, RUN_ID, wanted) == {
        request_key_of("one"): "one",
        request_key_of("three"): "three",
    }
    assert read_prompts(scenario.store, RUN_ID, []) == {}


def test_seconds_are_added_up_over_all_processes_of_a_run(scenario: StoreScenario) -> None:
    write_records(
        scenario.store, {"0-000000": [attempt_row("one")], "again-1": [attempt_row("two", 1, engine_seconds=1.25)]}
    )
    assert sum_engine_seconds(scenario.store, RUN_ID) == 1.75
    assert sum_engine_seconds(scenario.store, "another-run") == 0.0


def delivered(
    scenario: StoreScenario, hours: dict[str, float | None], state: str = "publish", **words: Any
) -> DeliveryCounts:
    """Release a batch of SKU/view -> hours since its row was created, and return what it delivered."""
    now = datetime.now(UTC)
    created = {place: None if ago is None else now - timedelta(hours=ago) for place, ago in hours.items()}
    rows = [decision_row(place, place, state, created_at=when, **words) for place, when in created.items()]
    previous = scenario.tables.version(layout.manifest_table(CATALOGUE))
    scenario.release(RUN_ID, dict.fromkeys(hours, "red") if state == "publish" else {})
    return measure_delivery(scenario.tables, make_release_batch(rows), frozenset(), previous, scenario.store.now())


def test_a_new_sku_is_in_time_when_all_its_pictures_came_within_two_hours(scenario: StoreScenario) -> None:
    found = delivered(scenario, {"a/front": 1.5, "a/side": 1.5, "b/front": 2.5, "c/front": None})
    assert (found.skus, found.new_skus, found.in_time, found.deferred) == (3, 2, 1, {})


def test_a_sku_that_had_a_picture_is_not_new(scenario: StoreScenario) -> None:
    scenario.release("r0", {"a/front": "blue"})
    assert delivered(scenario, {"a/side": 1.0, "b/front": 1.0}).new_skus == 1


def test_what_was_deferred_is_counted_by_reason_and_its_skus_are_not_in_time(scenario: StoreScenario) -> None:
    found = delivered(scenario, {"a/front": 1.0, "b/front": 1.0}, "deferred", reasons=["over-budget"])
    assert (found.skus, found.new_skus, found.in_time, found.deferred) == (0, 2, 0, {"over-budget": 2})


def test_a_batch_that_is_not_released_says_nothing_of_new_skus(scenario: StoreScenario) -> None:
    rows = [decision_row("a/front", "red", created_at=datetime.now(UTC))]
    found = measure_delivery(scenario.tables, make_release_batch(rows), frozenset(), 0, scenario.store.now())
    assert (found.skus, found.new_skus) == (1, 0)


def test_a_superseded_slot_delivers_nothing(scenario: StoreScenario) -> None:
    rows = [decision_row("a/front", "red"), decision_row("b/front", "blue")]
    superseded = frozenset([rows[0]["slot_id"]])
    assert measure_delivery(scenario.tables, make_release_batch(rows), superseded, 0, scenario.store.now()).skus == 1


def test_pictures_are_counted_by_where_they_may_be_used(scenario: StoreScenario) -> None:
    rows = [
        decision_row("a/front", "red", channels=["ebay", "shopify"], channel_reasons=[]),
        decision_row("b/front", "blue", channels=["shopify"], channel_reasons=["ebay:text", "ebay:too-small"]),
        decision_row("c/front", "green", channels=["shopify"], channel_reasons=["ebay:text"]),
        decision_row("d/front", "grey", "review", channels=["ebay"], channel_reasons=["shopify:too-large"]),
        decision_row("e/front", "pink", channels=["ebay"], channel_reasons=["shopify:too-large"]),
    ]
    decided = make_release_batch(rows)
    superseded = frozenset(decided.decisions.filter(pc.equal(decided.decisions["sku"], "e"))["slot_id"].to_pylist())
    sums = summarize_channels(decided, superseded, ["shopify", "ebay"])
    assert list(sums) == ["ebay", "shopify"]
    assert sums["ebay"] == ReportChannel(1, 2, {"text": 2, "too-small": 1})
    assert sums["shopify"] == ReportChannel(3, 0, {})
    assert summarize_channels(make_release_batch(rows[3:4]), frozenset(), ["ebay"]) == {}, "nothing was published"


def test_what_engine_and_scanners_say_is_repeated_with_its_first_sku_and_like_sentences_count_as_one() -> None:
    said = [
        ("A caption has 600 tokens.", "mug"),
        ("A caption has 601 tokens.", "cup"),
        ("Hot.", "bad\x1b"),
        (None, "ok"),
    ]
    rows = [decision_row(f"{sku}/front", sku, "failed", reasons=["engine-failed"], sentence=text) for text, sku in said]
    assert spoken_warnings(make_release_batch(rows)) == [
        "2 × engine-failed, first of 'mug': A caption has 600 tokens.",
        "1 × engine-failed, first of 'bad\\\\x1b': Hot.",
    ]
    numbers = range(MAX_SENTENCES + 2)
    many = [decision_row(f"s{number}/front", "x", "failed", sentence="Odd: " + "x" * number) for number in numbers]
    warnings = spoken_warnings(make_release_batch(many))
    assert len(warnings) == MAX_SENTENCES + 1
    assert warnings[-1] == "2 × other sentences of engine and scanners: `packshot why` has each SKU's"
