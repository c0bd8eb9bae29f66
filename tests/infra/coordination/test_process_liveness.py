"""Only what is certain counts as death."""

import os
import subprocess
import sys

import pytest

from infra.coordination.process_liveness import host_name, is_surely_dead, process_identity

pytestmark = pytest.mark.skipif(not process_identity(), reason="this system does not tell its processes apart")

_SAY = """
import sys
from infra.coordination.process_liveness import process_identity
print(process_identity(), flush=True)
sys.stdin.read()
"""


def test_this_process_is_alive_and_tells_itself_from_others() -> None:
    assert host_name()
    assert process_identity() == process_identity()
    assert not is_surely_dead(os.getpid(), process_identity())


def test_the_same_number_given_to_another_process_is_a_death() -> None:
    world, _, started = process_identity().rpartition(" ")
    assert is_surely_dead(os.getpid(), f"{world} {int(started) + 1}")


def test_what_another_machine_says_is_never_certain() -> None:
    started = process_identity().rpartition(" ")[2]
    for told in ("", started, f"another-boot pid:[1] {started}"):
        assert not is_surely_dead(os.getpid(), told)
        assert not is_surely_dead(2**22 + 1, told)


def test_a_child_is_alive_then_a_zombie_then_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", _SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    told = child.stdout.readline().strip()
    assert told != process_identity()
    assert not is_surely_dead(child.pid, told)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_surely_dead(child.pid, told)
    child.wait()
    assert is_surely_dead(child.pid, told)
    child.stdin.close()
    child.stdout.close()
