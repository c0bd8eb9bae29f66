"""How busy the engine is kept between its first and its last picture.

Comes in: how many pictures, how long the stub sleeps a picture. Goes out: the share of that time in which the engine
painted, beside a plain loop that prompts, generates and saves, one by one, and the same loop with our checks in it.

On a GPU the share is what one pays for: whatever encodes, hashes, writes, finishes and measures must happen beside it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.planning_runs import VIEWS, write_catalogues
from bench.process_cost import in_child
from bench.timed_refresh import Load, refresh

SIDE = 1024
SHARD = 16


def measure_busy(images: int, seconds: float, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure a refresh and both loops over the same pictures; the loops' shares are theirs from first to last."""
    from bench.plain_loops import paint_and_save

    place = folder / "busy"
    place.mkdir()
    skus = max(1, images // len(VIEWS))
    images = skus * len(VIEWS)
    in_child(write_catalogues, place, skus, 0)
    say(f"{images} pictures of {SIDE} px at {seconds} s")
    ran, cost = in_child(refresh, Load(place / "before.parquet", SIDE, seconds, SHARD), place / "store")
    found: dict[str, Any] = {
        "seconds_an_image": seconds,
        "side": SIDE,
        "packshot": {
            "images": ran.images,
            "busy_seconds": round(ran.busy_seconds, 3),
            "first_to_last_seconds": round(ran.painting_seconds, 3),
            "share": round(ran.busy_seconds / ran.painting_seconds, 4),
            "cost": cost.document(),
        },
    }
    for name, checks in (("plain_loop", False), ("loop_with_checks", True)):
        say(f"{images} pictures of {SIDE} px at {seconds} s: the {name.replace('_', ' ')}")
        loop, cost = in_child(paint_and_save, place, SIDE, seconds, checks)
        found[name] = {
            "images": loop["images"],
            "busy_seconds": round(loop["busy_seconds"], 3),
            "first_to_last_seconds": round(loop["first_to_last_seconds"], 3),
            "share": round(loop["busy_seconds"] / loop["first_to_last_seconds"], 4),
            "cost": cost.document(),
            "seconds_an_image_to_packshot": round(
                (loop["first_to_last_seconds"] / loop["images"]) / (ran.painting_seconds / ran.images), 3
            ),
        }
    return found
