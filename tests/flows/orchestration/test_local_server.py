"""The local Prefect server answers on loopback to who has the login, and is gone with whoever started it."""

import json
import os
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import psutil
import pytest
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_DATABASE_CONNECTION_URL,
    temporary_settings,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from flows.orchestration import supervised_process as attended
from flows.orchestration.local_server import (
    LocalServer,
    ServerFailed,
    make_database_private,
    open_listener,
    run_local_server,
    use_server,
)
from flows.orchestration.prefect_artifacts import emit_review_overdue
from flows.refresh import refresh
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.other_user import NEEDS_ROOT, paths_below, reach_as_other_user
from tests.fixtures.refresh_harness import RefreshHarness, assert_counts_add_up, assert_published_images
from tests.fixtures.waiting import eventually

SOCKETS = ("events/in", "events/out", "logs/out", "task_runs/subscriptions/scheduled", "work_pools/p/workers/connect")


def test_it_answers_on_loopback(prefect_api: str) -> None:
    assert prefect_api.startswith("http://127.0.0.1:")
    assert httpx.get(f"{prefect_api}/health").status_code == 200


def test_s1_no_operation_of_the_api_is_done_without_the_login(prefect_api: str) -> None:
    from prefect.server.api.server import API_ROUTERS

    unknown = "00000000-0000-0000-0000-000000000000"
    operations = [
        (method, prefect_api + re.sub(r"{.*?}", unknown, route.path))
        for router in API_ROUTERS
        for route in router.routes
        for method in getattr(route, "methods", ())  # sockets have none
    ]
    assert len(operations) > 180
    with httpx.Client(auth=("admin", "pass"), timeout=60) as wrong, httpx.Client(timeout=60) as without:
        answered = {
            (method, url)
            for method, url in operations
            for client in (wrong, without)
            if client.request(method, url, json={}).status_code != 401
        }
    assert answered == {("GET", f"{prefect_api}/ready")}, "which probes ask for, and which says nothing"


@pytest.mark.parametrize("path", SOCKETS)
def test_s1_no_socket_of_the_api_opens_without_the_login(prefect_api: str, path: str) -> None:
    address = f"{prefect_api.replace('http', 'ws')}/{path}"
    with pytest.raises((InvalidStatus, ConnectionClosed)), connect(address) as socket:
        socket.recv()
    with connect(address, subprotocols=[Subprotocol("prefect")]) as socket:
        socket.send(json.dumps({"type": "auth", "token": "admin:pass"}))
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv()
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1008
    with pytest.raises(InvalidStatus), connect(address, origin=Origin("http://evil.example")):
        raise AssertionError("A page of another origin has opened it.")


def test_s1_the_real_server_looks_at_hosts_and_origins(prefect_api: str) -> None:
    health, page = f"{prefect_api}/health", {"origin": "http://evil.example"}
    asked = {**page, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    assert httpx.get(health, headers={"host": "evil.example"}).status_code == 400
    assert httpx.get(health, headers=page).status_code == 403
    assert httpx.options(health, headers=asked).status_code == 403
    own = httpx.options(health, headers={**asked, "origin": prefect_api.removesuffix("/api")})
    assert own.headers["access-control-allow-origin"] == prefect_api.removesuffix("/api")


@NEEDS_ROOT
def test_s1_another_user_is_not_answered(prefect_api: str) -> None:
    urls = [f"{prefect_api}/{kind}/filter" for kind in ("flow_runs", "deployments", "block_documents", "variables")]
    assert reach_as_other_user([], *urls) == {}


def test_s1_the_login_is_on_no_command_line_and_in_no_file(prefect_api: str) -> None:
    secret = PREFECT_API_AUTH_STRING.value()
    user, password = secret.split(":")
    server = LocalServer(prefect_api, secret, None)
    assert (user, len(password), server.credentials) == ("packshot", 32, (user, password))
    lines = [" ".join(process.cmdline()) for process in psutil.Process().children(recursive=True)]
    assert any("flows.orchestration.local_server" in line for line in lines)
    assert [text for text in (*lines, repr(server)) if password in text] == []
    files = [path for path in paths_below(Path(os.environ["PREFECT_HOME"])) if path.is_file()]
    assert "prefect.db" in {path.name for path in files}
    assert [path for path in files if password.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("before", [None, 0o644])
def test_s1_the_database_is_for_this_user_alone(tmp_path: Path, before: int | None) -> None:
    files = [tmp_path / f"prefect.db{suffix}" for suffix in ("", "-wal", "-shm")]
    if before:
        for file in files:
            file.write_bytes(b"rows")
            file.chmod(before)
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{files[0]}"}):
        make_database_private()
    found = [(stat.S_IMODE(file.stat().st_mode), file.read_bytes()) for file in files if file.exists()]
    assert found == ([(0o600, b"rows")] * 3 if before else [(0o600, b"")])


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite:///file::memory:?cache=shared&uri=true",
            "postgresql+asyncpg://db.example/prefect"]
)  # fmt: skip
def test_a_database_that_is_no_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.chdir(tmp_path)
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}):
        make_database_private()
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_listened_on_is_nobody_elses_before_the_server_answers() -> None:
    with open_listener() as ours:
        port = ours.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            open_listener(port)


def test_one_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended.sys, "executable", "/bin/false")
    with pytest.raises(ServerFailed, match="ended with 1"), run_local_server():
        pass


@pytest.mark.slow
def test_it_ends_when_its_parent_is_killed() -> None:
    script = textwrap.dedent("""
        import time
        from flows.orchestration.local_server import run_local_server
        with run_local_server() as server:
            print(server.api_url, flush=True)
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
def test_a_process_sends_each_event_to_the_server_that_was_its_own_then(tmp_path: Path) -> None:
    """What was emitted at the last moment arrives, and the next server gets its own events, not the dead one."""
    for round_ in ("first", "second"):
        with run_local_server(settings={"PREFECT_HOME": str(tmp_path / round_)}) as server:
            with use_server(server):
                emit_review_overdue("home", [f"{round_}: people are late"])
            assert eventually(lambda: _overdue_messages(server) == [f"{round_}: people are late"])  # noqa: B023


def _overdue_messages(server: LocalServer) -> list[str]:
    asked = {"filter": {"event": {"name": ["packshot.review.overdue"]}, "occurred": {"since": "2026-01-01T00:00:00Z"}}}
    answer = httpx.post(f"{server.api_url}/events/filter", json=asked, auth=server.credentials).raise_for_status()
    return [event["payload"]["message"] for event in answer.json()["events"]]


@pytest.mark.slow
def test_the_report_is_right_where_the_server_loses_every_task_run(tmp_path: Path) -> None:
    shop = RefreshHarness(
        tmp_path, [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(6)], STUB_RECIPE
    )
    deaf = {"PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED": "false", "PREFECT_HOME": str(tmp_path / "prefect")}
    with run_local_server(settings=deaf) as server, use_server(server):
        report = refresh(**shop.parameters().model_dump())
        counted = httpx.post(f"{server.api_url}/task_runs/count", json={}, auth=server.credentials)
        assert int(counted.raise_for_status().json()) == 0
    assert_counts_add_up(report)
    assert (report["slots"]["published"], report["images"]["generated"]) == (6, 6)
    assert json.loads(shop.store.read(f"runs/{report['run_id']}/report.json")) == report
    assert_published_images(shop.store, shop.manifest())
    assert shop.refresh().slot_counts() == {}
