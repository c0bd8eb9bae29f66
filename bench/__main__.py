"""`python -m bench [PART]`: run benchmarks, print tables or JSON.

Inputs: a part of `BENCHMARK_FUNCTIONS` (without one, those of `BENCHMARKS`), `--quick` for a tenth of the sizes,
`--json`. Outputs: tables on stdout, or one JSON document; progress goes to stderr.
The caller's Prefect, store and settings have no influence.
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

BENCHMARKS = ("plan", "overhead", "gates", "busy", "duplicates", "engine", "compositing", "new-skus")
PLANNED_SKUS = 500_000
SMALL_IMAGES, LARGE_IMAGES = 8_000, 400
GATED_IMAGES = 100
UTILIZATION_IMAGES, UTILIZATION_SECONDS = 60, 0.75
PUBLISHED_FINGERPRINTS, NEW_FINGERPRINTS = 2_000_000, 8_000
ENGINE_ROUNDS = 10
COMPOSED_PHOTOS = 40
SERVER_IMAGES = 20_000
RAY_IMAGES, RAY_SECONDS = 320, 0.5
GROWTH_COMMITS = (10, 100, 500, 2_000)
REVIEW_ITEMS, REVIEW_RUNS = 10_000, 2_000
ANSWER_YEARS, ANSWERS_A_NIGHT, EFFECTIVE_ANSWERS = 10, 500, 100_000
GALLERY_IMAGES = 500_000
CUT_PHOTOS, CUT_SEED = 64, 0
PHOTOS = 500_000
KEPT_PHOTOS, KEPT_SECONDS = 2_000, 2_400


def main(arguments: list[str]) -> None:
    """Run the requested parts and print their results."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what Packshot costs on this machine.")
    parser.add_argument(
        "part",
        nargs="?",
        choices=(
            *BENCHMARKS,
            "titles",
            "server",
            "ray",
            "growth",
            "review",
            "answers",
            "gallery",
            "cutout",
            "photos",
            "kept",
        ),
        help="run one part alone",
    )
    parser.add_argument("--quick", action="store_true", help="measure a tenth of the sizes")
    parser.add_argument("--json", action="store_true", help="print one JSON document in place of tables")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as scratch:
        _isolate_environment(Path(scratch))
        parts = (options.part,) if options.part else BENCHMARKS
        results = run_benchmarks(
            parts, 10 if options.quick else 1, Path(scratch), lambda text: console.print(f"[dim]{text}[/dim]")
        )
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        show_results(Console(), results)


def run_benchmarks(
    benchmarks: tuple[str, ...], divisor: int, folder: Path, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Run the named parts at their full sizes divided by `divisor`."""
    results: dict[str, Any] = {"machine": machine_info()}
    for part in benchmarks:
        scratch = folder / part
        scratch.mkdir()
        results[part] = BENCHMARK_FUNCTIONS[part](divisor, scratch, progress)
    return results


def _plan(divisor: int, folder: Path, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    from bench.planning import measure_planning

    results = []
    for skus in (PLANNED_SKUS // divisor, PLANNED_SKUS // divisor // 10):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            results.append(measure_planning(skus, Path(scratch), progress))
    return results


def _overhead(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.overhead import imports_cpu_seconds, measure_overhead, measure_prefect

    images = SMALL_IMAGES // divisor
    small = measure_overhead(images, 256, folder, progress)
    return {
        "256": small,
        "1024": measure_overhead(LARGE_IMAGES // divisor, 1024, folder, progress),
        "imports_cpu_seconds": round(imports_cpu_seconds(), 2),
        "prefect": measure_prefect(images, folder, progress, small["packshot"]["cpu_seconds"]),
    }


def _gates(divisor: int, _: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.gates import measure_gates

    return measure_gates(GATED_IMAGES // divisor, progress)


def _utilization(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.engine_utilization import measure_utilization

    return measure_utilization(UTILIZATION_IMAGES // divisor, UTILIZATION_SECONDS, folder, progress)


def _duplicates(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.near_duplicates import measure_near_duplicates

    return measure_near_duplicates(PUBLISHED_FINGERPRINTS // divisor, NEW_FINGERPRINTS // divisor, folder, progress)


def _engine(divisor: int, _: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.engine import measure_engine

    return measure_engine(ENGINE_ROUNDS // divisor, progress)


def _compositing(divisor: int, _: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.compositing import measure_compositing

    return measure_compositing(COMPOSED_PHOTOS // divisor, progress)


def _new_skus(_: int, __: Path, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    from bench.new_skus import measure_new_skus

    progress("simulating months of new SKUs")
    return measure_new_skus()


def _server(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.prefect_server import measure_prefect_server

    return measure_prefect_server(SERVER_IMAGES // divisor, folder, progress)


def _ray(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.ray_scaling import measure_ray_scaling

    return measure_ray_scaling(RAY_IMAGES // divisor, RAY_SECONDS, folder, progress)


def _growth(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.growth import measure_growth

    return measure_growth([max(2, commits // divisor) for commits in GROWTH_COMMITS], folder, progress)


def _review(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.review_queue import measure_review_queue

    return measure_review_queue(REVIEW_ITEMS // divisor, REVIEW_RUNS // divisor, folder, progress)


def _answers(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.answers import measure_answers

    return measure_answers(ANSWER_YEARS, ANSWERS_A_NIGHT // divisor, EFFECTIVE_ANSWERS // divisor, folder, progress)


def _gallery(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.gallery import measure_gallery

    return measure_gallery(GALLERY_IMAGES // divisor, folder, progress)


def _cutout(divisor: int, _: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.cutout import measure_cutout

    return measure_cutout(max(16, CUT_PHOTOS // divisor), CUT_SEED, progress)


def _photos(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.photos import measure_photos

    return measure_photos(PHOTOS // divisor, folder, progress)


def _kept(divisor: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.kept import measure_kept

    return measure_kept(KEPT_PHOTOS // divisor, KEPT_SECONDS / divisor, folder, progress)


def _titles(_: int, __: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    from bench.blind_titles import measure_blind_titles

    progress("judging 500 titles that two readers labelled")
    return measure_blind_titles()


BENCHMARK_FUNCTIONS = {
    "plan": _plan,
    "overhead": _overhead,
    "gates": _gates,
    "busy": _utilization,
    "duplicates": _duplicates,
    "engine": _engine,
    "compositing": _compositing,
    "new-skus": _new_skus,
    "titles": _titles,
    "server": _server,
    "ray": _ray,
    "growth": _growth,
    "review": _review,
    "answers": _answers,
    "gallery": _gallery,
    "cutout": _cutout,
    "photos": _photos,
    "kept": _kept,
}


def _isolate_environment(scratch: Path) -> None:
    """Keep the caller's settings out of the measured processes, which are children of this one."""
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
