"""What stands between two verbs, by hand: requests, plan rows, attempts, decisions; and a run's folder to put them in.

Words choose content, as in `tests.tasks.shops`: "red" is a request, "red+wide" is the same one in another finish.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import pyarrow as pa

from catalogs import layout
from catalogs.keys import image_key, slot_id
from catalogs.planning.plan import Request
from catalogs.planning.sharding import request_table
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.table_schemas import DECISIONS, RECORDS, REFRESHED_DIGESTS, RETIRED_SLOTS, SLOTS
from catalogs.verdict import PASS
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import ObjectStore
from infra.stores.parquet_objects import write_table
from tests.tasks.shops import CATALOGUE, finish_of, jpeg_of, request_of

RUN = "run-1"
Row = dict[str, Any]


def code_of(word: str) -> bytes:
    """Return a fingerprint that is some 128 bits away from any other word's; `Shop.codes` gives the same."""
    return sha256(word.encode()).digest()


def request(word: str, **changes: Any) -> Request:
    """Return the request of a word: 64 x 64 pixels of the stub's."""
    values: dict[str, Any] = {
        "key": request_of(word), "prompt": word, "negative": "", "seed": None, "width": 64, "height": 64, "steps": 8,
        "guidance": 0.0, "model": "stub", "finish_digest": finish_of(word), "first_attempt": 0, "attempts_allowed": 2,
        "category": "", "verdict": PASS, "priority": "normal",
    }  # fmt: skip
    return Request(**values | changes)


def _slot(place: str, word: str) -> Row:
    sku, view = place.split("/")
    return {
        "slot_id": slot_id(sku, view, "a", 0), "sku": sku, "category": "", "view": view, "variant": "a", "index": 0,
        "kind": "new", "request_key": request_of(word), "source_digest": code_of(f"source {word}")[:16],
        "finish_digest": finish_of(word), "live_file_sha": None,
    }  # fmt: skip


def planned(place: str, word: str, **changes: Any) -> Row:
    """Return a plan's slot row; `place` is SKU/view."""
    return _slot(place, word) | {
        "attempts_allowed": 2,
        "priority": "normal",
        "verdict": "PASS",
        "reasons": [],
        **changes,
    }


def attempt(word: str, number: int = 0, verdict: str = "PASS", looks: str | None = None, **changes: Any) -> Row:
    """Return the record row of one attempt, whose picture looks like the word `looks`."""
    picture = looks or f"{word} {number}"
    return {
        "request_key": request_of(word), "finish_digest": finish_of(word), "attempt": number,
        "image_key": bytes.fromhex(image_key(request_of(word).hex(), number)), "made": "generated",
        "engine_seconds": 0.5, "raw_sha": code_of("raw"), "finished_sha": code_of(f"pixels of {word} {number}"),
        "file_sha": code_of(f"file of {word} {number}"), "file_bytes": 5000, "width": 64,
        "height": 64, "verdict": verdict, "again": False,
        "reasons": [] if verdict == "PASS" else ["blurred"], "scores": "{}", "fingerprint": code_of(picture),
        "fingerprint_quality": 100.0, "scanners": '{"fingerprint": "1", "pixels": "1"}', "errors": "{}",
        "mark": "trainedAlgorithmicMedia", **changes,
    }  # fmt: skip


def decision(place: str, word: str, state: str = "publish", **changes: Any) -> Row:
    """Return a batch's row about the picture that `Shop.stage` stages for the word."""
    verdict = {"publish": "PASS", "review": "REVIEW"}.get(state, "BLOCK")
    return _slot(place, word) | {
        "state": state, "verdict": verdict, "reasons": [] if verdict == "PASS" else ["blurred"], "attempt": 0,
        "attempts_spent": 1, "image_key": bytes.fromhex(image_key(request_of(word).hex(), 0)),
        "finished_sha": bytes.fromhex(pixel_sha(decode(jpeg_of(word)))), "file_sha": sha256(jpeg_of(word)).digest(),
        "file_bytes": len(jpeg_of(word)), "width": 32, "height": 24, "fingerprint": code_of(word),
        "mark": "trainedAlgorithmicMedia", "model": "stub@0", **changes,
    }  # fmt: skip


def batch(
    decisions: Iterable[Row] = (), refreshed: Iterable[Row] = (), retired: Iterable[Row] = (), run_id: str = RUN
) -> ReleaseBatch:
    """Return a batch of these rows."""
    parts = ((decisions, DECISIONS), (refreshed, REFRESHED_DIGESTS), (retired, RETIRED_SLOTS))
    return ReleaseBatch(CATALOGUE, run_id, *(pa.Table.from_pylist(list(rows), schema=schema) for rows, schema in parts))


def write_plan(store: ObjectStore, slots: Sequence[Row], requests: Sequence[Request], part: str = "0-00000") -> None:
    """Write a run's slots and one part of its requests."""
    write_table(store, layout.run_file(RUN, "slots.parquet"), pa.Table.from_pylist(list(slots), schema=SLOTS))
    write_table(store, layout.run_requests(RUN, part), request_table(list(requests), "0-000000"))


def write_records(store: ObjectStore, shards: Mapping[str, Sequence[Row]]) -> None:
    """Write a run's records: shard -> its rows."""
    for shard, rows in shards.items():
        write_table(store, layout.run_record(RUN, shard), pa.Table.from_pylist(list(rows), schema=RECORDS))
