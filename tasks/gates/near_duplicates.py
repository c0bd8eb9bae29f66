"""Which pictures a batch might be taken for: its own, and those among millions of published ones, in bounded memory.

Comes in: candidates, and a catalogue's published fingerprints. Goes out: the pairs that are near by one of their two
codes, and the published pictures that somebody must look at. Codes stay in numpy, 32 bytes each; only pictures that are
near a candidate, share its pixels or show the same SKU become Python objects, in a second reading.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, Firsts
from catalogs.policy.duplicates import Candidate, Pair, Published
from catalogs.policy.schema import Duplicates
from catalogs.runs.manifest_diff import digests
from catalogs.table_schemas import CODES
from infra.imaging.hamming_index import CODE_BYTES, Neighbours
from infra.interfaces import ObjectStore, TableStore

Codes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]

CODE_COLUMNS = ("fingerprint", "crop")
_HEAD = 8
"""Bytes of a pixel sha that find the rows of one picture; a chance meeting only brings a row too many."""


class Shown:
    """The live pictures that a run neither replaces nor retires, by row: 0, 1, 2 … in the order of the files."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str, moving: pa.Array) -> None:
        """Find the rows; `moving` holds the slot ids of the pictures that the run replaces or retires."""
        self._store = store
        self._masks: dict[str, list[npt.NDArray[np.bool_]]] = {}
        self._heads = np.empty(0, np.uint64)
        self._known: dict[str, dict[bytes, Sequence[tuple[int, int]]]] = {name: {} for name in CODE_COLUMNS}
        table = layout.manifest(catalogue)
        if tables.version(table) is not None:
            live = DigestSet()
            for batch in tables.batches(table, ("slot_id", "pixel_sha")):
                kept = batch.filter(pc.invert(pc.is_in(batch.column("slot_id"), moving)))
                live.add(digests(kept, "slot_id", "pixel_sha"))
            self._find([info.key for info in store.list(layout.codes_prefix(catalogue))], live)

    def __len__(self) -> int:
        return len(self._heads)

    def near(self, column: str, codes: Sequence[bytes], radius: int) -> list[Sequence[tuple[int, int]]]:
        """Return for each code the rows at most `radius` bits away and their distances; each code is looked up once."""
        known = self._known[column]
        asked = [code for code in dict.fromkeys(codes) if code not in known]
        if asked:
            rows, index = self._index(column)
            for code, (found, apart) in zip(asked, index.within(_joined(asked), radius), strict=True):
                known[code] = list(zip(rows[found].tolist(), apart.tolist(), strict=True))
        return [known[code] for code in codes]

    def published(self, rows: set[int], candidates: Sequence[Candidate]) -> dict[int, Published]:
        """Return these rows, those of the same pictures, and those that show a candidate's pixels or SKU."""
        if not len(self):
            return {}
        numbers = np.fromiter(rows, np.int64, len(rows))
        shas = [candidate.pixel_sha[:_HEAD].ljust(_HEAD, b"\0") for candidate in candidates]
        heads = np.union1d(self._heads[numbers], np.frombuffer(b"".join(shas), np.uint64))
        skus = pa.array(sorted({sku for candidate in candidates for sku in candidate.skus}), pa.string())
        found: dict[int, Published] = {}
        start = 0
        for batch in self._batches():
            wanted = np.isin(self._heads[start : start + len(batch)], heads)
            wanted |= pc.is_in(batch["sku"], skus).to_numpy(zero_copy_only=False)
            for place, row in zip(np.flatnonzero(wanted), batch.filter(pa.array(wanted)).to_pylist(), strict=True):
                found[start + int(place)] = Published(**row)
            start += len(batch)
        return found

    def _find(self, keys: Sequence[str], live: DigestSet) -> None:
        firsts = Firsts(live)
        heads = [self._heads]
        for key in keys:
            masks = self._masks[key] = []
            for batch in self._read(key, ["slot_id", "pixel_sha"]):
                wanted = firsts.among(digests(batch, "slot_id", "pixel_sha"))
                masks.append(wanted)
                shas = pc.binary_slice(batch["pixel_sha"].filter(pa.array(wanted)), 0, _HEAD)
                heads.append(_numbers(shas, _HEAD).view(np.uint64).ravel())
        self._heads = np.concatenate(heads)

    def _index(self, column: str) -> tuple[Rows, Neighbours]:
        index, numbers, start = Neighbours(), [np.empty(0, np.int64)], 0
        for batch in self._batches([column]):
            there = pc.equal(pc.binary_length(batch[column]), CODE_BYTES).fill_null(False)
            index.add(_numbers(batch[column].filter(there), CODE_BYTES))
            numbers.append(start + np.flatnonzero(there.to_numpy(zero_copy_only=False)))
            start += len(batch)
        return np.concatenate(numbers), index

    def _batches(self, columns: list[str] = CODES.names) -> Iterator[pa.RecordBatch]:
        for key, masks in self._masks.items():
            for batch, mask in zip(self._read(key, columns), masks, strict=True):
                yield batch.filter(pa.array(mask))

    def _read(self, key: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        with self._store.open_input(key) as file:
            for batch in pq.ParquetFile(file).iter_batches(columns=columns):
                yield batch.select(columns)


def resemblances(
    candidates: Sequence[Candidate], shown: Shown, rules: Duplicates
) -> tuple[list[Pair], list[Published], list[Pair]]:
    """Return the pairs among the candidates, the published pictures that matter, and the pairs with those."""
    among: list[Pair] = []
    against: list[Pair] = []
    for place, column in enumerate(CODE_COLUMNS):
        trusted = [candidate.codes(rules)[place] for candidate in candidates]
        rows = [row for row, code in enumerate(trusted) if code]
        codes = [trusted[row] for row in rows]
        if not codes:
            continue
        index = Neighbours()
        index.add(_joined(codes))
        for row, (found, apart) in zip(rows, index.within(_joined(codes), rules.review_bits), strict=True):
            among += [(row, rows[other], bits) for other, bits in zip(found.tolist(), apart.tolist(), strict=True)]
        for row, near in zip(rows, shown.near(column, codes, rules.review_bits), strict=True):
            against += [(row, other, bits) for other, bits in near]
    published = shown.published({other for _, other, _ in against}, candidates)
    places = {row: place for place, row in enumerate(published)}
    return (
        [pair for pair in among if pair[0] != pair[1]],
        list(published.values()),
        [(row, places[other], bits) for row, other, bits in against],
    )


def _joined(codes: Sequence[bytes]) -> Codes:
    return np.frombuffer(b"".join(codes), np.uint8).reshape(-1, CODE_BYTES)


def _numbers(values: Any, width: int) -> Codes:
    """Return binary values of one length as rows of bytes."""
    return np.frombuffer(b"".join(values.to_pylist()), np.uint8).reshape(-1, width)
