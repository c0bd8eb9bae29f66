"""Gallery: the cost of its pages on a large release, on a disk, asked over HTTP as a browser asks.

Inputs: the number of images, six a SKU, a scratch folder. Outputs: seconds and CPU seconds of each page, the process's
peak memory, and the index's bytes. The release is written in one commit, its rows in random order, which is the worst
for whoever looks for one of them. The first page is asked of a server that has read nothing yet.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa

from bench.process_cost import cpu_seconds, run_in_process
from catalogs import layout
from catalogs.keys import slot_id
from catalogs.table_schemas import MANIFEST
from infra.stores import open_store
from infra.tables import open_tables

CATALOGUE, RUN_ID = "shoes", "20261130T000000-00000000"
VIEWS = ("front", "back", "side", "detail", "three-quarter", "top")
ROWS_PER_BATCH = 50_000
_CHANGES = MANIFEST.append(pa.field("_op", pa.string()))


def measure_gallery(images: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure the gallery's pages on a release of `images` images."""
    progress(f"{images:,} images: writing their release")
    run_in_process(write_release, str(folder), images)
    progress(f"{images:,} images: asking for pages")
    pages, cost = run_in_process(ask_for_pages, str(folder), images)
    return {"images": images, "pages": pages, "peak_mb": round(cost.peak_mb), "start_mb": round(cost.start_mb)}


def write_release(url: str, images: int) -> None:
    """Commit one release of so many images; their files are not written."""
    tables, table = open_tables(url), layout.manifest_table(CATALOGUE)
    tables.ensure(table, MANIFEST)
    rows = pa.RecordBatchReader.from_batches(_CHANGES, _batches(images))
    metadata = {"token": RUN_ID, "run_id": RUN_ID, "kind": "release"}
    tables.merge(table, rows, on=["slot_id"], base_version=0, metadata=metadata)


def ask_for_pages(url: str, images: int) -> dict[str, dict[str, float]]:
    """Serve the gallery, and return what each page took: seconds, and CPU seconds of server and client."""
    from flows.web.gallery.gallery_routes import gallery_part
    from flows.web.server import ServerOptions, open_context, open_listener, running_server
    from flows.web.shown_catalogues import ShownCatalogues

    listener = open_listener("127.0.0.1", 0)
    options = ServerOptions(port=0)
    context = open_context(
        open_store(url), open_tables(url), ShownCatalogues([CATALOGUE]), [gallery_part()], options, listener
    )
    slot = slot_id(_sku(images // 2), VIEWS[(images // 2) % len(VIEWS)], "a", 0).hex()
    paths = {
        "first page, cold": "",
        "the same page": "",
        "a page in the middle": f"/1?start={images // 2}",
        "filtered": "/1?view=top&channel=google",
        "by SKU": f"/1?sku={_sku(images // 2)}",
        "what it changed": "/1/changes",
        "one image, cold": f"/1/pictures/{slot}",
        "one image": f"/1/pictures/{slot}",
    }
    with (
        running_server(context, listener) as server,
        httpx.Client(trust_env=False, timeout=600, verify=False) as client,  # noqa: S501 - loopback
    ):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        client.get(f"{context.start_url}", follow_redirects=False)
        asked = {
            name: _ask(client, f"{context.addresses.url}/catalogues/{CATALOGUE}/gallery{path}")
            for name, path in paths.items()
        }
        server.should_exit = True
        thread.join()
    return asked


def _ask(client: httpx.Client, url: str) -> dict[str, float]:
    began, cpu = time.perf_counter(), cpu_seconds()
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return {"seconds": round(time.perf_counter() - began, 3), "cpu_seconds": round(cpu_seconds() - cpu, 2)}


def _sku(number: int) -> str:
    return f"SKU-{number // len(VIEWS):07d}"


def _batches(images: int) -> Iterator[pa.RecordBatch]:
    order = np.random.default_rng(1).permutation(images)
    now = datetime(2026, 11, 30, tzinfo=UTC)
    for start in range(0, images, ROWS_PER_BATCH):
        numbers = order[start : start + ROWS_PER_BATCH].tolist()
        places = [(_sku(number), VIEWS[number % len(VIEWS)]) for number in numbers]
        shas = [sha256(str(number).encode()).digest() for number in numbers]
        varied: dict[str, Any] = {
            "slot_id": [slot_id(sku, view, "a", 0) for sku, view in places],
            "sku": [sku for sku, _ in places],
            "view": [view for _, view in places],
            "object": [
                layout.published_image(CATALOGUE, sku, view, "a", 0, sha.hex())
                for (sku, view), sha in zip(places, shas, strict=True)
            ],
            "channels": [["amazon-main", "google"][: number % 3] for number in numbers],
            "model_version": [f"z-image-turbo/{number % 2 + 1}" for number in numbers],
            **dict.fromkeys(("file_sha", "pixel_sha", "request_key", "source_digest"), shas),
        }
        same: dict[str, Any] = {
            "variant": "a", "index": 0, "width": 1024, "height": 1024, "channel_reasons": [], "attempt": 0,
            "finish_digest": "f" * 64, "model": "z-image-turbo", "precision": "bf16", "backend": "tensorrt",
            "run_id": RUN_ID, "released_at": now, "_op": "put",
        }  # fmt: skip
        columns = [varied.get(field.name, [same.get(field.name)] * len(numbers)) for field in _CHANGES]
        yield pa.RecordBatch.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, _CHANGES, strict=True)], schema=_CHANGES
        )
