"""A process that ends with its parent takes its own children along, also one that will not be asked."""

import subprocess
import sys
import textwrap

import psutil

from flows.orchestration.supervised_process import run_supervised
from tests.flows.orchestration.sigterm_ignoring_process import CHILD_DEPTH

PARENT = textwrap.dedent("""
    import sys, time
    from flows.orchestration.supervised_process import run_supervised
    with run_supervised("tests.flows.orchestration.sigterm_ignoring_process", stdout=None) as process:
        time.sleep(600)
""")


def test_a_killed_parent_leaves_nobody_behind_however_deep() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) == 1 + CHILD_DEPTH
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []


def test_leaving_the_block_ends_them_too() -> None:
    with run_supervised("tests.flows.orchestration.sigterm_ignoring_process", stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        assert len(family) == 1 + CHILD_DEPTH
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
