"""Timed refresh: a whole refresh with a stopwatch on the backend and on the scanners, and nothing else changed.

Inputs: a catalogue, a store, the time for each image. Outputs: the report's counts, and the CPU of generation and
scanning.
The backend and the scanners are the shipped ones behind a stopwatch for their own thread's CPU; OpenCV is held to one
thread, so that all of their work is counted there. Screening runs in the usual processes, whose stopwatch comes back in
each answer's `seconds`. Threads execute the stages in place of Prefect, unless Prefect is requested.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import great_expectations  # noqa: F401 - imported here, so that its load time is not measured

from bench.planning_runs import CATALOGUE, bench_recipe
from bench.process_cost import cpu_seconds
from bench.timed_scanners import measure_with_scanner_cpu
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import RefreshJob
from flows.orchestration.prefect_executor import PrefectExecutor
from flows.refresh import Refresh
from flows.run.executors import SHARD_THREADS, Executor, open_thread_executor
from flows.run.observers import NullObserver
from flows.wiring.pricing import read_price_list
from infra.engines import PROMPT_WINDOW
from infra.engines.stub.stub_backend import StubBackend
from infra.engines.threaded import ThreadedEngine
from infra.interfaces import Failure, Frame, Prompt, Screened, ScreeningRequest
from infra.pools.inline import InlinePool
from infra.screening.processes import ProcessScreener
from infra.settings import Settings
from infra.stores import open_store
from infra.tables import open_tables
from tasks.runs.resources import Resources, ScreeningContext

SCREENER_PROCESSES = 1
"""Measuring processes: as many as a machine of two cores starts by default beside an engine."""


class TimedBackend(StubBackend):
    """The stub backend with a stopwatch for its CPU."""

    cpu_seconds = 0.0

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Generate, and add this thread's CPU seconds."""
        began = time.thread_time()
        try:
            return super().generate_batch(prompts)
        finally:
            self.cpu_seconds += time.thread_time() - began

    def batch_key(self, prompt: Prompt) -> Hashable:
        """Return the stub's batch key."""
        return super().batch_key(prompt)


class TimedScreener(ProcessScreener):
    """The usual measuring processes, with the sum of their scanners' CPU seconds."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, measure_with_scanner_cpu)
        self.cpu_seconds = 0.0

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        """Yield the answers, and sum their seconds."""
        for answer in super().screen(requests):
            self.cpu_seconds += answer.seconds
            yield answer


@dataclass
class StageClock(NullObserver):
    """Records the CPU of this process and its ended children at the start of every stage."""

    stage_starts: list[tuple[str, float]] = field(default_factory=list)

    def on_stage(self, name: str) -> None:
        """Record the start of a stage."""
        self.stage_starts.append((name, cpu_seconds()))

    def cpu_seconds_by_stage(self) -> dict[str, float]:
        """Return the CPU seconds of each stage."""
        spent: dict[str, float] = {}
        for (name, began), (_, ended) in pairwise(self.stage_starts):
            spent[name] = spent.get(name, 0.0) + ended - began
        return spent


@dataclass(frozen=True)
class RefreshMeasurement:
    """A finished refresh: its images, and CPU seconds by component."""

    images: int
    published: int
    engine_cpu: float
    scanner_cpu: float
    stages: dict[str, float]
    busy_seconds: float
    generation_seconds: float
    """Seconds from the start of the first image to the end of the last."""


@dataclass(frozen=True)
class RefreshWorkload:
    """A refresh to run: the catalogue, the images' side in pixels, seconds for each image, images in a shard."""

    catalogue: Path
    side: int
    seconds: float = 0.0
    shard: int = 128
    prefect: bool = False


def run_timed_refresh(workload: RefreshWorkload, store: Path) -> RefreshMeasurement:
    """Refresh the catalogue into a fresh store, and return the CPU by component."""
    cv2.setNumThreads(1)
    backend, clock = TimedBackend(workload.seconds), StageClock()
    engines: list[ThreadedEngine] = []

    def open_engine() -> ThreadedEngine:
        engines.append(ThreadedEngine(backend, 1, PROMPT_WINDOW))
        return engines[0]

    recipe, settings = bench_recipe(width=workload.side, height=workload.side), Settings(shard_size=workload.shard)
    job = RefreshJob(str(workload.catalogue), store.as_uri(), CATALOGUE, recipe, built_in_policy())
    pool, screener, objects = InlinePool(open_engine), TimedScreener(SCREENER_PROCESSES), open_store(job.store)
    resources = Resources(objects, open_tables(job.store), lambda _: pool)
    screening = ScreeningContext(objects, screener, job.policy, recipe.finishes_by_digest, settings.screen_seconds)
    with ExitStack() as stack:
        stack.callback(screener.close)
        stack.callback(pool.close)
        executor, wrap = stack.enter_context(_prefect_executor() if workload.prefect else _thread_executor())
        refresh = Refresh(job, resources, screening, executor, settings, read_price_list(settings), clock)
        report = wrap(refresh.run)
        clock.on_stage("measuring processes")  # their CPU counts once they have ended
    clock.on_stage("end")
    stages, engine = clock.cpu_seconds_by_stage(), engines[0]
    assert engine.first_batch_started is not None
    assert engine.last_batch_ended is not None
    return RefreshMeasurement(
        images=report["images"]["attempts"],
        published=report["slots"]["published"],
        engine_cpu=backend.cpu_seconds,
        scanner_cpu=screener.cpu_seconds,
        stages=stages,
        busy_seconds=engine.busy_seconds(),
        generation_seconds=engine.last_batch_ended - engine.first_batch_started,
    )


RefreshCall = Callable[[], dict[str, Any]]


@contextmanager
def _thread_executor() -> Iterator[tuple[Executor, Callable[[RefreshCall], dict[str, Any]]]]:
    with open_thread_executor() as executor:
        yield executor, lambda work: work()


@contextmanager
def _prefect_executor() -> Iterator[tuple[Executor, Callable[[RefreshCall], dict[str, Any]]]]:
    from prefect import flow
    from prefect.settings import temporary_settings
    from prefect.task_runners import ThreadPoolTaskRunner

    from flows.orchestration.local_server import run_local_server

    runner: Any = ThreadPoolTaskRunner(max_workers=SHARD_THREADS)
    with run_local_server() as server, temporary_settings(server.client_settings):
        yield PrefectExecutor(), lambda work: flow(name=CATALOGUE, task_runner=runner, persist_result=False)(work)()
