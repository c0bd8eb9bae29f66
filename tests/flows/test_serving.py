"""A real Prefect server with real workers, started once: deployments, forms, runs, and what is left of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.local_server import free_port
from flows.serving import Serving, serving
from infra.stores import open_store
from tests.flows.shops import Shop, check_published, check_sums
from tests.flows.test_bad_input import RECIPE

pytestmark = pytest.mark.slow
PATIENCE = 240.0
SLOW = {"stub_seconds": 0.4}


@dataclass
class Home:
    """The server as a client of its API sees it."""

    served: Serving
    http: httpx.Client

    def deployment(self, name: str) -> dict[str, Any]:
        return self.get(f"deployments/name/{name}")

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(path)
        while answer.status_code == 503:
            time.sleep(0.5)
            answer = self.http.get(path)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def ask(self, name: str, parameters: dict[str, Any], **more: Any) -> httpx.Response:
        path = f"deployments/{self.deployment(name)['id']}/create_flow_run"
        return self.post(path, {"parameters": parameters, "state": {"type": "SCHEDULED"}} | more)

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Ask again where SQLite is locked for a moment, as Prefect's own client does."""
        for _ in range(20):
            answer = self.http.post(path, json=body)
            if answer.status_code != 503:
                break
            time.sleep(0.5)
        return answer

    def start(self, name: str, parameters: dict[str, Any], **more: Any) -> str:
        return str(self.ask(name, parameters, **more).raise_for_status().json()["id"])

    def wait(self, run: str, *states: str) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while True:
            found = self.get(f"flow_runs/{run}")
            kind = found["state_type"]
            if kind in states or (not states and kind in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}):
                return found
            assert time.monotonic() < until, f"{run} is {kind} still: {found['state']}"
            time.sleep(0.2)

    def run(self, name: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.wait(self.start(name, parameters, **more))

    def retry(self, run: str) -> dict[str, Any]:
        packshot_prefect(self, "flow-run", "retry", run)
        return self.wait(run)

    def artifacts(self, run: str) -> dict[str, Any]:
        asked = {"artifacts": {"flow_run_id": {"any_": [run]}}}
        found = self.post("artifacts/filter", asked).raise_for_status().json()
        return {one["key"]: one for one in found}

    def runs(self) -> int:
        return int(self.post("flow_runs/count", {}).raise_for_status().json())

    def processes(self) -> list[psutil.Process]:
        workers = [psutil.Process(process.pid) for process in self.served.processes]
        return [child for worker in workers for child in worker.children(recursive=True)]

    def wait_for_no_process(self) -> float:
        began = time.monotonic()
        while left := self.processes():
            assert time.monotonic() - began < PATIENCE, left
            time.sleep(0.05)
        return time.monotonic() - began


def packshot_prefect(home: Home, *words: str) -> str:
    environment = {**os.environ, "PREFECT_API_URL": home.served.api}
    command = [sys.executable, "-m", "prefect", "--no-prompt", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    with serving(folder, free_port()) as served, httpx.Client(base_url=f"{served.api}/", timeout=60) as http:
        for name in ("nightly", "new", "sweep"):  # their hours are not this test's
            found = http.get(f"deployments/name/{'store' if name == 'sweep' else 'refresh'}/{name}").json()
            http.patch(f"deployments/{found['id']}", json={"paused": True}).raise_for_status()
        yield Home(served, http)


def asked_of(shop: Shop, **changes: Any) -> dict[str, Any]:
    return shop.parameters(**changes).model_dump(exclude_none=True)


def shop_of(folder: Path, count: int) -> Shop:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(count)]
    return Shop(folder, rows, RECIPE)


def report_of(shop: Shop) -> dict[str, Any]:
    keys = sorted(info.key for info in shop.store.list("runs/") if info.key.endswith("/report.json"))
    report: dict[str, Any] = json.loads(shop.store.read(keys[-1]))
    check_sums(report)
    return report


def test_the_file_deploys_five_with_their_hours_and_queues(home: Home) -> None:
    found = {name: home.deployment(name) for name in
             ("refresh/nightly", "refresh/new", "refresh/adhoc", "refresh/part", "store/sweep")}  # fmt: skip
    queues = {name: (one["work_pool_name"], one["work_queue_name"]) for name, one in found.items()}
    assert queues == {
        "refresh/nightly": ("packshot", "normal"),
        "refresh/new": ("packshot", "high"),
        "refresh/adhoc": ("packshot", "normal"),
        "refresh/part": ("packshot-parts", "default"),
        "store/sweep": ("packshot", "low"),
    }
    hours = {name: [(one["schedule"]["cron"], one["schedule"]["timezone"]) for one in deployment["schedules"]]
             for name, deployment in found.items()}  # fmt: skip
    assert hours["refresh/nightly"] == [("0 2 * * *", "UTC")]
    assert hours["refresh/new"] == [("*/15 * * * *", "UTC")]
    assert (hours["refresh/adhoc"], hours["refresh/part"]) == ([], [])
    assert [found[f"refresh/{name}"]["parameters"]["scope"] for name in ("nightly", "new")] == ["full", "partial"]
    assert {tuple(one["pull_steps"] or ()) for one in found.values()} == {()}
    form = found["refresh/adhoc"]["parameter_openapi_schema"]
    assert set(form["required"]) == {"source", "store", "catalogue"}
    assert all(field.get("description") and field["title"] != name for name, field in form["properties"].items())


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
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_refused_before_there_is_a_run(
    home: Home, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    before = home.runs()
    answer = home.ask("refresh/adhoc", asked_of(shop_of(tmp_path, 1)) | wrong)
    assert 400 <= answer.status_code < 500, answer.text
    assert home.runs() == before


def test_a_missing_catalogue_name_is_refused_too(home: Home, tmp_path: Path) -> None:
    asked = asked_of(shop_of(tmp_path, 1))
    del asked["catalogue"]
    answer = home.ask("refresh/adhoc", asked)
    assert (answer.status_code, "'catalogue' is a required property" in answer.text) == (409, True), answer.text


def test_nightly_then_new_then_adhoc_as_typed_make_the_pictures_once(home: Home) -> None:
    nightly = home.run("refresh/nightly", {})
    assert nightly["state_type"] == "COMPLETED", nightly["state"]
    assert {"nightly", "sample", "full"} <= set(nightly["tags"])
    assert nightly["name"].startswith("sample-full-20")
    shown = home.artifacts(nightly["id"])
    table = {row["what"]: row["how many"] for row in json.loads(shown["plan-sample"]["data"])}
    assert (table["rows input"], int(table["images to make"]) > 30) == ("38", True)
    assert float(shown["images-sample"]["data"]) == 100.0
    page = shown["report-sample"]["data"]
    assert ("Published as release 1" in page, page.count("data:image/jpeg;base64,")) == (True, 8)
    assert len(page) < 60_000
    plan, work = shown["plan-sample"]["created"], shown["images-sample"]["created"]
    assert plan < work < shown["report-sample"]["created"]

    new = home.run("refresh/new", {})
    values = home.served.scheduled
    said = packshot_prefect(
        home, "deployment", "run", "refresh/adhoc", "--watch",
        *(word for name, value in values.items() for word in ("-p", f"{name}={value}")),
    )  # fmt: skip
    assert "Completed" in said or "finished" in said.lower(), said
    assert (new["state_type"], "partial" in new["tags"]) == ("COMPLETED", True)
    store = open_store(str(home.served.store))
    reports = [
        json.loads(store.read(info.key)) for info in store.list("runs/") if info.key.endswith("/report.json")
    ]  # fmt: skip
    assert sorted(report["images"]["attempts"] > 0 for report in reports) == [False, False, True]
    again = home.retry(nightly["id"])
    assert (again["state_type"], again["run_count"]) == ("COMPLETED", 2)
    report = json.loads(store.read(max(info.key for info in store.list("runs/") if info.key.endswith("/report.json"))))
    assert (report["images"]["generated"], report["images"]["reused"], report["release"]["version"]) == (0, 0, 1)


def test_high_goes_before_normal_before_low_one_at_a_time(home: Home) -> None:
    pool = "work_pools/packshot"
    home.http.patch(pool, json={"is_paused": True}).raise_for_status()
    asked = {"store": str(home.served.store), "dry_run": True}
    order = ("low", "normal", "high", "low", "high")
    try:
        runs = [(queue, home.start("store/sweep", asked, work_queue_name=queue)) for queue in order]
    finally:
        home.http.patch(pool, json={"is_paused": False}).raise_for_status()
    ended = [(queue, home.wait(run)) for queue, run in runs]
    assert {run["state_type"] for _, run in ended} == {"COMPLETED"}
    ended.sort(key=lambda one: str(one[1]["start_time"]))
    assert [queue for queue, _ in ended] == ["high", "high", "normal", "low", "low"]
    for (_, one), (_, other) in pairwise(ended):
        assert one["end_time"] <= other["start_time"], "two at once"
    assert "sweep" in home.artifacts(ended[0][1]["id"])


def test_a_cancelled_run_leaves_no_process_and_a_retry_goes_on_with_it(home: Home, tmp_path: Path) -> None:
    home.wait_for_no_process()
    shop = shop_of(tmp_path, 60)
    run = home.start("refresh/adhoc", asked_of(shop, **SLOW))
    staged = wait_for_staged(shop, 8)
    asked = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    began = time.monotonic()
    home.post(f"flow_runs/{run}/set_state", asked).raise_for_status()
    home.wait(run, "CANCELLED")
    home.wait_for_no_process()
    print(f"no process was left {time.monotonic() - began:.1f} s after the cancel; {staged} images were staged")  # noqa: T201
    assert 8 <= len(staged_keys(shop)) < 60
    kept = staged_keys(shop)

    again = home.retry(run)
    assert again["state_type"] == "COMPLETED", again["state"]
    report = report_of(shop)
    assert (report["slots"]["published"], shop.open_runs()) == (60, [])
    assert report["images"]["generated"] + len(kept) <= 60 + report["images"]["reused"]
    assert kept <= staged_keys(shop)
    check_published(shop.store, shop.manifest())
    assert home.wait_for_no_process() < PATIENCE


def test_a_killed_run_crashes_and_the_next_one_goes_on_with_it(home: Home, tmp_path: Path) -> None:
    home.wait_for_no_process()
    shop = shop_of(tmp_path, 40)
    run = home.start("refresh/adhoc", asked_of(shop, **SLOW))
    wait_for_staged(shop, 8)
    flow_processes = home.processes()
    assert flow_processes
    for process in flow_processes:
        process.send_signal(signal.SIGKILL)
    assert home.wait(run)["state_type"] == "CRASHED"
    home.wait_for_no_process()
    other = home.run("refresh/adhoc", asked_of(shop))
    assert other["state_type"] == "COMPLETED"
    report = report_of(shop)
    assert (report["slots"]["published"], report["images"]["reused"] > 0, shop.open_runs()) == (40, True, [])


def test_a_held_batch_is_tagged(home: Home, tmp_path: Path) -> None:
    shop = shop_of(tmp_path, 4)
    shop.night()
    shop.rows = shop.rows[:2]
    held = home.run("refresh/adhoc", asked_of(shop))
    assert (held["state_type"], set(held["tags"])) == ("COMPLETED", {"adhoc", "shop", "full", "held"})
    assert "packshot release" in home.artifacts(held["id"])["report-shop"]["data"]


def test_a_run_of_more_than_seven_hundred_shards_is_done_in_parts_by_others(home: Home, tmp_path: Path) -> None:
    shop = shop_of(tmp_path, 710)
    shop.recipe = RECIPE | {"tiers": {"standard": {"width": 64, "height": 64}}}
    run = home.run("refresh/adhoc", asked_of(shop), job_variables={"env": {"PACKSHOT_SHARD_SIZE": "1"}})
    assert run["state_type"] == "COMPLETED", run["state"]
    asked = {"flow_runs": {"tags": {"all_": [f"part-of-{run['id']}"]}}}
    children = home.post("flow_runs/filter", asked).raise_for_status().json()
    assert sorted(child["parameters"]["part"] for child in children) == ["1-00000", "1-00001"]
    assert {child["state_type"] for child in children} == {"COMPLETED"}
    report = report_of(shop)
    assert report["images"]["generated"] + report["images"]["reused"] == report["images"]["attempts"]
    assert sum(report["slots"][state] for state in ("published", "review", "blocked")) == 710


def wait_for_staged(shop: Shop, count: int) -> int:
    until = time.monotonic() + PATIENCE
    while len(staged_keys(shop)) < count:
        assert time.monotonic() < until
        time.sleep(0.1)
    return len(staged_keys(shop))


def staged_keys(shop: Shop) -> set[str]:
    return {info.key for info in shop.store.list("staging/") if info.key.endswith(".png")}
