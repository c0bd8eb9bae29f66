"""`packshot up` as a person meets it: it says what to type, and nothing of it is left when it ends, however it ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from flows.orchestration.local_server import find_free_port
from tests.fixtures.command_line import RunCli


def test_a_port_that_is_taken_is_said_by_its_option(run_cli: RunCli, tmp_path: Path) -> None:
    kept = dict(os.environ)
    try:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            said = run_cli("up", "--out", tmp_path / "up", "--port", taken.getsockname()[1])
    finally:
        os.environ.clear()
        os.environ.update(kept)
    assert (said.exit_code, "--port: something listens on" in said.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_ends(tmp_path: Path, way: signal.Signals) -> None:
    port = find_free_port()
    command = [sys.executable, "-m", "flows.cli", "up", "--out", str(tmp_path / "up"), "--port", str(port)]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert served.stdout is not None
    said: list[str] = []
    for line in served.stdout:
        said.append(line)
        if line.startswith("Ctrl-C"):
            break
    [typed] = [line for line in said if "prefect deployment run 'refresh/adhoc' -p source=" in line]
    assert f"PREFECT_API_URL=http://127.0.0.1:{port}/api " in typed, said
    home = httpx.get(f"http://127.0.0.1:{port}/")
    assert "text/html" in home.headers["content-type"]
    ui = httpx.get(f"http://127.0.0.1:{port}/ui-settings").json()
    assert ui["api_url"] == f"http://127.0.0.1:{port}/api"
    listening = {c.laddr.ip for one in family_of(served.pid) for c in one.net_connections() if c.status == "LISTEN"}
    assert listening == {"127.0.0.1"}
    family = family_of(served.pid)
    assert len(family) >= 3
    served.send_signal(way)
    served.wait(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []


def family_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)
