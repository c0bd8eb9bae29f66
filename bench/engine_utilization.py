"""How busy the engine is kept between its first and its last picture.

Comes in: how many pictures, how long the stub sleeps a picture. Goes out: the share of that time in which the engine
painted, beside a plain loop that prompts, generates and saves, one by one, and the same loop with our checks in it.

On a GPU the share is what one pays for: whatever encodes, hashes, writes, finishes and measures must happen beside it.
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
    """Measure a refresh and both loops over the same pictures; the loops' shares are theirs from first to last."""
    from bench.plain_loops import generate_and_save

    place = folder / "busy"
    place.mkdir()
    skus = max(1, images // len(VIEWS))
    images = skus * len(VIEWS)
    run_in_process(write_catalogues, place, skus, 0)
    progress(f"{images} pictures of {SIDE} px at {seconds} s")
    ran, cost = run_in_process(
        run_timed_refresh, RefreshWorkload(place / "before.parquet", SIDE, seconds, SHARD_SIZE), place / "store"
    )
    found: dict[str, Any] = {
        "seconds_an_image": seconds,
        "side": SIDE,
        "packshot": {
            "images": ran.images,
            "busy_seconds": round(ran.busy_seconds, 3),
            "first_to_last_seconds": round(ran.generation_seconds, 3),
            "share": round(ran.busy_seconds / ran.generation_seconds, 4),
            "cost": cost.document(),
        },
    }
    for name, checks in (("plain_loop", False), ("loop_with_checks", True)):
        progress(f"{images} pictures of {SIDE} px at {seconds} s: the {name.replace('_', ' ')}")
        loop, cost = run_in_process(generate_and_save, place, SIDE, seconds, checks)
        found[name] = {
            "images": loop["images"],
            "busy_seconds": round(loop["busy_seconds"], 3),
            "first_to_last_seconds": round(loop["first_to_last_seconds"], 3),
            "share": round(loop["busy_seconds"] / loop["first_to_last_seconds"], 4),
            "cost": cost.document(),
            "seconds_an_image_to_packshot": round(
                (loop["first_to_last_seconds"] / loop["images"]) / (ran.generation_seconds / ran.images), 3
            ),
        }
    return found
