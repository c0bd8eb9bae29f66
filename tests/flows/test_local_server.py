"""The local Prefect server answers on loopback, and is gone with whoever started it."""

import subprocess
import sys
import textwrap

import httpx
import psutil
import pytest

from flows import attended
from flows.local_server import ServerFailed, local_server


def test_it_answers_on_loopback(prefect_api: str) -> None:
    assert prefect_api.startswith("http://127.0.0.1:")
    assert httpx.get(f"{prefect_api}/health").status_code == 200


def test_one_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended.sys, "executable", "/bin/false")
    with pytest.raises(ServerFailed, match="ended with 1"), local_server():
        pass


@pytest.mark.slow
def test_it_ends_when_its_parent_is_killed() -> None:
    script = textwrap.dedent("""
        import time
        from flows.local_server import local_server
        with local_server() as url:
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
