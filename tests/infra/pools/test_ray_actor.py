"""An actor's process answers for everything but its own death."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from infra.errors import EngineError, EngineUnsuitable
from infra.pools.ray_actor import EngineActor
from tests.fixtures import pool_work as works


def asked(actor: EngineActor, work: Callable[..., Any], shard: object = None) -> tuple[str, Any]:
    reply = actor.run(pickle.dumps(works.open_stub), pickle.dumps((work, shard)))
    return reply.kind, pickle.loads(reply.content)  # noqa: S301 - our own bytes


def test_an_engine_is_opened_once_and_its_busy_seconds_are_told() -> None:
    actor, opener = EngineActor(), pickle.dumps(works.open_stub)
    assert actor.open(opener).kind == actor.open(opener).kind == "ready"
    first = actor.run(opener, pickle.dumps((works.generate_keys, ["a", "b"])))
    second = actor.run(opener, pickle.dumps((works.generate_keys, ["c"])))
    assert (first.kind, first.content) == ("answer", pickle.dumps(["a", "b"]))
    assert second.busy_seconds > first.busy_seconds > 0
    assert first.process == second.process != EngineActor().open(opener).process


@pytest.mark.parametrize(
    ("work", "kind", "error", "words"),
    [
        (works.divide, "raised", ZeroDivisionError, "division by zero"),
        (works.raise_unreadable_error, "raised", RuntimeError, "tests.fixtures.pool_work.UnreadableError: odd error"),
        (works.return_unpicklable, "raised", Exception, "local object|lambda"),
        (works.raise_device_lost, "lost", EngineError, "The device was lost, as ordered"),
        (works.raise_engine_unsuitable, "unopened", EngineUnsuitable, "This machine cannot"),
    ],
)
def test_an_error_comes_back_as_what_it_means(
    work: Callable[..., Any], kind: str, error: type[Exception], words: str
) -> None:
    said, found = asked(EngineActor(), work, 0)
    assert said == kind
    with pytest.raises(error, match=words):
        raise found


def test_an_engine_that_cannot_be_opened_is_said_by_opening_and_by_work() -> None:
    actor, opener = EngineActor(), pickle.dumps(works.open_broken_engine)
    for reply in (actor.open(opener), actor.run(opener, pickle.dumps((works.generate_keys, ["a"])))):
        assert reply.kind == "unopened"
        with pytest.raises(EngineError, match="ordered not to load"):
            raise pickle.loads(reply.content)  # noqa: S301 - our own bytes


def test_work_that_cannot_be_read_here_is_an_error_of_the_work() -> None:
    reply = EngineActor().run(pickle.dumps(works.open_stub), b"cno_such_module\nwork\n.")
    assert reply.kind == "raised"
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        raise pickle.loads(reply.content)  # noqa: S301 - our own bytes
