"""`python -m bench [plan|overhead|gates|busy|duplicates|engine|server|ray]`: measure, print tables or JSON.

Comes in: which part (without a word, all but `server` and `ray`), `--quick` for a tenth of the sizes, `--json`. Goes
out: tables on stdout, or one JSON document; what is being done goes to stderr. The caller's Prefect, store and settings
are left out of it.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.process_cost import machine_info
from bench.result_tables import show_results

BENCHMARKS = ("plan", "overhead", "gates", "busy", "duplicates", "engine")
PLANNED_SKUS = 500_000
SMALL_IMAGES, LARGE_IMAGES = 8_000, 400
GATED_IMAGES = 100
UTILIZATION_IMAGES, UTILIZATION_SECONDS = 60, 0.75
PUBLISHED_FINGERPRINTS, NEW_FINGERPRINTS = 2_000_000, 8_000
ENGINE_ROUNDS = 10
SERVER_IMAGES = 20_000
RAY_IMAGES, RAY_SECONDS = 320, 0.5


def main(arguments: list[str]) -> None:
    """Run the parts that are asked for and print what they found."""
    asked = argparse.ArgumentParser(prog="python -m bench", description="What Packshot costs on this machine.")
    asked.add_argument("part", nargs="?", choices=(*BENCHMARKS, "server", "ray"), help="one part alone")
    asked.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    asked.add_argument("--json", action="store_true", help="one JSON document in place of tables")
    chosen = asked.parse_args(arguments)
    said = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as scratch:
        _isolate_environment(Path(scratch))
        parts = (chosen.part,) if chosen.part else BENCHMARKS
        found = run_benchmarks(
            parts, 10 if chosen.quick else 1, Path(scratch), lambda text: said.print(f"[dim]{text}[/dim]")
        )
    if chosen.json:
        print(json.dumps(found, indent=1))
    else:
        show_results(Console(), found)


def run_benchmarks(
    benchmarks: tuple[str, ...], divisor: int, folder: Path, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Measure the named parts at their full sizes divided by `divided_by`."""
    found: dict[str, Any] = {"machine": machine_info()}
    for part in benchmarks:
        place = folder / part
        place.mkdir()
        found[part] = BENCHMARK_FUNCTIONS[part](divisor, place, progress)
    return found


def _plan(divided_by: int, folder: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    from bench.planning import measure_planning

    nights = []
    for skus in (PLANNED_SKUS // divided_by, PLANNED_SKUS // divided_by // 10):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            nights.append(measure_planning(skus, Path(place), say))
    return nights


def _overhead(divided_by: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    from bench.overhead import imports_cpu_seconds, measure_overhead, measure_prefect

    images = SMALL_IMAGES // divided_by
    small = measure_overhead(images, 256, folder, say)
    return {
        "256": small,
        "1024": measure_overhead(LARGE_IMAGES // divided_by, 1024, folder, say),
        "imports_cpu_seconds": round(imports_cpu_seconds(), 2),
        "prefect": measure_prefect(images, folder, say, small["packshot"]["cpu_seconds"]),
    }


def _gates(divided_by: int, _: Path, say: Callable[[str], None]) -> dict[str, Any]:
    from bench.gates import measure_gates

    return measure_gates(GATED_IMAGES // divided_by, say)


def _utilization(divided_by: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    from bench.engine_utilization import measure_utilization

    return measure_utilization(UTILIZATION_IMAGES // divided_by, UTILIZATION_SECONDS, folder, say)


def _duplicates(divided_by: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    from bench.near_duplicates import measure_near_duplicates

    return measure_near_duplicates(PUBLISHED_FINGERPRINTS // divided_by, NEW_FINGERPRINTS // divided_by, folder, say)


def _engine(divided_by: int, _: Path, say: Callable[[str], None]) -> dict[str, Any]:
    from bench.engine import measure_engine

    return measure_engine(ENGINE_ROUNDS // divided_by, say)


def _server(divided_by: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    from bench.prefect_server import measure_prefect_server

    return measure_prefect_server(SERVER_IMAGES // divided_by, folder, say)


def _ray(divided_by: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    from bench.ray_scaling import measure_ray_scaling

    return measure_ray_scaling(RAY_IMAGES // divided_by, RAY_SECONDS, folder, say)


BENCHMARK_FUNCTIONS = {
    "plan": _plan,
    "overhead": _overhead,
    "gates": _gates,
    "busy": _utilization,
    "duplicates": _duplicates,
    "engine": _engine,
    "server": _server,
    "ray": _ray,
}


def _isolate_environment(scratch: Path) -> None:
    """Leave the caller's settings out of the measured processes, which are children of this one."""
    for name in [name for name in os.environ if name.startswith(("PACKSHOT_", "PREFECT_", "AWS_"))]:
        del os.environ[name]
    os.environ |= {
        "PREFECT_HOME": str(scratch / "prefect"),
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


if __name__ == "__main__":
    main(sys.argv[1:])
