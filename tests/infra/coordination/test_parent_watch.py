"""A process learns that its parent is gone, however the parent died."""

import os
import subprocess
import sys
from threading import Event

from infra.coordination.parent_watch import watch_parent

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(child.pid, flush=True)
sys.stdin.read()
"""
CHILD = """
import os, sys, time
from infra.coordination.parent_watch import watch_parent
watch_parent(os.getppid(), lambda: (print("orphaned", flush=True), os._exit(0)))
print("watching", flush=True)
time.sleep(600)
"""


def test_an_orphan_is_told_once_its_parent_was_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert {parent.stdout.readline().strip().isdecimal(), parent.stdout.readline().strip().isdecimal()} == {True, False}
    parent.kill()
    parent.wait()
    assert parent.stdout.readline() == "orphaned\n"
    parent.stdout.close()
    assert parent.stdin is not None
    parent.stdin.close()


def test_a_living_parent_is_no_event() -> None:
    gone = Event()
    watch_parent(os.getppid(), gone.set)
    assert not gone.wait(0.7)


def test_another_parent_than_the_recorded_one_is_an_event_at_once() -> None:
    gone = Event()
    watch_parent(os.getpid(), gone.set)
    assert gone.wait(5)
