"""A real Prefect server with real workers, as a client of its API sees it, and shops to ask it for.

Comes in: what `flows.orchestration.local_stack` serves. Goes out: runs that are asked for, waited for and looked at,
and the processes that are left of them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from flows.orchestration.local_server import find_free_port
from flows.orchestration.local_stack import LocalPrefectStack, run_local_prefect_stack
from tests.flows.shops import Shop, check_sums
from tests.flows.test_bad_input import RECIPE

PATIENCE = 240.0
SLOW = {"stub_seconds": 0.4}


@dataclass
class Home:
    """The server as a client of its API sees it."""

    served: LocalPrefectStack
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
        return self._send("POST", path, body)

    def change(self, path: str, **values: Any) -> None:
        self._send("PATCH", path, values).raise_for_status()

    def _send(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        """Ask again where SQLite is locked for a moment, as Prefect's own client does."""
        for _ in range(20):
            answer = self.http.request(method, path, json=body)
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

    def cancel(self, run: str) -> None:
        asked = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        self.post(f"flow_runs/{run}/set_state", asked).raise_for_status()

    def children(self, run: str) -> list[dict[str, Any]]:
        asked = {"flow_runs": {"tags": {"all_": [f"part-of-{run}"]}}}
        found: list[dict[str, Any]] = self.post("flow_runs/filter", asked).raise_for_status().json()
        return found

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
    environment = {**os.environ, "PREFECT_API_URL": home.served.api_url}
    command = [sys.executable, "-m", "prefect", "--no-prompt", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def at_home(folder: Path) -> Iterator[Home]:
    """Serve from a folder, without the schedules: their hours are no test's."""
    with (
        run_local_prefect_stack(folder, find_free_port()) as served,
        httpx.Client(base_url=f"{served.api_url}/", timeout=60) as http,
    ):
        home = Home(served, http)
        for name in ("refresh/nightly", "refresh/new", "store/sweep"):
            home.change(f"deployments/{home.deployment(name)['id']}", paused=True)
        yield home


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


def wait_for_staged(shop: Shop, count: int) -> int:
    until = time.monotonic() + PATIENCE
    while len(staged_keys(shop)) < count:
        assert time.monotonic() < until
        time.sleep(0.1)
    return len(staged_keys(shop))


def staged_keys(shop: Shop) -> set[str]:
    return {info.key for info in shop.store.list("staging/") if info.key.endswith(".png")}
