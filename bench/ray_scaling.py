"""Ray scaling: the same shards on 1, 2 and 4 engines on Ray, and on one engine in this process.

Inputs: the number of images, the time that the stub sleeps for each. Outputs: seconds from the first shard to the last
answer, and the ratio to one engine on Ray.
Generation, encoding, staging and transport are included; starting Ray and opening the engines are not: a run does that
once. A sleep leaves the CPU free, as a GPU would, so logical GPUs on one host scale until encoding takes all its cores.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from catalogs.planning.plan import Request
from catalogs.runs.work_items import ShardWork, WorkItem
from catalogs.verdict import PASS
from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.interfaces import Engine, Pool
from infra.pools.inline import InlinePool
from infra.pools.ray_pool import JOBS_PER_ENGINE, RayEngines
from infra.stores import open_store
from tasks.pipeline.generate import generate_on_engine

ENGINES = (1, 2, 4)
SIDE = 512
SHARD_SIZE = 8


def measure_ray_scaling(images: int, seconds: float, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Generate `images` images on each number of engines."""
    opener = partial(open_engine, EngineSpec("stub", stub_seconds=seconds))
    results: dict[str, Any] = {"seconds_an_image": seconds, "side": SIDE, "images": images, "engines": {}}
    progress(f"ray: {images} images on one engine in this process")
    results["inline"] = _measure_pool(InlinePool(opener), 1, images, folder / "inline")
    for count in ENGINES:
        progress(f"ray: {images} images on {count} engines on Ray")
        case = _measure_pool(RayEngines(gpus=count).pool(opener), count, images, folder / str(count))
        reference = results["engines"].get("1", case)["seconds"]
        results["engines"][str(count)] = case | {"ratio": round(reference / case["seconds"], 2)}
    return results


def _measure_pool(pool: Pool, engines: int, images: int, folder: Path) -> dict[str, float]:
    folder.mkdir()
    store, work = open_store(str(folder / "store")), _shard_work(images)
    try:
        # As many jobs as all engines may have at once: the first engine that is ready takes two.
        for future in [
            pool.submit(_wait_for_engines, (str(folder), engines)) for _ in range(JOBS_PER_ENGINE * engines)
        ]:
            future.result()
        began = time.perf_counter()
        for future in [pool.submit(partial(generate_on_engine, store=store), shard) for shard in work]:
            future.result()
        seconds = time.perf_counter() - began
        busy = pool.busy_seconds()
    finally:
        pool.close()
    return {
        "seconds": round(seconds, 2),
        "images_a_second": round(images / seconds, 2),
        "busy_share": round(busy / seconds / engines, 3),
    }


def _wait_for_engines(_: Engine, argument: tuple[str, int]) -> None:
    """Wait until that many processes have an engine open."""
    folder, engines = argument
    (Path(folder) / f"engine-{os.getpid()}").touch()
    while len(list(Path(folder).glob("engine-*"))) < engines:
        time.sleep(0.01)


def _shard_work(images: int) -> list[ShardWork]:
    request = partial(
        Request, prompt="Photograph of a mug", negative="", seed=None, width=SIDE, height=SIDE, steps=8, guidance=0.0,
        model="stub", finish_digest="none", first_attempt=0, attempts_allowed=1, category="", verdict=PASS,
        priority="normal",
    )  # fmt: skip
    items = [WorkItem(request(key=number.to_bytes(32, "big")), 0) for number in range(images)]
    return [ShardWork(str(start), tuple(items[start : start + SHARD_SIZE])) for start in range(0, images, SHARD_SIZE)]
