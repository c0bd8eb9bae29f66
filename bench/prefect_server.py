"""Prefect server: a first run of 20,000 tiny images in 200 shards, and what the server records of it.

Inputs: the number of images. Outputs: task runs submitted and recorded, the client's peak memory, the report's sums.
The stub generates in no time, so task runs come as fast as they ever will; the server is the one that `packshot
refresh` starts by itself, on SQLite.
"""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow.parquet as pq

from bench.planning_runs import CATALOGUE, VIEWS, bench_recipe
from bench.process_cost import run_in_process
from bench.synthetic_catalogue import SYNTHETIC_SCHEMA, synthetic_batches

if TYPE_CHECKING:
    from flows.orchestration.local_server import LocalServer

SHARDS, SIDE = 200, 64
TIMEOUT_SECONDS = 120.0


def measure_prefect_server(images: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Refresh a catalogue of `images` images, and count the task runs that the server recorded."""
    progress(f"{images:,} images in {SHARDS} shards through a Prefect server")
    catalogue = folder / "catalogue.parquet"
    with pq.ParquetWriter(catalogue, SYNTHETIC_SCHEMA) as file:
        for batch in synthetic_batches(images // len(VIEWS)):
            file.write_batch(batch)
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps(bench_recipe(width=SIDE, height=SIDE).model_dump(mode="json")), "utf-8")
    results, cost = run_in_process(
        _refresh, str(catalogue), str(recipe), str(folder / "store"), max(1, images // SHARDS)
    )
    return {**results, "peak_mb": round(cost.peak_mb, 1), "seconds": round(cost.seconds, 1)}


def _refresh(catalogue: str, recipe: str, store: str, shard_size: int) -> dict[str, Any]:
    import os

    os.environ["PACKSHOT_SHARD_SIZE"] = str(shard_size)
    from prefect.settings import temporary_settings

    from flows.orchestration.local_server import run_local_server
    from flows.refresh import refresh

    home = {"PREFECT_HOME": f"{store}-prefect"}  # a server of its own: only this run's records are counted
    with run_local_server(settings=home) as server, temporary_settings(server.client_settings):
        report: dict[str, Any] = refresh(source=catalogue, store=store, catalogue=CATALOGUE, recipe=recipe)
        records = sum(1 for _ in (Path(store) / "runs" / report["run_id"] / "records").glob("*.parquet"))
        stages = len({"plan", "audit", "publish", "remember"} & report["seconds"].keys())
        states = _count_task_runs(server, 2 * records)
    return {
        "images": report["images"],
        "slots": report["slots"],
        "shards": records,
        "shard_task_runs": 2 * records,
        "stage_task_runs_at_least": stages,
        "recorded": states,
    }


def _count_task_runs(server: "LocalServer", expected: int) -> dict[str, int]:
    """Return the shards' task runs by kind and state, once all are recorded or the timeout has passed."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        counts: Counter[str] = Counter()
        for kind in ("generate", "screen"):
            for state in ("COMPLETED", "RUNNING", "PENDING", "FAILED"):
                query = {"task_runs": {"name": {"like_": f"{kind} "}, "state": {"type": {"any_": [state]}}}}
                url = f"{server.api_url}/task_runs/count"
                answer = httpx.post(url, json=query, timeout=60, auth=server.credentials)
                count = int(answer.raise_for_status().json())
                counts[f"{kind} {state.lower()}"] += count
        completed = counts["generate completed"] + counts["screen completed"]
        if completed >= expected or time.monotonic() > deadline:
            return {name: count for name, count in counts.items() if count}
        time.sleep(1.0)
