"""What Packshot's own work on a picture costs: CPU outside of the engine and of the scanners.

Comes in: how many pictures, a scratch folder. Goes out: CPU milliseconds a picture, beside those of a plain loop.

Counted is all the CPU of a whole refresh on `file://`, planning to report, this process and the measuring ones, less
what the painter and the scanners took (see `bench.refreshing`). A run has costs that do not grow with it (imports, the
audit's start, the contact sheet), so a smaller one is measured too: `fixed_cpu_seconds` and `growing_ms_an_image` are
the straight line through both, and `ms_an_image` is simply all of it over the pictures. The codecs are also said apart:
they are timed on the run's own pictures, one thread, times how often the pipeline calls them for a picture (`CALLS`).
The plain loop paints the same prompts and saves each as a PNG by Pillow.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from bench.measuring import Cost, in_child, side_by_side
from bench.nights import VIEWS, write_catalogues
from bench.refreshing import Load, Ran, refresh

CALLS = {"encode PNG": 1, "decode PNG": 1, "finish as JPEG": 1, "decode JPEG": 2, "sha256 of pixels": 4}
"""How often a picture that passes at once meets each codec: staged, read back, finished, then decoded to be measured
and once more before it is published; raw and finished pixels are named on both sides."""
SAMPLE = 24
SMALLER = 4


def measure_overhead(images: int, side: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure refreshes of `images` pictures of `side` pixels, and of a quarter of them."""
    from bench.loops import paint_and_save

    runs: list[tuple[Ran, Cost]] = []
    for skus in (max(1, images // SMALLER // len(VIEWS)), max(2, images // len(VIEWS))):
        say(f"{skus * len(VIEWS):,} pictures of {side} px")
        place = folder / f"{side}-{skus}"
        place.mkdir()
        in_child(write_catalogues, place, skus, 0)
        runs.append(in_child(refresh, Load(place / "before.parquet", side), place / "store"))
    say(f"{images:,} pictures of {side} px: the plain loop")
    painting, loop = in_child(paint_and_save, place, side, 0.0)
    codecs = in_child(time_codecs, place / "store")[0]
    ran, cost = runs[-1]
    found = _split(runs)
    mine = (loop.cpu_seconds - painting["cpu_seconds"]) / painting["images"] * 1000
    together = sum(CALLS[name] * milliseconds for name, milliseconds in codecs.items())
    return {
        "images": ran.images,
        "published": ran.published,
        "side": side,
        **found,
        "codecs_ms": {name: round(value, 3) for name, value in codecs.items()},
        "codecs_ms_an_image": round(together, 3),
        "growing_ms_without_codecs": round(found["growing_ms_an_image"] - together, 3),
        "plain_loop_ms_an_image": round(mine, 3),
        "ratio_to_plain_loop": round(found["ms_an_image"] / max(mine, 1e-6), 3),
        "stage_cpu_seconds": {name: round(value, 2) for name, value in ran.stages.items()},
        **side_by_side(cost, loop),
    }


def measure_prefect(images: int, folder: Path, say: Callable[[str], None], threads_cpu: float) -> dict[str, Any]:
    """Measure the same refresh as Prefect's tasks, its server's CPU included; `threads_cpu` is what it took without."""
    say(f"{images:,} pictures of 256 px, recorded by Prefect")
    place = folder / "prefect"
    place.mkdir()
    in_child(write_catalogues, place, max(2, images // len(VIEWS)), 0)
    load = Load(place / "before.parquet", 256, prefect=True)
    ran, cost = in_child(refresh, load, place / "store")
    more = cost.cpu_seconds - threads_cpu
    return {
        "images": ran.images,
        "more_cpu_seconds": round(more, 2),
        "more_ms_an_image": round(more / ran.images * 1000, 2),
        "cost": cost.document(),
    }


def _split(runs: list[tuple[Ran, Cost]]) -> dict[str, float]:
    (few, less), (many, more) = [
        (ran.images, cost.cpu_seconds - ran.engine_cpu - ran.scanner_cpu) for ran, cost in runs
    ]
    growing = (more - less) / max(many - few, 1)
    ran = runs[-1][0]
    return {
        "ms_an_image": round(more / many * 1000, 3),
        "growing_ms_an_image": round(growing * 1000, 3),
        "fixed_cpu_seconds": round(more - growing * many, 3),
        "engine_ms_an_image": round(ran.engine_cpu / many * 1000, 3),
        "scanners_ms_an_image": round(ran.scanner_cpu / many * 1000, 3),
    }


def time_codecs(store: Path) -> dict[str, float]:
    """Return the CPU milliseconds of each codec on pictures that a run has staged."""
    from bench.nights import bench_recipe
    from infra.codecs import decode, encode_png, pixel_sha
    from infra.finishing import finish

    cv2.setNumThreads(1)
    parameters = bench_recipe().finish.model_dump(mode="json")
    spent = dict.fromkeys(CALLS, 0.0)

    def timed(name: str, work: Callable[..., Any], *arguments: Any) -> Any:
        began = time.thread_time()
        value = work(*arguments)
        spent[name] += time.thread_time() - began
        return value

    staged = sorted((store / "staging").glob("*/*.png"))[:SAMPLE]
    for path in staged:
        pixels = timed("decode PNG", decode, path.read_bytes())
        timed("encode PNG", encode_png, pixels)
        timed("sha256 of pixels", pixel_sha, pixels)
        timed("decode JPEG", decode, timed("finish as JPEG", finish, pixels, parameters))
    return {name: seconds / len(staged) * 1000 for name, seconds in spent.items()}
