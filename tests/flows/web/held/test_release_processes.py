"""Releases in processes of their own: one at a time for a run, and what a failed one said is kept."""

from pathlib import Path

from flows.web.held.release_processes import ReleaseProcesses
from tests.fixtures.waiting import eventually


def shell(script: str) -> ReleaseProcesses:
    return ReleaseProcesses(lambda store, run: ["/bin/sh", "-c", script, store, run])


def test_a_release_that_fails_says_why() -> None:
    processes = shell("echo The run $1 is not held >&2; exit 2")
    processes.start("file:///store", "run-1")
    assert eventually(lambda: not processes.is_running("run-1"))
    assert processes.failure("run-1") == "The run run-1 is not held"
    assert processes.failure("run-2") == ""


def test_a_silent_failure_has_its_exit_code_and_a_success_has_none() -> None:
    failing, fine = shell("exit 3"), shell("exit 0")
    for processes in (failing, fine):
        processes.start("file:///store", "run-1")
        assert eventually(lambda processes=processes: not processes.is_running("run-1"))  # type: ignore[misc]
    assert failing.failure("run-1") == "The release ended with exit code 3."
    assert fine.failure("run-1") == ""


def test_a_release_that_is_under_way_is_not_started_twice(tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    processes = shell(f"echo $1 >> {log}; while [ ! -e {gate} ]; do sleep 0.05; done")
    processes.start("file:///store", "run-1")
    assert eventually(log.exists)
    processes.start("file:///store", "run-1")
    assert processes.is_running("run-1")
    gate.touch()
    assert eventually(lambda: not processes.is_running("run-1"))
    assert log.read_text() == "run-1\n"
