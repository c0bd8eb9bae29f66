"""Metrics of model versions, from records and batches with known figures."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.models.comparison import VersionSample
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups
from tasks.models.metrics import ModelMetrics, pair_samples, read_model_samples, write_model_samples
from tests.fixtures.run_rows import RUN_ID, Row, attempt_row, decision_row, make_release_batch, write_records
from tests.fixtures.store_scenarios import StoreScenario

TWO = {"model": "cards@2", "backend": "stub"}
BY_TWO = {"model": "cards@ab", "model_version": "card/2", "precision": "fp32"}
BY_ONE = {"model": "cards@cd", "model_version": "card/1", "precision": "bf16"}


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def figures(scenario: StoreScenario, records: dict[str, list[Row]], decisions: list[Row]) -> list[dict[str, Any]]:
    write_records(scenario.store, records)
    found = ModelMetrics()
    for record in read_row_groups(scenario.store, layout.RunFiles(RUN_ID).records_prefix):
        found.add_record(record)
    return found.build_rows(make_release_batch(decisions).decisions)


def test_each_version_has_its_images_attempts_and_pass_rate(scenario: StoreScenario) -> None:
    first = [attempt_row("red", verdict="BLOCK", again=True, backend="stub"), attempt_row("blue", backend="torch"),
             attempt_row("sick", made="failed", engine_seconds=0.25, backend=None)]  # fmt: skip
    second = [
        attempt_row("red", 1, engine_seconds=1.5, backend="stub"),
        attempt_row("found", made="reused", engine_seconds=0.0),
    ]
    decisions = [
        decision_row("a/front", "red", **BY_TWO),
        decision_row("b/front", "red", **BY_TWO),  # shares its picture: one request still
        decision_row("c/front", "sick", "failed", **BY_TWO),
        decision_row("d/front", "found", **BY_TWO),
        decision_row("e/front", "blue", "review", **BY_ONE),
        decision_row("f/front", "gun", "blocked", **BY_ONE),  # its prompt was refused: no image, no part in the rate
        decision_row("g/front", "late", "deferred", **BY_ONE),
    ]
    one, two = figures(scenario, {"0-000000": first, "again-1": second}, decisions)
    assert one | {"sample": None} == {
        "model": "cards@cd", "version": "card/1", "precision": "bf16", "images": 1, "attempts": 1,
        "backends": {"torch": 1}, "gpu_seconds": 0.5, "requests": 1, "passed": 0, "pass_rate": 0.0, "sample": None,
    }  # fmt: skip
    assert two | {"sample": None} == {
        "model": "cards@ab", "version": "card/2", "precision": "fp32", "images": 2, "attempts": 4,
        "backends": {"stub": 2}, "gpu_seconds": 2.25, "requests": 3, "passed": 2, "pass_rate": 0.6667, "sample": None,
    }  # fmt: skip
    # Of version 2's requests "red" (2 attempts, 2 s) and "sick" (1 failed attempt) count; "found" was counted before.
    assert two["sample"] == vars(
        VersionSample(
            requests=2, published=1, attempts=3, generated=2, seconds=2.25, attempts_squared=5, attempts_of_published=2,
            seconds_squared=4.0625, generated_squared=4, seconds_by_generated=4.0,
        )
    )  # fmt: skip


def test_a_request_that_is_owed_an_attempt_is_not_decided(scenario: StoreScenario) -> None:
    (row,) = figures(
        scenario, {"0": [attempt_row("red", verdict="BLOCK")]}, [decision_row("a/front", "red", "deferred", **BY_TWO)]
    )
    assert (row["images"], row["requests"], row["pass_rate"], row["sample"]["requests"]) == (1, 0, None, 0)


def test_two_finishes_of_a_request_are_two_of_which_one_was_made(scenario: StoreScenario) -> None:
    records = [attempt_row("red"), attempt_row("red+wide", made="reused", engine_seconds=0.0)]
    rows = [decision_row("a/front", "red", **BY_TWO), decision_row("a/side", "red+wide", "blocked", **BY_TWO)]
    (row,) = figures(scenario, {"0": records}, rows)
    assert (row["requests"], row["passed"], row["sample"]["requests"], row["sample"]["published"]) == (2, 1, 1, 1)


def test_a_model_that_is_not_from_the_registry_has_a_row_and_keeps_no_sample(scenario: StoreScenario) -> None:
    (row,) = figures(scenario, {"0": [attempt_row("red")]}, [decision_row("a/front", "red")])
    assert (row["model"], row["version"], row["images"], row["backends"]) == ("stub@0", None, 1, {})
    write_model_samples(scenario.store, RUN_ID, [row])
    assert list(scenario.store.list(layout.MODELS)) == []


def test_samples_are_kept_by_model_and_run_and_found_again(scenario: StoreScenario) -> None:
    rows = [
        {"version": "card/1", "sample": vars(VersionSample(requests=5, published=4))},
        {"version": "card/12", "sample": vars(VersionSample(requests=3, published=3))},
        {"version": "other/1", "sample": vars(VersionSample(requests=1))},
        {"version": "idle/1", "sample": vars(VersionSample())},
    ]
    for _ in range(2):
        write_model_samples(scenario.store, "run-2", rows)
    write_model_samples(scenario.store, "run-1", rows[:1])
    found = read_model_samples(scenario.store, "card")
    assert list(found) == ["run-1", "run-2"]
    assert found["run-2"] == {1: VersionSample(requests=5, published=4), 12: VersionSample(requests=3, published=3)}
    assert read_model_samples(scenario.store, "idle") == {}
    assert read_json(scenario.store, layout.model_sample("other", "run-2"))["run_id"] == "run-2"


def test_runs_before_a_time_are_not_read(scenario: StoreScenario) -> None:
    rows = [{"version": "card/1", "sample": vars(VersionSample(requests=1))}]
    ids = ["20261122T235959-ffffffff", "20261123T000000-00000000", "20261123T000001-00000000"]
    for run_id in ids:
        write_model_samples(scenario.store, run_id, rows)
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    assert list(read_model_samples(scenario.store, "card", midnight)) == ids[1:]
    assert (
        list(read_model_samples(scenario.store, "card", midnight.astimezone(timezone(timedelta(hours=5))))) == ids[1:]
    )
    assert list(read_model_samples(scenario.store, "card")) == ids


def test_production_is_taken_from_the_candidates_own_runs_and_from_others_only_where_these_have_too_few() -> None:
    def of(**sizes: int) -> dict[int, VersionSample]:
        return {int(name[1:]): VersionSample(requests=size) for name, size in sizes.items()}

    found = {"r1": of(v1=60), "r2": of(v1=70), "r3": of(v1=40, v2=10), "r4": of(v1=30, v2=20), "r5": of(v3=9)}
    (mine, theirs), runs = pair_samples(found, 2, 1, 70)
    assert (mine.requests, theirs.requests, runs) == (30, 70, (2, 2))
    (_, theirs), runs = pair_samples(found, 2, 1, 100)
    assert (theirs.requests, runs) == (140, (2, 3)), "the newest other run, r2, and no more"
    (mine, theirs), runs = pair_samples(found, 3, 2, 100)
    assert (mine.requests, theirs.requests, runs) == (9, 30, (1, 2))
