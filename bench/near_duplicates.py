"""Near-duplicate search: its cost among published fingerprints, for the new images of one run.

Inputs: the numbers of published and of new fingerprints, a scratch folder. Outputs: the cost of the search through the
very files that a shop's store holds, the time of a plain loop for each query, and the recall against it.

Fingerprints are random, and one new image in ten is a published one with 0 to 31 bits flipped, at the radius's edge at
worst. The plain loop is numpy's: exclusive or, count the bits, compare; it runs `PLAIN_LOOP_QUERIES` queries only,
since all of them would take an hour.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.process_cost import run_in_process
from catalogs import layout
from catalogs.table_schemas import FINGERPRINTS

CATALOGUE, RADIUS = "shoes", 31
ROWS_PER_FILE, ROWS_PER_BLOCK = 100_000, 65_536
PLAIN_LOOP_QUERIES = 100


def measure_near_duplicates(published: int, new: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure the search for `new` fingerprints among `published` ones."""
    progress(f"{published:,} published fingerprints: writing them")
    run_in_process(write_fingerprints, folder, published, new)
    progress(f"{published:,} published fingerprints: searching for {new:,}")
    pairs, cost = run_in_process(search_near_duplicates, folder)
    progress(f"{published:,} published fingerprints: searching for {PLAIN_LOOP_QUERIES} by a plain loop")
    expected, plain = run_in_process(search_with_plain_loop, folder)
    found_pairs = set(pairs)
    loop_seconds = plain.seconds / PLAIN_LOOP_QUERIES * new
    return {
        "published": published,
        "new": new,
        "pairs": len(pairs),
        "packshot": cost.document(),
        "plain_loop_seconds": round(loop_seconds, 1),
        "packshot_to_loop": round(cost.seconds / loop_seconds, 4),
        "recall": round(sum(pair in found_pairs for pair in expected) / max(1, len(expected)), 4),
        "pairs_by_the_loop": len(expected),
    }


def write_fingerprints(folder: Path, published: int, new: int) -> None:
    """Write the published fingerprints as a store's files, and the new ones beside them."""
    generator = np.random.default_rng(1)
    prefix = folder / layout.fingerprints_prefix(CATALOGUE)
    prefix.mkdir(parents=True)
    codes = generator.integers(0, 256, (published, 32), np.uint8)
    for start in range(0, published, ROWS_PER_FILE):
        rows = range(start, min(start + ROWS_PER_FILE, published))
        names = [number.to_bytes(16, "big") for number in rows]
        columns = {
            "slot_id": names, "sku": [f"sku-{number}" for number in rows], "request_key": names,
            "pixel_sha": [sha256(name).digest() for name in names],
            "fingerprint": [codes[number].tobytes() for number in rows],
            "crop": [codes[-1 - number].tobytes() for number in rows], "looks": [[50.0, 0.0, 0.0, 0.8]] * len(rows),
        }  # fmt: skip
        pq.write_table(pa.table(columns, schema=FINGERPRINTS), prefix / f"{start:08}.parquet", compression="zstd")
    queries = generator.integers(0, 256, (new, 32), np.uint8)
    for row in range(0, new, 10):
        bits = np.unpackbits(codes[generator.integers(published)])
        bits[generator.choice(256, generator.integers(RADIUS + 1), replace=False)] ^= 1
        queries[row] = np.packbits(bits)
    np.save(folder / "published.npy", codes)
    np.save(folder / "asked.npy", queries)


class _FakeManifest:
    """A manifest in which every slot is published: the table itself is not measured."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def version(self, table: str) -> int:  # noqa: ARG002
        return 1

    def batches(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        for info in self._store.list(layout.fingerprints_prefix(CATALOGUE)):
            with self._store.open_input(info.key) as file:
                yield from pq.ParquetFile(file).iter_batches(columns=list(columns))


def search_near_duplicates(folder: Path) -> list[tuple[int, int]]:
    """Return the pairs of a new and a published image that Packshot finds, by both fingerprints of each image."""
    from catalogs.policy.duplicates import DuplicateCandidate
    from catalogs.policy.schema import DuplicateRules
    from infra.stores import open_store
    from tasks.gates.near_duplicates import PublishedFingerprints, find_near_duplicates

    store = open_store(str(folder))
    queries = [row.tobytes() for row in np.load(folder / "asked.npy")]
    candidates = [
        DuplicateCandidate(f"new {row}".encode(), (f"new-{row}",), query, 100, f"new {row}".encode(), query)
        for row, query in enumerate(queries)
    ]
    index = PublishedFingerprints(store, _FakeManifest(store), CATALOGUE, pa.array([], pa.binary()))  # type: ignore[arg-type]
    _, published, matches = find_near_duplicates(candidates, index, DuplicateRules(review_bits=RADIUS))
    return [
        (new, int.from_bytes(published[live].slot_id, "big"))
        for new, live, _ in matches
        if published[live].fingerprint is not None
        and _hamming_distance(queries[new], published[live].fingerprint) <= RADIUS
    ]


def _hamming_distance(one: bytes, other: bytes | None) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other or b"", "big")).bit_count()


def search_with_plain_loop(folder: Path) -> list[tuple[int, int]]:
    """Return the pairs that a plain loop finds for the first `PLAIN_LOOP_QUERIES` fingerprints."""
    published = np.load(folder / "published.npy")
    pairs = []
    for number, query in enumerate(np.load(folder / "asked.npy")[:PLAIN_LOOP_QUERIES]):
        for start in range(0, len(published), ROWS_PER_BLOCK):
            distances = np.bitwise_count(published[start : start + ROWS_PER_BLOCK] ^ query).sum(axis=1, dtype=np.int32)
            pairs += [(number, start + int(row)) for row in np.flatnonzero(distances <= RADIUS)]
    return pairs
