"""Review queue: how long people wait for the console, with 10,000 items that 2,000 runs left to them.

Inputs: numbers of items and runs. Outputs: seconds and memory of a console that opens (groups, choices and the first
twelve items), and of the next pictures, none of them loaded ahead, on a disk and in a bucket that answers 25 ms late;
beside them a plain loop that reads and parses the same index, orders nothing and checks nothing.
The store is filled by the product's own code: each run writes its index and folds it as a run does at its end. Every
case is a process of its own; its imports are done before the clock starts.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa

from bench.counting_proxy import count_kinds, read_requests
from bench.process_cost import compare_to_loop, run_in_process
from bench.s3_servers import BUCKET, CountedS3, counted_s3
from catalogs import layout
from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import ALL_SCOPES, Person
from catalogs.keys import image_key, slot_id
from catalogs.policy.scanners import SCORE_MEANINGS
from catalogs.table_schemas import MANIFEST, OUTCOME_KEY, OUTCOMES, REVIEW_INDEX
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters, ObjectStore
from infra.process_memory import return_freed_memory
from infra.stores import open_store
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import parse_table, write_table
from infra.tables import open_tables
from infra.tables.idempotent_commit import commit_once
from tasks.maintenance.compact_tables import compact_tables
from tasks.reviews.review_index import fold_review_index
from tasks.reviews.review_service import ReviewService

CATALOGUE = "review"
LATENCY = 0.025
FIRST_PAGE, NEXT_PICTURES = 12, 20
_SIDE, _DISTINCT_PICTURES, _LIVE_SKUS, _ANSWERS = 1024, 40, 20_000, 150
_FINISH = "f" * 64
_REASONS = ("background-not-white", "blurred", "off-centre", "duplicate-maybe", "brand.other", "explicit")
_PROMPT = "a studio photograph of product number {}, front view, on a plain white background, soft shadow, sharp focus"

Progress = Callable[[str], None]


def measure_review_queue(items: int, runs: int, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measure a console on a disk and on S3, and the plain loop on the disk."""
    local, url = str(folder / "store"), f"s3://{BUCKET}/store"
    progress(f"{runs} runs leave {items} items to people")
    _fill(local, items, runs)
    progress("a console on the disk")
    console, cost = run_in_process(open_console, local)
    loop, loop_cost = run_in_process(read_plainly, local)
    results = {"items": items, "runs": runs, "files": loop["files"], "disk": console | {"peak_mb": round(cost.peak_mb)}}
    results["disk"]["to_loop"] = compare_to_loop(cost, loop_cost)["packshot_to_loop"]
    results["loop_seconds"] = loop["seconds"]
    with counted_s3(folder, LATENCY) as servers:
        progress("a console on S3, 25 ms a request")
        servers.use(counted=False)
        _copy(open_store(local), open_store(url))
        results["s3"] = _measure_on_s3(servers, url)
    return results


def open_console(url: str) -> dict[str, Any]:
    """Open a console as its first page does, then answer and look at the next picture, again and again."""
    store, tables = open_store(url), open_tables(url)
    person = Person("ann", ALL_SCOPES)
    return_freed_memory()  # this and the next two as a server does before it serves: its client has connected
    list(store.list(layout.ACCESS_KEYS))
    service = ReviewService(store, tables, CATALOGUE)
    started, cpu = time.perf_counter(), time.process_time()
    groups, choices = service.groups(), service.choices()
    page = service.claim(person.name, count=FIRST_PAGE)
    first = {"first_page": time.perf_counter() - started, "first_page_cpu": time.process_time() - cpu}
    assert len(page) == FIRST_PAGE, f"{len(page)} items"
    pictures, answers = [], []
    for _ in range(NEXT_PICTURES):
        started = time.perf_counter()
        service.answer(person, page.pop(0).id, AnswerKind.ACCEPT, seconds=1.0)
        answers.append(time.perf_counter() - started)
        started = time.perf_counter()
        item = service.claim(person.name, count=FIRST_PAGE)[-1]
        service.details(item)
        assert service.image(item.id, "shown")
        pictures.append(time.perf_counter() - started)
        page = page or service.claim(person.name, count=FIRST_PAGE)
    values = {**first, "next_picture": median(pictures), "slowest_picture": max(pictures), "answer": median(answers)}
    counted = {"groups": len(groups), "waiting": sum(group.count for group in groups), "reasons": len(choices.reasons)}
    return {name: round(value, 4) for name, value in values.items()} | counted


def read_plainly(url: str) -> dict[str, Any]:
    """Read and parse the same index into rows, in a plain loop."""
    store = open_store(url)
    started = time.perf_counter()
    keys = [info.key for info in store.list(layout.review_index_prefix(CATALOGUE))]
    rows = [row for key in keys for row in parse_table(key, store.read(key)).to_pylist()]
    scores = [json.loads(row["scores"]) for row in rows]
    return {"seconds": round(time.perf_counter() - started, 3), "files": len(keys), "rows": len(rows) + 0 * len(scores)}


def _measure_on_s3(servers: CountedS3, url: str) -> dict[str, Any]:
    servers.use(counted=True)
    first = len(read_requests(servers.log))
    console, cost = run_in_process(open_console, url)
    kinds = count_kinds(read_requests(servers.log, first))
    return console | {"peak_mb": round(cost.peak_mb), "requests": dict(sorted(kinds.items()))}


