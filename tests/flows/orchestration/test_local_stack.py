"""A real Prefect server with real workers, started once: deployments, forms, runs, and what is left of them."""

import json
import os
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flows.orchestration.local_server import use_server
from flows.orchestration.prefect_artifacts import emit_review_overdue
from infra.stores import open_store
from tests.fixtures.other_user import paths_below
from tests.fixtures.prefect_stack import (
    SLOW_STUB_PARAMETERS,
    TIMEOUT_SECONDS,
    PrefectStack,
    harness_with_skus,
    latest_report,
    refresh_parameters,
    run_prefect_cli,
    staged_keys,
    wait_for_staged,
)
from tests.fixtures.refresh_harness import assert_published_images
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow


def test_the_file_deploys_six_with_their_hours_and_queues(stack: PrefectStack) -> None:
    refreshes = [f"refresh/{name}" for name in ("nightly", "new", "adhoc", "part")]
    found = {name: stack.deployment(name) for name in (*refreshes, "store/sweep", "review/alarm")}
    queues = {name: (one["work_pool_name"], one["work_queue_name"]) for name, one in found.items()}
    assert queues == {
        "refresh/nightly": ("packshot", "normal"),
        "refresh/new": ("packshot", "high"),
        "refresh/adhoc": ("packshot", "normal"),
        "refresh/part": ("packshot-parts", "default"),
        "store/sweep": ("packshot", "low"),
        "review/alarm": ("packshot", "high"),
    }
    hours = {name: [(one["schedule"]["cron"], one["schedule"]["timezone"]) for one in deployment["schedules"]]
             for name, deployment in found.items()}  # fmt: skip
    assert hours["refresh/nightly"] == [("7 2 * * *", "UTC")], "no two schedules start in one minute"
    assert hours["refresh/new"] == [("*/15 * * * *", "UTC")]
    assert found["refresh/new"]["parameters"]["max_hours"] == 0.5
    assert (hours["refresh/adhoc"], hours["refresh/part"]) == ([], [])
    assert [found[f"refresh/{name}"]["parameters"]["scope"] for name in ("nightly", "new")] == ["full", "partial"]
    assert {tuple(one["pull_steps"] or ()) for one in found.values()} == {()}
    form = found["refresh/adhoc"]["parameter_openapi_schema"]
    assert set(form["required"]) == {"source", "store", "catalogue"}
    assert all(field.get("description") and field["title"] != name for name, field in form["properties"].items())


