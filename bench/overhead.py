"""Overhead: Packshot's own CPU for each image, outside the engine and the scanners.

Inputs: the number of images, a scratch folder. Outputs: CPU milliseconds for each image, beside those of a plain loop.

Counted is all the CPU of a whole refresh on `file://`, planning to report, this process and the measuring ones, minus
what the backend and the scanners took (see `bench.timed_refresh`). Imports are reported apart, as they do not depend on
the number of images: Great Expectations and Prefect take seconds. So are the codecs, timed on the run's own images,
alone on one thread, times their calls for each image (`CODEC_CALLS_PER_IMAGE`); in the run they share caches, or the
core itself, with the other processes, which costs more. The plain loop generates the same prompts and saves each as a
PNG by Pillow.
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
"""Codec calls for an image that passes at once: staged, read back, finished, decoded to be measured; raw and finished
pixels are hashed once each."""
MAX_SAMPLED_IMAGES = 48


def measure_overhead(images: int, side: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure a refresh of `images` images of `side` pixels."""
    from bench.plain_loops import generate_and_save

    workspace = folder / str(side)
    workspace.mkdir()
    run_in_process(write_catalogues, workspace, max(1, images // len(VIEWS)), 0)
    progress(f"{images:,} images of {side} px")
    workload = RefreshWorkload(workspace / "before.parquet", side)
    refresh, cost = run_in_process(run_timed_refresh, workload, workspace / "store")
    progress(f"{images:,} images of {side} px: the plain loop")
    generation, loop = run_in_process(generate_and_save, workspace, side, 0.0)
    codecs = run_in_process(time_codecs, workspace / "store")[0]
    per_image = _cpu_ms_per_image(refresh, cost)
    loop_ms = (loop.cpu_seconds - generation["cpu_seconds"]) / generation["images"] * 1000
    codecs_ms = sum(CODEC_CALLS_PER_IMAGE[name] * milliseconds for name, milliseconds in codecs.items())
    return {
        "images": refresh.images,
        "published": refresh.published,
        "side": side,
        **per_image,
        "codecs_ms": {name: round(value, 3) for name, value in codecs.items()},
        "codecs_ms_an_image": round(codecs_ms, 3),
        "ms_without_codecs": round(per_image["ms_an_image"] - codecs_ms, 3),
        "plain_loop_ms_an_image": round(loop_ms, 3),
        "ratio_to_plain_loop": round(per_image["ms_an_image"] / max(loop_ms, 1e-6), 3),
        "stage_cpu_seconds": {name: round(value, 2) for name, value in refresh.stages.items()},
        **compare_to_loop(cost, loop),
    }


def measure_prefect(images: int, folder: Path, progress: Callable[[str], None], threads_cpu: float) -> dict[str, Any]:
    """Measure the refresh as Prefect's tasks, the server's CPU included; `threads_cpu` is the CPU without Prefect."""
    progress(f"{images:,} images of 256 px, recorded by Prefect")
    workspace = folder / "prefect"
    workspace.mkdir()
    run_in_process(write_catalogues, workspace, max(2, images // len(VIEWS)), 0)
    workload = RefreshWorkload(workspace / "before.parquet", 256, prefect=True)
    refresh, cost = run_in_process(run_timed_refresh, workload, workspace / "store")
    difference = cost.cpu_seconds - threads_cpu
    return {
        "images": refresh.images,
        "more_cpu_seconds": round(difference, 2),
        "more_ms_an_image": round(difference / refresh.images * 1000, 2),
        "cost": cost.document(),
    }


def imports_cpu_seconds() -> float:
    """Return the CPU seconds of a fresh process that imports everything a refresh needs."""
    program = "import time, flows.refresh, great_expectations; print(time.process_time())"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(result.stdout.split()[-1])


def _cpu_ms_per_image(refresh: RefreshMeasurement, cost: ProcessCost) -> dict[str, float]:
    own_cpu = cost.cpu_seconds - refresh.engine_cpu - refresh.scanner_cpu
    return {
        "ms_an_image": round(own_cpu / refresh.images * 1000, 3),
        "engine_ms_an_image": round(refresh.engine_cpu / refresh.images * 1000, 3),
        "scanners_ms_an_image": round(refresh.scanner_cpu / refresh.images * 1000, 3),
    }


def time_codecs(store: Path) -> dict[str, float]:
    """Return the CPU milliseconds of each codec on images that a run staged."""
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
