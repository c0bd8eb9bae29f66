"""The local Prefect server answers on loopback, and is gone with whoever started it."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import psutil
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.orchestration import supervised_process as attended
from flows.orchestration.local_server import ServerFailed, run_local_server
from flows.refresh import refresh
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness, assert_counts_add_up, assert_published_images


def test_it_answers_on_loopback(prefect_api: str) -> None:
    assert prefect_api.startswith("http://127.0.0.1:")
    assert httpx.get(f"{prefect_api}/health").status_code == 200


def test_one_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended.sys, "executable", "/bin/false")
    with pytest.raises(ServerFailed, match="ended with 1"), run_local_server():
        pass


@pytest.mark.slow
def test_it_ends_when_its_parent_is_killed() -> None:
    script = textwrap.dedent("""
        import time
        from flows.orchestration.local_server import run_local_server
        with run_local_server() as url:
            print(url, flush=True)
            time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline().startswith("http://")
    children = psutil.Process(parent.pid).children(recursive=True)
    assert children
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


@pytest.mark.slow
def test_the_report_is_right_where_the_server_loses_every_task_run(tmp_path: Path) -> None:
    shop = RefreshHarness(
        tmp_path, [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(6)], STUB_RECIPE
    )
    deaf = {"PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED": "false", "PREFECT_HOME": str(tmp_path / "prefect")}
    with run_local_server(settings=deaf) as url, temporary_settings({PREFECT_API_URL: url}):
        report = refresh(**shop.parameters().model_dump())
        assert int(httpx.post(f"{url}/task_runs/count", json={}).raise_for_status().json()) == 0
    assert_counts_add_up(report)
    assert (report["slots"]["published"], report["images"]["generated"]) == (6, 6)
    assert json.loads(shop.store.read(f"runs/{report['run_id']}/report.json")) == report
    assert_published_images(shop.store, shop.manifest())
    assert shop.refresh().slot_counts() == {}