def _fill(url: str, items: int, runs: int) -> None:
    store, tables = open_store(url), open_tables(url)
    tables.ensure(layout.outcomes_table(CATALOGUE), OUTCOMES)
    tables.ensure(layout.manifest_table(CATALOGUE), MANIFEST)
    pictures = list(_draw_pictures())
    now = store.now()
    rows = [_index_row(number, pictures[number % len(pictures)], now, items) for number in range(items)]
    for run in range(runs):
        own = rows[run * items // runs : (run + 1) * items // runs]
        key = layout.review_index(CATALOGUE, f"run-{run:05d}")
        write_table(store, key, pa.Table.from_pylist(own, REVIEW_INDEX))
        fold_review_index(store, CATALOGUE)
    for number, row in enumerate(rows):
        _link(Path(url), str(row["object"]), pictures[number % len(pictures)][0])
    _commit(tables, layout.outcomes_table(CATALOGUE), OUTCOMES, [_outcome(row) for row in rows], OUTCOME_KEY)
    live = [_live_row(number, now) for number in range(_LIVE_SKUS)]
    _commit(tables, layout.manifest_table(CATALOGUE), MANIFEST, live, ("slot_id",))
    compact_tables(tables, CATALOGUE)
    service = ReviewService(store, tables, CATALOGUE)
    for item in service.claim("somebody", count=_ANSWERS):
        service.answer(Person("somebody", ALL_SCOPES), item.id, AnswerKind.ACCEPT)
    service.leave("somebody")
    service.writer.wait_for_fold()


def _draw_pictures() -> Iterator[tuple[bytes, bytes]]:
    """Yield the file and the pixels' sha of product cards of 1024 px: a textured oval on white, some 150 KB each."""
    down, across = np.mgrid[0:_SIDE, 0:_SIDE] / _SIDE - 0.5
    for number in range(_DISTINCT_PICTURES):
        random = np.random.default_rng(number)
        inside = (down / 0.4) ** 2 + (across / (0.2 + 0.2 * random.random())) ** 2 < 1
        texture = random.integers(60, 200, 3) + random.normal(0, 12, (_SIDE, _SIDE, 1))
        pixels = np.where(inside[..., None], texture, 255).clip(0, 255).astype(np.uint8)
        file = finish(pixels, FinishParameters())
        yield file, bytes.fromhex(pixel_sha(decode(file)))


def _index_row(number: int, picture: tuple[bytes, bytes], now: datetime, items: int) -> dict[str, Any]:
    request = sha256(f"request {number}".encode()).digest()
    image = image_key(request.hex(), 0)
    random = np.random.default_rng(number)
    reason = _REASONS[number % len(_REASONS)]
    asked = now - timedelta(days=29 * (1 - number / items))
    return {
        "slot_id": slot_id(f"sku-{number}", "front", "a", 0), "sku": f"sku-{number}", "view": "front", "variant": "a",
        "index": 0, "why": "review", "reasons": [reason], "worst_reason": reason, "severity": 1 + 8 * random.random(),
        "scores": json.dumps({name: round(float(random.random()), 6) for name in SCORE_MEANINGS}),
        "prompt": _PROMPT.format(number), "request_key": request, "image_key": bytes.fromhex(image),
        "finish_digest": _FINISH, "object": layout.review_image(CATALOGUE, image, _FINISH), "asked_at": asked,
        "expires_at": asked + timedelta(days=30), "category": f"category {number % 40}", "model": "turbo",
        "pixel_sha": picture[1], "file_sha": sha256(picture[0]).digest(), "fingerprint": picture[1],
        "scanners": '{"explicit": "1", "fingerprint": "2", "pixels": "2"}', "channels": ["amazon", "google"],
        "width": _SIDE, "height": _SIDE, "run_id": "run",
    }  # fmt: skip


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("slot_id", "request_key", "sku", "reasons", "finish_digest", "image_key", "run_id", "expires_at")
    known = {name: row[name] for name in kept} | {"state": "review", "attempts": 1, "source_digest": row["request_key"]}
    return known | {"decided_at": row["asked_at"], "policy_digest": "p"}


def _live_row(number: int, now: datetime) -> dict[str, Any]:
    sha = sha256(f"live {number}".encode()).digest()
    sku, view = f"sku-{number // 2}", ("back", "front")[number % 2]
    return {
        "slot_id": slot_id(sku, view, "a", 0), "sku": sku, "view": view, "variant": "a", "index": 0,
        "object": layout.published_image(CATALOGUE, sku, view, "a", 0, sha.hex()), "file_sha": sha, "pixel_sha": sha,
        "request_key": sha, "attempt": 0, "source_digest": sha, "finish_digest": _FINISH, "model": "turbo",
        "run_id": "run", "released_at": now,
    }  # fmt: skip


def _commit(tables: Any, table: str, schema: pa.Schema, rows: list[dict[str, Any]], key: Any) -> None:
    changes = pa.Table.from_pylist(rows, schema).append_column("_op", pa.array(["put"] * len(rows)))
    commit_once(tables, table, "bench", lambda _: (None, changes), on=key, metadata={"run_id": "bench"})


def _link(folder: Path, key: str, data: bytes) -> None:
    """Write a picture once, and link all others to it: 10,000 of them would fill a disk."""
    first, path = folder.parent / sha256(data).hexdigest(), folder / key
    if not first.exists():
        first.write_bytes(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(first, path)


def _copy(source: ObjectStore, target: ObjectStore) -> None:
    """Copy a store, but of its pictures only those that a person sees first."""
    seen_first, pictures = _first_pictures(source), layout.review_images_prefix(CATALOGUE)
    copied = [info.key for info in source.list("") if not info.key.startswith(pictures)] + seen_first
    for _ in concurrent_map(target, lambda key: target.write(key, source.read(key)), copied):
        continue


def _first_pictures(source: ObjectStore) -> list[str]:
    service = ReviewService(source, open_tables(source.url), CATALOGUE)
    items = service.claim("looker", count=3 * (FIRST_PAGE + NEXT_PICTURES))
    service.leave("looker")
    service.writer.wait_for_fold()
    return [item.object for item in items]
