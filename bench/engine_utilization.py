"""Engine utilization: the share of time that the engine is busy between its first and its last image.

Inputs: the number of images, the time that the stub sleeps for each. Outputs: the share of that time in which the
engine generated, beside a plain loop that prompts, generates and saves, one by one, and the same loop with Packshot's
checks.

On a GPU this share is what one pays for: encoding, hashing, writing, finishing and measuring must all run beside it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.planning_runs import VIEWS, write_catalogues
from bench.process_cost import run_in_process
from bench.timed_refresh import RefreshWorkload, run_timed_refresh

SIDE = 1024
SHARD_SIZE = 16


def measure_utilization(images: int, seconds: float, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure a refresh and both loops over the same images; each share covers the first image to the last."""
    from bench.plain_loops import generate_and_save

    workspace = folder / "busy"
    workspace.mkdir()
    skus = max(1, images // len(VIEWS))
    images = skus * len(VIEWS)
    run_in_process(write_catalogues, workspace, skus, 0)
    progress(f"{images} images of {SIDE} px at {seconds} s")
    workload = RefreshWorkload(workspace / "before.parquet", SIDE, seconds, SHARD_SIZE)
    refresh, cost = run_in_process(run_timed_refresh, workload, workspace / "store")
    results: dict[str, Any] = {
        "seconds_an_image": seconds,
        "side": SIDE,
        "packshot": {
            "images": refresh.images,
            "busy_seconds": round(refresh.busy_seconds, 3),
            "first_to_last_seconds": round(refresh.generation_seconds, 3),
            "share": round(refresh.busy_seconds / refresh.generation_seconds, 4),
            "cost": cost.document(),
        },
    }
    for name, checks in (("plain_loop", False), ("loop_with_checks", True)):
        progress(f"{images} images of {SIDE} px at {seconds} s: the {name.replace('_', ' ')}")
        loop, cost = run_in_process(generate_and_save, workspace, SIDE, seconds, checks)
        results[name] = {
            "images": loop["images"],
            "busy_seconds": round(loop["busy_seconds"], 3),
            "first_to_last_seconds": round(loop["first_to_last_seconds"], 3),
            "share": round(loop["busy_seconds"] / loop["first_to_last_seconds"], 4),
            "cost": cost.document(),
            "seconds_an_image_to_packshot": round(
                (loop["first_to_last_seconds"] / loop["images"]) / (refresh.generation_seconds / refresh.images), 3
            ),
        }
    return results
