"""A process behind a pipe: it starts when it is needed, says how it died, and never outlives who retires it."""

import pickle

import psutil
import pytest

from infra.coordination.piped_process import PipedProcess
from infra.errors import ExternalError


def children_since(before: set[int]) -> list[psutil.Process]:
    """Return this process's living children beside those of before: other tests' servers may be among these."""
    found = psutil.Process().children()
    return [it for it in found if it.pid not in before and it.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def before() -> set[int]:
    return {it.pid for it in psutil.Process().children()}


def child() -> PipedProcess:
    return PipedProcess("infra.pools.process_worker", pickle.dumps(60.0), "composing", "pool")


def test_it_starts_once_and_again_after_a_death_whose_cause_it_tells(before: set[int]) -> None:
    piped = child()
    pipe = piped.ready_pipe()
    assert piped.ready_pipe() is pipe
    [process] = children_since(before)
    process.kill()
    with pytest.raises((EOFError, OSError)) as death:
        pipe.recv_bytes()
    assert piped.cause_of_death(death.value) == "The composing process crashed with exit code -9."
    assert piped.ready_pipe() is not pipe
    piped.end()
    piped.end()
    assert children_since(before) == []


def test_retired_it_is_killed_and_never_starts_again(before: set[int]) -> None:
    piped = child()
    piped.ready_pipe()
    piped.retire()
    assert piped.cause_of_death(EOFError()) == "The pool was closed."
    with pytest.raises(ExternalError, match="The pool was closed"):
        piped.ready_pipe()
    piped.end()
    assert children_since(before) == []


def test_another_module_is_not_ready() -> None:
    piped = PipedProcess("infra.pools.no_such_worker", b"", "composing", "pool")
    with pytest.raises((EOFError, OSError)):
        piped.ready_pipe()
    piped.end()
