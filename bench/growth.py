"""Growth: what a run and a sweep ask of S3 after many commits, and what a month of the schedule's requests costs.

Inputs: numbers of commits. Outputs: requests by kind and seconds of an idle run after each of them, of runs that
publish, and of a sweep; and the price of a month.
The commits are one-row releases, made by the product's own code in a folder and copied into the bucket, because 2,000
of them through a slow network take hours. Runs go through a proxy that counts and answers 25 ms late. They are whole
refreshes with the stub engine on threads, so Prefect's own start is not in the seconds.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.counting_proxy import count_kinds, read_requests
from bench.planning_runs import bench_recipe
from bench.s3_servers import BUCKET, CountedS3, counted_s3
from catalogs import layout
from catalogs.keys import slot_id
from catalogs.table_schemas import FINGERPRINTS, MANIFEST
from flows.parameters import RefreshParameters
from flows.refresh import run_refresh
from flows.run.executors import open_thread_executor
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import read_table, write_table
from infra.tables import open_tables
from tasks.maintenance.compact_tables import compact_tables
from tasks.maintenance.sweep import sweep

CATALOGUE = "growth"
LATENCY = 0.025
RUNS_A_DAY, IMAGES_A_DAY, SWEEPS_A_MONTH, DAYS = 97, 2_000, 30, 30
DOLLARS = {"LIST": 5e-6, "PUT": 5e-6, "POST": 5e-6, "GET": 0.4e-6, "HEAD": 0.4e-6, "DELETE": 0.0}
"""S3's list price of one request, by kind."""
_SKUS, _NEW_SKUS = 10, 20

Progress = Callable[[str], None]


def measure_growth(commits: Sequence[int], folder: Path, progress: Progress) -> dict[str, Any]:
    """Measure idle runs after these numbers of commits, then runs that publish, a sweep, and a month's price."""
    url, local = f"s3://{BUCKET}/store", str(folder / "store")
    shop = _Shop(folder, url)
    with counted_s3(folder, LATENCY) as servers:
        progress("first run")
        servers.use(counted=False)
        shop.refresh()
        _copy(open_store(url), open_store(local))
        results: dict[str, Any] = {"latency_ms": LATENCY * 1000, "idle": {}}
        made = 0
        for number in commits:
            progress(f"commits {made} to {number}")
            servers.use(counted=False)
            _commit_rows(local, made, number)
            made = number
            _copy(open_store(local), open_store(url))
            results["idle"][str(number)] = _measure(servers, shop.refresh)
        shop.add_skus(1)
        results["publish_1"] = _measure(servers, shop.refresh)
        shop.add_skus(_NEW_SKUS)
        results["publish_20"] = _measure(servers, shop.refresh)
        results["sweep"] = _measure(servers, lambda: _sweep(url))
    results["month"] = price_month(results)
    return results


def price_month(results: dict[str, Any]) -> dict[str, Any]:
    """Return the requests of a month of the schedule, by kind, and their price."""
    last = list(results["idle"].values())[-1]["requests"]
    one, twenty, swept = (Counter(results[name]["requests"]) for name in ("publish_1", "publish_20", "sweep"))
    requests = Counter[str]()
    for kind in DOLLARS:
        image = max(0.0, (twenty[kind] - one[kind]) / (_NEW_SKUS - 1))
        run = max(float(last.get(kind, 0)), one[kind] - image)
        requests[kind] = round(DAYS * (RUNS_A_DAY * run + IMAGES_A_DAY * image) + SWEEPS_A_MONTH * swept[kind])
    dollars = sum(count * DOLLARS[kind] for kind, count in requests.items())
    return {"requests": dict(requests), "dollars": round(dollars, 2)}


class _Shop:
    """A catalogue file, and partial refreshes of it."""

    def __init__(self, folder: Path, url: str) -> None:
        self._source, self._recipe, self._url = folder / "catalogue.csv", folder / "recipe.json", url
        recipe = bench_recipe(width=256, height=256).model_dump(mode="json")
        recipe["defaults"]["views"] = ["front"]
        self._recipe.write_text(json.dumps(recipe), "utf-8")
        self._skus = 0
        self.add_skus(_SKUS)

    def add_skus(self, count: int) -> None:
        """Add SKUs, each of which wants one image."""
        self._skus += count
        rows = "".join(f"SKU-{number},Leather boot {number},Shoes\n" for number in range(self._skus))
        self._source.write_text(f"sku,title,category\n{rows}", "utf-8")

    def refresh(self) -> None:
        """Refresh what is new or changed, as the schedule does every 15 minutes."""
        parameters = RefreshParameters(
            source=str(self._source),
            store=self._url,
            catalogue=CATALOGUE,
            recipe=str(self._recipe),
            scope="partial",
            stub_seconds=0,
        )
        with open_thread_executor() as executor:
            run_refresh(parameters, Settings(shard_size=32, in_flight=2, screeners=1), executor)


def _commit_rows(url: str, first: int, last: int) -> None:
    """Commit one-row releases, and compact the table as runs do after theirs; write their fingerprints as one file."""
    tables, table, store = open_tables(url), layout.manifest_table(CATALOGUE), open_store(url)
    template = tables.read(table, MANIFEST).slice(0, 1).to_pylist()[0]
    version = tables.version(table) or 0
    known = next(iter(store.list(layout.fingerprints_prefix(CATALOGUE)))).key
    fingerprint = read_table(store, known, FINGERPRINTS).slice(0, 1).to_pylist()[0]
    fingerprints = []
    for number in range(first, last):
        sku, run_id = f"GROWN-{number}", f"20260101T000000-{number:08d}"
        row = template | {"sku": sku, "slot_id": slot_id(sku, "front", "a", 0), "run_id": run_id, "_op": "put"}
        changes = pa.Table.from_pylist([row], MANIFEST.append(pa.field("_op", pa.string())))
        metadata = {"run_id": run_id, "token": run_id, "kind": "release"}
        version = tables.merge(table, changes, on=["slot_id"], base_version=version, metadata=metadata)
        version += len(compact_tables(tables, CATALOGUE))
        fingerprints.append(fingerprint | {name: row[name] for name in ("slot_id", "sku", "pixel_sha")})
    key = layout.fingerprints(CATALOGUE, f"grown-{last}")
    write_table(store, key, pa.Table.from_pylist(fingerprints, FINGERPRINTS))


def _copy(source: ObjectStore, target: ObjectStore) -> None:
    """Copy the objects that the target lacks, and the pointers of the log, which move."""
    present = {info.key: info.size for info in target.list("")}
    moved = [
        info.key
        for info in source.list("")
        if present.get(info.key) != info.size or info.key.endswith("_last_checkpoint")
    ]
    list(concurrent_map(target, lambda key: target.write(key, source.read(key)), moved))


def _sweep(url: str) -> None:
    store = open_store(url)
    sweep(store, open_tables(url), now=store.now() + timedelta(days=2), plan_wait_seconds=0)


def _measure(servers: CountedS3, work: Callable[[], None]) -> dict[str, Any]:
    servers.use(counted=True)
    first = len(read_requests(servers.log))
    began = time.monotonic()
    work()
    seconds = time.monotonic() - began
    requests = read_requests(servers.log, first)
    kinds = dict(count_kinds(requests))
    folders = Counter(request.path.split("/")[3] if request.path.count("/") > 2 else "?" for request in requests)
    return {
        "requests": kinds,
        "total": len(requests),
        "seconds": round(seconds, 2),
        "by_folder": dict(folders.most_common()),
    }
