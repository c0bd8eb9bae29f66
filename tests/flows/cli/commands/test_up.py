"""`packshot up` as a person, a stranger and a stranger's page meet it: who gets in, and that nothing is left of it."""

import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from flows.orchestration.local_server import open_listener
from flows.orchestration.local_stack import prepare_folder
from tests.fixtures.chromium import NEEDS_CHROMIUM, open_chromium
from tests.fixtures.command_line import RunCli
from tests.fixtures.hostile_page import (
    ANSWERED_SOCKETS,
    EVIL,
    WITHOUT_AN_ANSWER,
    attack_script,
    serve_evil_page,
)
from tests.fixtures.other_user import NEEDS_ROOT, open_public_folder, paths_below, reach_as_other_user


@pytest.fixture
def environment() -> Iterator[None]:
    """Keep what `packshot up` does to this process's variables out of other tests."""
    kept = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.mark.usefixtures("environment")
def test_a_port_that_is_taken_is_said_by_its_option(run_cli: RunCli, tmp_path: Path) -> None:
    with open_listener() as taken:
        said = run_cli("up", "--out", tmp_path / "up", "--port", taken.getsockname()[1])
    assert (said.exit_code, "cannot be listened on (Address already in use)" in said.stderr) == (2, True)


@pytest.mark.usefixtures("environment")
def test_s1_a_folder_that_holds_other_things_is_not_taken_and_keeps_its_mode(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "letters").touch()
    tmp_path.chmod(0o755)
    said = run_cli("up", "--out", tmp_path)
    assert said.exit_code == 2
    assert f"--out: {tmp_path} holds other files; give a folder of its own" in said.stderr
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("out", ["file", "file/below", "/proc/up"])
def test_an_out_that_can_be_no_folder_is_said_by_its_option(run_cli: RunCli, tmp_path: Path, out: str) -> None:
    (tmp_path / "file").touch()
    said = run_cli("up", "--out", tmp_path / out)
    assert (said.exit_code, "--out: " in said.stderr, "give another folder" in said.stderr) == (2, True, True)


def test_s1_the_wide_folder_of_an_earlier_version_is_narrowed(tmp_path: Path) -> None:
    out = tmp_path / "up"
    (out / "prefect").mkdir(parents=True)
    for folder in (out, out / "prefect"):
        folder.chmod(0o755)
    prepare_folder(out)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (out, out / "prefect")] == [0o700, 0o700]


@dataclass(frozen=True)
class RunningUp:
    """A running `packshot up`: its process, folder and port, and what it said."""

    process: "subprocess.Popen[str]"
    out: Path
    port: int
    said: str

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def login(self) -> str:
        return (self.out / "login").read_text("utf-8").strip()

    @property
    def http(self) -> httpx.Client:
        user, _, password = self.login.partition(":")
        return httpx.Client(base_url=f"{self.api}/", auth=(user, password), timeout=60)

    def count_runs(self) -> int:
        return int(self.http.post("flow_runs/count", json={}).raise_for_status().json())

    def deployment(self) -> str:
        return str(self.http.get("deployments/name/store/sweep").raise_for_status().json()["id"])


@contextmanager
def run_up(out: Path) -> Iterator[RunningUp]:
    with open_listener() as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "flows.cli", "up", "--out", str(out), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            break
    assert "Ctrl-C" in said, said
    try:
        yield RunningUp(process, out, port, said)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def running() -> Iterator[RunningUp]:
    """Run one in a place that others may enter, over the wide folder and database of an earlier version."""
    with open_public_folder() as place:
        out = place / "a folder's name"
        (out / "prefect").mkdir(parents=True)
        (out / "prefect" / "prefect.db").touch()
        with run_up(out) as running:
            yield running


@pytest.mark.slow
def test_s1_its_folders_and_databases_are_for_this_user_alone(running: RunningUp) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths_below(running.out)}
    files = ("login", "prefect.db", "prefect.db-wal", "prefect.db-shm")
    assert {name: modes[name] for name in (running.out.name, "prefect", *files)} == {
        running.out.name: 0o700, "prefect": 0o700, **dict.fromkeys(files, 0o600),
    }  # fmt: skip


@NEEDS_ROOT
@pytest.mark.slow
def test_s1_another_user_reaches_neither_files_nor_the_api(running: RunningUp) -> None:
    start = f"deployments/{running.deployment()}/create_flow_run"
    names = (start, "flow_runs/filter", "deployments/filter", "variables/")
    assert reach_as_other_user(paths_below(running.out), *(f"{running.api}/{name}" for name in names)) == {}


@pytest.mark.slow
def test_s1_the_login_is_in_its_file_alone(running: RunningUp) -> None:
    secret = running.login.partition(":")[2]
    assert len(secret) == 32
    files = [path for path in paths_below(running.out) if path.is_file()]
    assert [path.name for path in files if secret.encode() in path.read_bytes()] == ["login"]
    processes = [psutil.Process(running.process.pid), *family_of(running.process.pid)]
    lines = [" ".join(each.cmdline()) for each in processes]
    assert len(lines) >= 4
    assert [text for text in (running.said, *lines) if secret in text] == []


@NEEDS_CHROMIUM
@pytest.mark.slow
def test_s1_a_page_of_another_origin_starts_nothing(running: RunningUp, tmp_path: Path) -> None:
    before, planted = running.count_runs(), tmp_path / "planted"
    script = attack_script(running.api, running.deployment(), f"touch {planted}")
    with serve_evil_page() as address, open_chromium(EVIL) as page:
        page.open(address)
        tried = page.evaluate(script)
    refused = dict.fromkeys(("JSON", "JSON with a guessed login", "reading"), "TypeError")
    closed = dict.fromkeys(ANSWERED_SOCKETS, "closed 1006")
    assert tried == WITHOUT_AN_ANSWER | refused | closed
    assert (running.count_runs() - before, planted.exists()) == (0, False)


