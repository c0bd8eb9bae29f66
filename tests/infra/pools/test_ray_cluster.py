"""A Ray of this host's own is nobody else's; a cluster that is not there is refused by its address."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.errors import EngineError
from infra.pools.ray_cluster import connect_ray
from infra.pools.ray_folder import LONGEST_SOCKET
from tests.fixtures.other_user import NEEDS_ROOT, paths_below, reach_as_other_user
from tests.fixtures.ray_clusters import NEEDS_RAY

ALONE = """
import os, signal, sys
heard = []
signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
from infra.pools.ray_pool import RayEngines
from tests.fixtures import pool_work as works
import psutil
pool = RayEngines(gpus=1).pool(works.open_stub)
secret = pool.submit(works.read_environment_variable, "AWS_SECRET_ACCESS_KEY").result(120)
assert secret == os.environ["AWS_SECRET_ACCESS_KEY"]
for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
    for each in process.net_connections(kind="inet"):
        if each.status == "LISTEN":
            print(each.laddr.ip.removeprefix("::ffff:"))
    for word in process.cmdline():
        assert os.environ["AWS_SECRET_ACCESS_KEY"] not in word
        if word.startswith("--session-dir="):
            folder = word.removeprefix("--session-dir=")
for place, _, names in os.walk(folder):
    for name in names:
        if os.path.isfile(path := os.path.join(place, name)):
            assert os.environ["AWS_SECRET_ACCESS_KEY"].encode() not in open(path, "rb").read(), path
            print("file", file=sys.stderr)
assert pool.submit(works.kill_process_once, folder).result(120)
os.kill(os.getpid(), signal.SIGTERM)
assert heard == [signal.SIGTERM]
print(folder, file=sys.stderr)
pool.close() if sys.argv[1:] == ["close"] else os._exit(9)
"""


def test_a_cluster_that_does_not_answer_is_refused_by_its_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    said = f"No Ray cluster answers at '{address}' .*: start it, or correct PACKSHOT_RAY_ADDRESS"
    with pytest.raises(EngineError, match=said), connect_ray(address):
        raise AssertionError("There is no such cluster.")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"not installed: `pip install 'packshot\[ray\]'`"), connect_ray(None):
        raise AssertionError("There is no ray.")


def test_a_process_is_in_one_cluster_at_a_time(local_ray: Any) -> None:
    with connect_ray(None) as ray:
        assert ray is local_ray
    assert local_ray.is_initialized(), "somebody else is still in it"
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        said = f"is in the Ray cluster None and cannot join '{address}'"
        with pytest.raises(EngineError, match=said), connect_ray(address):
            raise AssertionError("This process was in two clusters.")


@NEEDS_ROOT
def test_s5_another_user_reaches_no_folder_and_no_socket_of_ray(local_ray: Any) -> None:
    session = Path(local_ray._private.worker._global_node.get_session_dir_path())
    [private] = [folder for folder in session.parents if folder.name.startswith("packshot-ray-")]
    paths = paths_below(private)
    sockets = {path.name for path in paths if path.is_socket()}
    assert sockets >= {"plasma_store", "raylet"}
    assert stat.S_IMODE(session.stat().st_mode) == 0o777, "Ray opens its own folders, so ours must be closed"
    assert reach_as_other_user(paths) == {}
    longest = max(len(os.fsencode(path)) for path in paths if path.is_socket())
    assert longest <= len(os.fsencode(tempfile.gettempdir())) + len(LONGEST_SOCKET)


@NEEDS_RAY
@pytest.mark.slow
@pytest.mark.parametrize("end", ["close", "kill"])
def test_a_ray_of_our_own_listens_to_this_host_alone_keeps_secrets_and_leaves_nothing(end: str) -> None:
    program = [sys.executable, "-c", ALONE, end]
    environment = {**os.environ, "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-caller"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == (0 if end == "close" else 9), done.stderr
    assert set(done.stdout.split()) == {"127.0.0.1"}, "and Ray has printed nothing"
    assert done.stderr.count("file\n") > 3
    assert "SIGTERM" not in done.stderr, "signals are the flow's"
    folder = Path(done.stderr.split()[-1])
    left = [each for each in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(each.info["cmdline"] or [])]
    psutil.wait_procs(left, timeout=60)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in left)
    assert end == "kill" or not folder.parent.exists()
