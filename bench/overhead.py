"""What Packshot's own work on a picture costs: CPU outside of the engine and of the scanners.

Comes in: how many pictures, a scratch folder. Goes out: CPU milliseconds a picture, beside those of a plain loop.

Counted is all the CPU of a whole refresh on `file://`, planning to report, this process and the measuring ones, less
what the painter and the scanners took (see `bench.timed_refresh`). What a process imports is said apart, as it has
nothing to do with how many pictures follow: Great Expectations and Prefect take seconds. So are the codecs, timed on
the run's own pictures, alone on one thread, times how often the pipeline calls them for a picture
(`CODEC_CALLS_PER_IMAGE`); in the run they share caches, or the core itself, with the other processes, which costs more.
The plain loop paints the same prompts and saves each as a PNG by Pillow.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from bench.planning_runs import VIEWS, write_catalogues
from bench.process_cost import ProcessCost, compare_to_loop, run_in_process
from bench.timed_refresh import RefreshMeasurement, RefreshWorkload, run_timed_refresh

CODEC_CALLS_PER_IMAGE = {"encode PNG": 1, "decode PNG": 1, "finish as JPEG": 1, "decode JPEG": 1, "sha256 of pixels": 2}
"""How often a picture that passes at once meets each codec: staged, read back, finished, decoded to be measured; raw
and finished pixels are named once each."""
MAX_SAMPLED_IMAGES = 48


def measure_overhead(images: int, side: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure a refresh of `images` pictures of `side` pixels."""
    from bench.plain_loops import generate_and_save

    place = folder / str(side)
    place.mkdir()
    run_in_process(write_catalogues, place, max(1, images // len(VIEWS)), 0)
    progress(f"{images:,} pictures of {side} px")
    ran, cost = run_in_process(run_timed_refresh, RefreshWorkload(place / "before.parquet", side), place / "store")
    progress(f"{images:,} pictures of {side} px: the plain loop")
    painting, loop = run_in_process(generate_and_save, place, side, 0.0)
    codecs = run_in_process(time_codecs, place / "store")[0]
    found = _cpu_ms_per_image(ran, cost)
    mine = (loop.cpu_seconds - painting["cpu_seconds"]) / painting["images"] * 1000
    together = sum(CODEC_CALLS_PER_IMAGE[name] * milliseconds for name, milliseconds in codecs.items())
    return {
        "images": ran.images,
        "published": ran.published,
        "side": side,
        **found,
        "codecs_ms": {name: round(value, 3) for name, value in codecs.items()},
        "codecs_ms_an_image": round(together, 3),
        "ms_without_codecs": round(found["ms_an_image"] - together, 3),
        "plain_loop_ms_an_image": round(mine, 3),
        "ratio_to_plain_loop": round(found["ms_an_image"] / max(mine, 1e-6), 3),
        "stage_cpu_seconds": {name: round(value, 2) for name, value in ran.stages.items()},
        **compare_to_loop(cost, loop),
    }


def measure_prefect(images: int, folder: Path, progress: Callable[[str], None], threads_cpu: float) -> dict[str, Any]:
    """Measure the same refresh as Prefect's tasks, its server's CPU included; `threads_cpu` is what it took without."""
    progress(f"{images:,} pictures of 256 px, recorded by Prefect")
    place = folder / "prefect"
    place.mkdir()
    run_in_process(write_catalogues, place, max(2, images // len(VIEWS)), 0)
    load = RefreshWorkload(place / "before.parquet", 256, prefect=True)
    ran, cost = run_in_process(run_timed_refresh, load, place / "store")
    more = cost.cpu_seconds - threads_cpu
    return {
        "images": ran.images,
        "more_cpu_seconds": round(more, 2),
        "more_ms_an_image": round(more / ran.images * 1000, 2),
        "cost": cost.document(),
    }


def imports_cpu_seconds() -> float:
    """Return the CPU seconds that a fresh process spends on importing what a refresh needs."""
    program = "import time, flows.refresh, great_expectations; print(time.process_time())"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(said.stdout.split()[-1])


def _cpu_ms_per_image(ran: RefreshMeasurement, cost: ProcessCost) -> dict[str, float]:
    ours = cost.cpu_seconds - ran.engine_cpu - ran.scanner_cpu
    return {
        "ms_an_image": round(ours / ran.images * 1000, 3),
        "engine_ms_an_image": round(ran.engine_cpu / ran.images * 1000, 3),
        "scanners_ms_an_image": round(ran.scanner_cpu / ran.images * 1000, 3),
    }


def time_codecs(store: Path) -> dict[str, float]:
    """Return the CPU milliseconds of each codec on pictures that a run has staged."""
    from bench.planning_runs import bench_recipe
    from infra.imaging.codecs import decode, encode_png, pixel_sha
    from infra.imaging.finishing import finish
    from infra.interfaces import FinishParameters

    cv2.setNumThreads(1)
    parameters = FinishParameters(**bench_recipe().finish.model_dump())
    spent = dict.fromkeys(CODEC_CALLS_PER_IMAGE, 0.0)
    staged = sorted((store / "staging").glob("*/*.png"))[:MAX_SAMPLED_IMAGES]
    finish(decode(staged[0].read_bytes()), parameters)  # the first call makes the colour profile and loads the plugin

    def timed(name: str, work: Callable[..., Any], *arguments: Any) -> Any:
        began = time.thread_time()
        value = work(*arguments)
        spent[name] += time.thread_time() - began
        return value

    for path in staged:
        pixels = timed("decode PNG", decode, path.read_bytes())
        timed("encode PNG", encode_png, pixels)
        timed("sha256 of pixels", pixel_sha, pixels)
        timed("decode JPEG", decode, timed("finish as JPEG", finish, pixels, parameters))
    return {name: seconds / len(staged) * 1000 for name, seconds in spent.items()}