def test_people_who_are_late_start_an_alarm_once(stack: PrefectStack) -> None:
    late = "People are late: 501 slots wait for an answer"
    with use_server(stack.local_stack.server):
        emit_review_overdue("home", [late])
    asked = {"deployments": {"id": {"any_": [stack.deployment("review/alarm")["id"]]}}}

    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = stack.post("flow_runs/filter", asked).raise_for_status().json()
        return found

    assert eventually(lambda: len(runs()) == 1)
    ended = stack.wait_for_run(runs()[0]["id"])
    assert (ended["state_type"], ended["state"]["name"], ended["name"]) == ("COMPLETED", "Overdue", "review-home")
    assert ended["parameters"] == {"catalogue": "home", "message": late}
    assert "review" in ended["tags"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "gpu"},
        {"scope": "everything"},
        {"stub_seconds": 3601},
        {"stub_seconds": "long"},
        {"catalogue": "../other"},
        {"catalogue": None},
        {"store": "s3://user:hunter2@bucket/x"},
        {"source": ""},
        {"source": "https://shop.test/cat.csv?sig=hunter2"},
        {"source": "zip://a.csv::http://user:hunter2@shop.test/cat.zip"},
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_refused_before_there_is_a_run(
    stack: PrefectStack, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    before = stack.count_runs()
    answer = stack.create_run("refresh/adhoc", refresh_parameters(harness_with_skus(tmp_path, 1)) | wrong)
    assert 400 <= answer.status_code < 500, answer.text
    assert stack.count_runs() == before


def test_a_name_that_is_no_parameter_ends_the_run_before_it_touches_anything(
    stack: PrefectStack, tmp_path: Path
) -> None:
    # The server takes it, since Prefect's schemas cannot be closed; its engine compares the names with the flow's.
    shop = harness_with_skus(tmp_path, 1)
    run = stack.run_to_end("refresh/adhoc", refresh_parameters(shop) | {"max_costs": 5})
    assert run["state_type"] == "CRASHED", run["state"]
    assert not (shop.folder / "store").exists()


def test_a_missing_catalogue_name_is_refused_too(stack: PrefectStack, tmp_path: Path) -> None:
    asked = refresh_parameters(harness_with_skus(tmp_path, 1))
    del asked["catalogue"]
    answer = stack.create_run("refresh/adhoc", asked)
    assert (answer.status_code, "'catalogue' is a required property" in answer.text) == (409, True), answer.text


def test_nightly_then_new_then_adhoc_as_typed_make_the_pictures_once(stack: PrefectStack) -> None:
    nightly = stack.run_to_end("refresh/nightly", {})
    assert nightly["state_type"] == "COMPLETED", nightly["state"]
    assert {"nightly", "sample", "full"} <= set(nightly["tags"])
    assert nightly["name"].startswith("sample-full-20")
    shown = stack.artifacts(nightly["id"])
    table = {row["what"]: row["how many"] for row in json.loads(shown["plan-sample"]["data"])}
    assert (table["rows input"], int(table["images to make"]) > 30) == ("38", True)
    assert float(shown["images-sample"]["data"]) == 100.0
    page = shown["report-sample"]["data"]
    assert ("Published as release 1" in page, page.count("data:image/jpeg;base64,")) == (True, 8)
    assert len(page) < 60_000
    plan, work = shown["plan-sample"]["created"], shown["images-sample"]["created"]
    assert plan < work < shown["report-sample"]["created"]

    new = stack.run_to_end("refresh/new", {})
    values = stack.local_stack.deployment_parameters
    said = run_prefect_cli(
        stack, "deployment", "run", "refresh/adhoc", "--watch",
        *(word for name, value in values.items() for word in ("-p", f"{name}={value}")),
    )  # fmt: skip
    assert "Completed" in said or "finished" in said.lower(), said
    assert (new["state_type"], "partial" in new["tags"]) == ("COMPLETED", True)
    store = open_store(str(stack.local_stack.store))
    reports = [
        json.loads(store.read(info.key)) for info in store.list("runs/") if info.key.endswith("/report.json")
    ]  # fmt: skip
    assert sorted(report["images"]["attempts"] > 0 for report in reports) == [False, False, True]
    again = stack.retry_run(nightly["id"])
    assert (again["state_type"], again["run_count"]) == ("COMPLETED", 2)
    report = json.loads(store.read(max(info.key for info in store.list("runs/") if info.key.endswith("/report.json"))))
    assert (report["images"]["generated"], report["images"]["reused"], report["release"]["version"]) == (0, 0, 1)


def test_high_goes_before_normal_before_low_one_at_a_time(stack: PrefectStack) -> None:
    pool = "work_pools/packshot"
    stack.patch(pool, is_paused=True)
    asked = {"store": str(stack.local_stack.store), "dry_run": True}
    order = ("low", "normal", "high", "low", "high")
    try:
        runs = [(queue, stack.start_run("store/sweep", asked, work_queue_name=queue)) for queue in order]
    finally:
        stack.patch(pool, is_paused=False)
    ended = [(queue, stack.wait_for_run(run)) for queue, run in runs]
    assert {run["state_type"] for _, run in ended} == {"COMPLETED"}
    ended.sort(key=lambda one: str(one[1]["start_time"]))
    assert [queue for queue, _ in ended] == ["high", "high", "normal", "low", "low"]
    for (_, one), (_, other) in pairwise(ended):
        assert one["end_time"] <= other["start_time"], "two at once"
    assert "sweep" in stack.artifacts(ended[0][1]["id"])


def test_a_cancelled_run_leaves_no_process_and_a_retry_goes_on_with_it(stack: PrefectStack, tmp_path: Path) -> None:
    stack.wait_until_no_process_runs()
    shop = harness_with_skus(tmp_path, 60)
    run = stack.start_run("refresh/adhoc", refresh_parameters(shop, **SLOW_STUB_PARAMETERS))
    staged = wait_for_staged(shop, 8)
    began = time.monotonic()
    stack.cancel_run(run)
    stack.wait_for_run(run, "CANCELLED")
    stack.wait_until_no_process_runs()
    print(f"no process was left {time.monotonic() - began:.1f} s after the cancel; {staged} images were staged")  # noqa: T201
    assert 8 <= len(staged_keys(shop)) < 60
    kept = staged_keys(shop)

    again = stack.retry_run(run)
    assert again["state_type"] == "COMPLETED", again["state"]
    report = latest_report(shop)
    assert (report["slots"]["published"], shop.open_run_markers()) == (60, [])
    assert report["images"]["generated"] + len(kept) <= 60 + report["images"]["reused"]
    assert kept <= staged_keys(shop)
    assert_published_images(shop.store, shop.manifest())
    assert stack.wait_until_no_process_runs() < TIMEOUT_SECONDS


def test_a_killed_run_crashes_and_the_next_one_goes_on_with_it(stack: PrefectStack, tmp_path: Path) -> None:
    stack.wait_until_no_process_runs()
    shop = harness_with_skus(tmp_path, 40)
    run = stack.start_run("refresh/adhoc", refresh_parameters(shop, **SLOW_STUB_PARAMETERS))
    wait_for_staged(shop, 8)
    flow_processes = stack.run_processes()
    assert flow_processes
    for process in flow_processes:
        process.send_signal(signal.SIGKILL)
    assert stack.wait_for_run(run)["state_type"] == "CRASHED"
    stack.wait_until_no_process_runs()
    other = stack.run_to_end("refresh/adhoc", refresh_parameters(shop))
    assert other["state_type"] == "COMPLETED"
    report = latest_report(shop)
    assert (report["slots"]["published"], report["images"]["reused"] > 0, shop.open_run_markers()) == (40, True, [])


def test_new_is_skipped_while_the_last_one_works(stack: PrefectStack, tmp_path: Path) -> None:
    shop, pool = harness_with_skus(tmp_path, 60), "work_pools/packshot"
    asked = refresh_parameters(shop, scope="partial", **SLOW_STUB_PARAMETERS)
    # With one run at a time the second would only wait in its queue.
    stack.patch(pool, concurrency_limit=2)
    try:
        first = stack.start_run("refresh/new", asked)
        wait_for_staged(shop, 4)
        second = stack.run_to_end("refresh/new", asked)
        assert stack.get(f"flow_runs/{first}")["state_type"] == "RUNNING"
    finally:
        stack.patch(pool, concurrency_limit=1)
    assert (second["state_type"], second["run_count"]) == ("CANCELLED", 0), second["state"]
    assert stack.wait_for_run(first)["state_type"] == "COMPLETED"
    third = stack.run_to_end("refresh/new", asked)
    assert (third["state_type"], latest_report(shop)["slots"]["unchanged"]) == ("COMPLETED", 60)


def test_a_held_batch_is_tagged(stack: PrefectStack, tmp_path: Path) -> None:
    shop = harness_with_skus(tmp_path, 4)
    shop.refresh()
    shop.rows = shop.rows[:2]
    held = stack.run_to_end("refresh/adhoc", refresh_parameters(shop))
    assert (held["state_type"], set(held["tags"])) == ("COMPLETED", {"adhoc", "shop", "full", "held"})
    assert "packshot release" in stack.artifacts(held["id"])["report-shop"]["data"]


def test_s1_no_run_no_worker_and_no_database_keeps_the_login(stack: PrefectStack) -> None:
    run = stack.run_to_end("store/sweep", {"store": str(stack.local_stack.store), "dry_run": True})
    login = stack.local_stack.login
    secret = login.read_bytes().strip().partition(b":")[2]
    assert (run["state_type"], len(secret)) == ("COMPLETED", 32)
    kept = [*paths_below(login.parent), *paths_below(Path(os.environ["PREFECT_HOME"]))]
    files = [path for path in kept if path.is_file()]
    assert {path.name for path in files} >= {"login", "prefect.db"}
    assert [path for path in files if secret in path.read_bytes()] == [login]
