"""A whole refresh with a clock on the painter and on the scanners, and nothing else changed.

Comes in: a catalogue, a store, how fast to paint. Goes out: the report, and what painting and scanning took of the CPU.
The painter and the scanners are the shipped ones behind a stopwatch for their own thread's CPU; OpenCV is held to one
thread, so that nothing they cause runs on another. Screening runs in the usual processes, whose stopwatch comes back
in each answer's `seconds`. Threads do the work in place of Prefect, unless Prefect is asked for.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import great_expectations  # noqa: F401 - at its first use otherwise, inside the measuring

from bench.planning_runs import NAME, bench_recipe
from bench.process_cost import cpu_seconds
from bench.timed_scanners import measure_timed
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import Job
from flows.refresh import Refresh
from flows.run.executors import THREADS, Hands, PrefectHands, thread_hands
from flows.run.observers import NoWatch
from flows.wiring.composition import read_prices
from infra.engines import WINDOW
from infra.engines.stub.stub_backend import StubPainter
from infra.engines.threaded import ThreadedEngine
from infra.interfaces import Failure, Frame, Prompt, Screened, ScreeningOrder
from infra.pools.inline import InlinePool
from infra.screening.processes import ProcessScreener
from infra.settings import Settings
from infra.stores import open_store
from infra.tables import open_tables
from tasks.runs.run_context import Gate, Places

SCREENERS = 1
"""Measuring processes: as many as a machine of two cores starts by itself beside an engine."""


class TimedPainter(StubPainter):
    """The stub, with a stopwatch for its CPU."""

    cpu = 0.0

    def paint(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Paint, and add what it took of this thread's CPU."""
        began = time.thread_time()
        try:
            return super().paint(prompts)
        finally:
            self.cpu += time.thread_time() - began

    def group(self, prompt: Prompt) -> Hashable:
        """Return what the stub says."""
        return super().group(prompt)


class TimedScreener(ProcessScreener):
    """The usual measuring processes, with a sum of what their scanners took."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, measure_timed)
        self.cpu = 0.0

    def screen(self, orders: Sequence[ScreeningOrder]) -> Iterator[Screened | Failure]:
        """Yield the answers, and add up their seconds."""
        for answer in super().screen(orders):
            self.cpu += answer.seconds
            yield answer


@dataclass
class StageClock(NoWatch):
    """Writes down the CPU of this process, and of those it has ended, at every stage's beginning."""

    marks: list[tuple[str, float]] = field(default_factory=list)

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.marks.append((name, cpu_seconds()))

    def spent(self) -> dict[str, float]:
        """Return the CPU seconds of each stage."""
        spent: dict[str, float] = {}
        for (name, began), (_, ended) in pairwise(self.marks):
            spent[name] = spent.get(name, 0.0) + ended - began
        return spent


@dataclass(frozen=True)
class Ran:
    """A refresh that was run: its images, and CPU seconds by who spent them."""

    images: int
    published: int
    engine_cpu: float
    scanner_cpu: float
    stages: dict[str, float]
    busy_seconds: float
    painting_seconds: float
    """From the first picture's beginning to the last one's end."""


@dataclass(frozen=True)
class Load:
    """What to refresh: a catalogue, the pictures' side in pixels, seconds a picture, pictures in a shard."""

    catalogue: Path
    side: int
    seconds: float = 0.0
    shard: int = 128
    prefect: bool = False


def refresh(load: Load, store: Path) -> Ran:
    """Refresh the catalogue into a fresh store, and say who spent what."""
    cv2.setNumThreads(1)
    painter, clock = TimedPainter(load.seconds), StageClock()
    engines: list[ThreadedEngine] = []

    def open_engine() -> ThreadedEngine:
        engines.append(ThreadedEngine(painter, 1, WINDOW))
        return engines[0]

    recipe, settings = bench_recipe(width=load.side, height=load.side), Settings(shard_size=load.shard)
    job = Job(str(load.catalogue), store.as_uri(), NAME, recipe, built_in_policy())
    pool, screener, objects = InlinePool(open_engine), TimedScreener(SCREENERS), open_store(job.store)
    places = Places(objects, open_tables(job.store), lambda _: pool)
    gate = Gate(objects, screener, job.policy, recipe.finishes, settings.screen_seconds)
    with ExitStack() as stack:
        stack.callback(screener.close)
        stack.callback(pool.close)
        hands, wrapped = stack.enter_context(_prefect() if load.prefect else _threads())
        work = Refresh(job, places, gate, hands, settings, read_prices(settings), clock)
        report = wrapped(work.run)
        clock.stage("measuring processes")  # whose CPU counts once they have ended
    clock.stage("end")
    stages, engine = clock.spent(), engines[0]
    assert engine.first_paint is not None
    assert engine.last_paint is not None
    return Ran(
        images=report["images"]["attempts"],
        published=report["slots"]["published"],
        engine_cpu=painter.cpu,
        scanner_cpu=screener.cpu,
        stages=stages,
        busy_seconds=engine.busy_seconds(),
        painting_seconds=engine.last_paint - engine.first_paint,
    )


Work = Callable[[], dict[str, Any]]


@contextmanager
def _threads() -> Iterator[tuple[Hands, Callable[[Work], dict[str, Any]]]]:
    with thread_hands() as hands:
        yield hands, lambda work: work()


@contextmanager
def _prefect() -> Iterator[tuple[Hands, Callable[[Work], dict[str, Any]]]]:
    from prefect import flow
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.task_runners import ThreadPoolTaskRunner

    from flows.orchestration.local_server import local_server

    runner: Any = ThreadPoolTaskRunner(max_workers=THREADS)
    with local_server() as url, temporary_settings({PREFECT_API_URL: url}):
        yield PrefectHands(), lambda work: flow(name=NAME, task_runner=runner, persist_result=False)(work)()