@NEEDS_CHROMIUM
@pytest.mark.slow
def test_s1_a_page_whose_name_is_bent_to_this_machine_starts_nothing(running: RunningUp, tmp_path: Path) -> None:
    before, planted = running.count_runs(), tmp_path / "planted"
    there = f"http://{EVIL}:{running.port}"
    with open_chromium(EVIL) as page:
        page.open(f"{there}/api/health")
        assert page.evaluate("document.body.innerText") == "Invalid host header"
        tried = page.evaluate(attack_script(f"{there}/api", running.deployment(), f"touch {planted}"))
    refused = dict.fromkeys(("text without CORS", "JSON", "JSON with a guessed login", "reading"), 400)
    closed = dict.fromkeys(ANSWERED_SOCKETS, "closed 1006")
    assert tried == WITHOUT_AN_ANSWER | refused | closed
    assert (running.count_runs() - before, planted.exists()) == (0, False)


@NEEDS_CHROMIUM
@pytest.mark.slow
def test_the_same_page_starts_what_it_wants_at_a_server_that_asks_for_nothing(tmp_path: Path) -> None:
    """Without this, the two tests above would pass with a page that does not work."""
    with run_open_server(tmp_path) as api:
        http = httpx.Client(base_url=f"{api}/", timeout=60)
        flow = http.post("flows/", json={"name": "flow"}).raise_for_status().json()["id"]
        made = http.post("deployments/", json={"name": "deployed", "flow_id": flow}).raise_for_status().json()["id"]
        with serve_evil_page() as address, open_chromium(EVIL) as page:
            page.open(address)
            tried = page.evaluate(attack_script(api, made, "id"))
        assert (tried["JSON"], tried["reading"]) == (201, 200)
        assert {name: tried[name] for name in ANSWERED_SOCKETS} == ANSWERED_SOCKETS
        assert int(http.post("flow_runs/count", json={}).json()) >= 1


@contextmanager
def run_open_server(folder: Path) -> Iterator[str]:
    """Serve Prefect's app as it comes."""
    program = textwrap.dedent("""
        import sys, uvicorn
        from prefect.server.api.server import create_app
        uvicorn.run(create_app(ephemeral=True), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
    """)
    with open_listener() as free:
        port = str(free.getsockname()[1])
    environment = {**os.environ, "PREFECT_HOME": str(folder)}
    with subprocess.Popen([sys.executable, "-c", program, port], env=environment) as process:
        try:
            while True:
                assert process.poll() is None
                try:
                    httpx.get(f"http://127.0.0.1:{port}/api/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            process.kill()


@NEEDS_CHROMIUM
@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_person_who_types_the_login_sees_the_deployments(running: RunningUp, host: str) -> None:
    with open_chromium() as page:
        page.open(f"http://{host}:{running.port}/")
        page.wait_until("document.querySelector('input[type=password]') !== null")
        page.evaluate("document.querySelector('input[type=password]').focus()")
        page.type(running.login)
        page.evaluate("document.querySelector('button[type=submit]').click()")
        page.wait_until("!location.href.includes('login')")
        page.open(f"http://{host}:{running.port}/deployments")
        page.wait_until("document.body.innerText.includes('nightly') && document.body.innerText.includes('sweep')")


@pytest.mark.slow
def test_the_line_that_it_says_starts_a_run_as_it_is_typed(running: RunningUp) -> None:
    [line] = [line for line in running.said.splitlines() if "prefect deployment run 'refresh/adhoc' -p source=" in line]
    assert line.startswith(f'PREFECT_API_URL={running.api} PREFECT_API_AUTH_STRING="$(cat ')
    assert f"cat {shlex.quote(str(running.out / 'login'))}`" in running.said
    before = running.count_runs()
    typed = line.replace(" prefect ", f" {shlex.quote(sys.executable)} -m prefect ")
    done = subprocess.run(["sh", "-c", typed], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Created flow run '.*'", done.stdout), done.stdout
    assert running.count_runs() == before + 1


@pytest.mark.slow
def test_it_ends_with_a_sentence_when_its_server_dies(tmp_path: Path) -> None:
    with run_up(tmp_path / "up") as running:
        [server] = [each for each in family_of(running.process.pid) if "local_server" in " ".join(each.cmdline())]
        server.kill()
        assert running.process.wait() == 3
        assert running.process.stdout is not None
        assert "packshot: The Prefect server or a worker has ended by itself" in running.process.stdout.read()


@pytest.mark.slow
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_ends(tmp_path: Path, way: signal.Signals) -> None:
    with run_up(tmp_path / "up") as running:
        home = httpx.get(f"http://127.0.0.1:{running.port}/")
        assert "text/html" in home.headers["content-type"]
        ui = httpx.get(f"http://127.0.0.1:{running.port}/ui-settings").json()
        assert (ui["api_url"], ui["auth"]) == (running.api, "BASIC")
        family = family_of(running.process.pid)
        listening = {c.laddr.ip for one in family for c in one.net_connections() if c.status == "LISTEN"}
        assert listening == {"127.0.0.1"}
        assert len(family) >= 3
        running.process.send_signal(way)
        running.process.wait()
        _, alive = psutil.wait_procs(family)
        assert alive == []
        assert (running.out / "login").exists() == (way == signal.SIGKILL), "whose login is of no use any more"


def family_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)
