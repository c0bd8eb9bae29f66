"""Engine benchmark at a size that a CPU can run: `packshot engine bench`, tiny.

Inputs: the number of batches to measure. Outputs: the document of `packshot engine bench --json`.
The figures of a model this small show whether the engine costs more than diffusers in a loop, and nothing about a GPU:
there, run `packshot engine bench --random-weights turbo`.
"""

from collections.abc import Callable
from typing import Any

from bench.process_cost import run_in_process

SIZES, BATCHES, STEPS = (64, 128), (1, 4), 4
BACKENDS = ("eager", "graphs", "fp8")
"""Without `compile`: building its code takes longer than everything else here."""


def measure_engine(rounds: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure in a process of its own, like every part."""
    progress("the torch engine, tiny")
    document: dict[str, Any] = run_in_process(time_engine, rounds)[0]
    return document


def time_engine(rounds: int) -> dict[str, Any]:
    """Return the document of a benchmark with `rounds` batches for each case."""
    from flows.engines.benchmark import parse_backends, random_weights, run_benchmark
    from infra.evaluation.benchmark_cases import BenchmarkCase

    cases = [BenchmarkCase(size, batch, STEPS, rounds) for size in SIZES for batch in BATCHES]
    weights = random_weights("turbo", tiny=True)
    return run_benchmark(
        weights, "random weights, tiny", cases, parse_backends(",".join(BACKENDS), None), lambda _: None
    )
