"""Process cost: seconds, CPU seconds and peak memory of one measurement in a process of its own.

Inputs: a function that another process can import by its name, and its arguments. Outputs: its result, and its
`ProcessCost`.
A peak never falls within a process, so each case gets a fresh one (spawned: a forked one would begin with its parent's
memory). Imports are done before the clock starts, and the memory that they take is reported apart.
"""

import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class ProcessCost:
    """The cost of a piece of work. CPU seconds include those of its child processes.

    `peak_mb` is the process's largest resident size, `start_mb` that size before the work, `children_mb` the largest
    peak among its child processes (0 without any).
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    start_mb: float
    children_mb: float

    def document(self) -> dict[str, float]:
        """Return the cost as plain, rounded numbers."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def run_in_process(work: Callable[..., T], *arguments: Any) -> tuple[T, ProcessCost]:
    """Call `work(*arguments)` in a process of its own, and raise what it raises."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_run_measured, work, arguments).result()


def compare_to_loop(packshot: ProcessCost, loop: ProcessCost) -> dict[str, Any]:
    """Return both costs and the ratios of Packshot's to the plain loop's."""
    names = ("seconds", "cpu_seconds", "peak_mb")
    ratios = {name: round(getattr(packshot, name) / max(getattr(loop, name), 1e-9), 3) for name in names}
    return {"packshot": packshot.document(), "plain_loop": loop.document(), "packshot_to_loop": ratios}


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its ended child processes."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def machine_info() -> dict[str, Any]:
    """Return cores, Python, system, load and a yardstick of the CPU's speed."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cores": cores,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
        "yardstick_seconds": round(min(_yardstick_seconds() for _ in range(3)), 3),
    }


def _yardstick_seconds() -> float:
    """Return the CPU seconds of ten million additions in Python: the worth of a CPU second on this machine now."""
    began, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - began


def _run_measured(work: Callable[..., T], arguments: tuple[Any, ...]) -> tuple[T, ProcessCost]:
    start = peak_megabytes()
    began, spent = time.perf_counter(), cpu_seconds()
    value = work(*arguments)
    cost = ProcessCost(
        seconds=time.perf_counter() - began,
        cpu_seconds=cpu_seconds() - spent,
        peak_mb=peak_megabytes(),
        start_mb=start,
        children_mb=_usage_mb(resource.RUSAGE_CHILDREN),
    )
    return value, cost


def peak_megabytes() -> float:
    """Return the largest resident size of this process so far."""
    # On Linux getrusage's peak is inherited from the process that forked; VmHWM is this process's own.
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / MEGABYTE
    return _usage_mb(resource.RUSAGE_SELF)


def _usage_mb(target: int) -> float:
    peak = resource.getrusage(target).ru_maxrss  # kilobytes, but bytes on macOS
    return peak / MEGABYTE if sys.platform == "darwin" else peak * 1024 / MEGABYTE
