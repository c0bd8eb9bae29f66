"""The scheduler of Ray actors, on a stand-in for Ray: what needs no cluster to be seen."""

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

import pytest

from infra.errors import EngineError, EngineUnsuitable
from infra.pools.dispatcher import EngineJob
from infra.pools.ray_actor import ActorReply
from infra.pools.ray_scheduler import RayScheduler

Events = SimpleQueue[Callable[[], None]]


class StandInRay:
    """Ray with `gpus` GPUs, whose actors reply with what `reply` returns."""

    def __init__(self, gpus: int, reply: Callable[[str], ActorReply]) -> None:
        self.gpus, self.reply, self.killed = gpus, reply, 0

    def cluster_resources(self) -> dict[str, float]:
        return {"GPU": float(self.gpus)}

    def remote(self, **options: Any) -> Callable[[type], Any]:
        del options
        return lambda _: self

    def kill(self, actor: object, **_: Any) -> None:
        del actor
        self.killed += 1

    def __getattr__(self, name: str) -> "StandInMethod":
        return StandInMethod(self, name)


class StandInMethod:
    def __init__(self, ray: StandInRay, name: str) -> None:
        self.ray, self.name = ray, name

    def options(self, **_: Any) -> "StandInMethod":
        return self

    def remote(self, *_: Any) -> "StandInMethod":
        return self

    def future(self) -> "Future[ActorReply]":
        future: Future[ActorReply] = Future()
        future.set_result(self.ray.reply(self.name))
        return future


class ActorClassRay(StandInRay):
    """The decorator returns a class whose `remote()` makes an actor."""

    def remote(self, **options: Any) -> Any:
        del options
        ray = self

        class ActorClass:
            def remote(self) -> StandInRay:
                return ray

        return lambda _: ActorClass()


def make_scheduler(gpus: int | None = None, address: str | None = None) -> tuple[RayScheduler, Events, threading.Event]:
    events: Events = SimpleQueue()
    closed = threading.Event()
    return RayScheduler(address, gpus, 3, events, closed), events, closed


def test_a_host_without_gpus_is_refused_unless_a_number_of_engines_is_set() -> None:
    scheduler, _, _ = make_scheduler()
    with pytest.raises(EngineError, match="PACKSHOT_RAY_GPUS"):
        scheduler.run(ActorClassRay(0, lambda _: ActorReply("ready", b"", "p")), b"opener")


def test_a_job_is_done_and_its_busy_seconds_are_counted() -> None:
    scheduler, events, closed = make_scheduler()
    replies = {"open": ActorReply("ready", b"", "p"), "run": ActorReply("answer", pickle.dumps("done"), "p", 1.5)}
    ray = ActorClassRay(1, lambda name: replies[name])
    job = EngineJob(b"opener", b"work")
    events.put(lambda: scheduler.accept(job))
    job.future.add_done_callback(lambda _: events.put(lambda: scheduler.shut_down(EngineError("end"))))
    scheduler.run(ray, b"opener")
    assert job.future.result() == "done"
    assert scheduler.busy_seconds(b"opener") == 1.5
    assert scheduler.busy_seconds(b"another") == 0
    assert ray.killed == 1
    assert not closed.is_set()


def test_an_engine_that_cannot_be_opened_fails_its_jobs_now_and_later() -> None:
    scheduler, events, _ = make_scheduler()
    error = EngineUnsuitable("no fp8 here")
    ray = ActorClassRay(1, lambda _: ActorReply("unopened", pickle.dumps(error), "p"))
    early, late = EngineJob(b"opener", b"work"), EngineJob(b"opener", b"work")
    events.put(lambda: scheduler.accept(early))
    early.future.add_done_callback(lambda _: events.put(lambda: scheduler.shut_down(EngineError("end"))))
    scheduler.run(ray, b"opener")
    with pytest.raises(EngineUnsuitable, match="no fp8"):
        early.future.result()
    scheduler.accept(late)
    with pytest.raises(EngineError, match="end"):
        late.future.result()


@pytest.mark.parametrize("by_close", [True, False])
def test_a_shutdown_cancels_pending_jobs_of_a_closed_pool_and_fails_those_of_a_broken_one(by_close: bool) -> None:
    scheduler, _, closed = make_scheduler()
    job = EngineJob(b"opener", b"work")
    scheduler.accept(job)
    if by_close:
        closed.set()
    scheduler.shut_down(EngineError("the cluster is gone"))
    scheduler.shut_down(EngineError("a second error"))
    assert job.future.cancelled() == by_close
    if not by_close:
        with pytest.raises(EngineError, match="the cluster is gone"):
            job.future.result()
