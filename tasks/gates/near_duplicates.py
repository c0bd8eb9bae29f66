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
from catalogs.indexes.digest_set import DigestSet, FirstOccurrenceFilter, table_row_digests
from catalogs.policy.duplicates import DuplicateCandidate, NearPair, PublishedImage
from catalogs.policy.schema import DuplicateRules
from catalogs.table_schemas import FINGERPRINTS
from infra.imaging.hamming_index import FINGERPRINT_BYTES, HammingIndex
from infra.interfaces import ObjectStore, TableStore

ByteRows = npt.NDArray[np.uint8]
RowNumbers = npt.NDArray[np.int64]

FINGERPRINT_COLUMNS = ("fingerprint", "crop")
_PREFIX_BYTES = 8
"""Bytes of a pixel sha that find the rows of one picture; a chance meeting only brings a row too many."""


class PublishedFingerprints:
    """The live pictures that a run neither replaces nor retires, by row: 0, 1, 2 … in the order of the files."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str, excluded_slots: pa.Array) -> None:
        """Find the rows; `moving` holds the slot ids of the pictures that the run replaces or retires."""
        self._store = store
        self._live_masks: dict[str, list[npt.NDArray[np.bool_]]] = {}
        self._pixel_prefixes = np.empty(0, np.uint64)
        self._lookup_cache: dict[str, dict[bytes, Sequence[tuple[int, int]]]] = {
            name: {} for name in FINGERPRINT_COLUMNS
        }
        table = layout.manifest_table(catalogue)
        if tables.version(table) is not None:
            live = DigestSet()
            for batch in tables.batches(table, ("slot_id", "pixel_sha")):
                kept = batch.filter(pc.invert(pc.is_in(batch.column("slot_id"), excluded_slots)))
                live.add(table_row_digests(kept, "slot_id", "pixel_sha"))
            self._find_live_rows([info.key for info in store.list(layout.fingerprints_prefix(catalogue))], live)

    def __len__(self) -> int:
        return len(self._pixel_prefixes)

    def find_near(self, column: str, fingerprints: Sequence[bytes], radius: int) -> list[Sequence[tuple[int, int]]]:
        """Return for each code the rows at most `radius` bits away and their distances; each code is looked up once."""
        known = self._lookup_cache[column]
        asked = [code for code in dict.fromkeys(fingerprints) if code not in known]
        if asked:
            rows, index = self._index(column)
            for code, (found, apart) in zip(asked, index.range_search(_stack_fingerprints(asked), radius), strict=True):
                known[code] = list(zip(rows[found].tolist(), apart.tolist(), strict=True))
        return [known[code] for code in fingerprints]

    def load_published(self, rows: set[int], candidates: Sequence[DuplicateCandidate]) -> dict[int, PublishedImage]:
        """Return these rows, those of the same pictures, and those that show a candidate's pixels or SKU."""
        if not len(self):
            return {}
        numbers = np.fromiter(rows, np.int64, len(rows))
        shas = [candidate.pixel_sha[:_PREFIX_BYTES].ljust(_PREFIX_BYTES, b"\0") for candidate in candidates]
        heads = np.union1d(self._pixel_prefixes[numbers], np.frombuffer(b"".join(shas), np.uint64))
        skus = pa.array(sorted({sku for candidate in candidates for sku in candidate.skus}), pa.string())
        found: dict[int, PublishedImage] = {}
        start = 0
        for batch in self._batches():
            wanted = np.isin(self._pixel_prefixes[start : start + len(batch)], heads)
            wanted |= pc.is_in(batch["sku"], skus).to_numpy(zero_copy_only=False)
            for place, row in zip(np.flatnonzero(wanted), batch.filter(pa.array(wanted)).to_pylist(), strict=True):
                found[start + int(place)] = PublishedImage(**row)
            start += len(batch)
        return found

    def _find_live_rows(self, keys: Sequence[str], live: DigestSet) -> None:
        firsts = FirstOccurrenceFilter(live)
        heads = [self._pixel_prefixes]
        for key in keys:
            masks = self._live_masks[key] = []
            for batch in self._read(key, ["slot_id", "pixel_sha"]):
                wanted = firsts.first_occurrences(table_row_digests(batch, "slot_id", "pixel_sha"))
                masks.append(wanted)
                shas = pc.binary_slice(batch["pixel_sha"].filter(pa.array(wanted)), 0, _PREFIX_BYTES)
                heads.append(_as_byte_rows(shas, _PREFIX_BYTES).view(np.uint64).ravel())
        self._pixel_prefixes = np.concatenate(heads)

    def _index(self, column: str) -> tuple[RowNumbers, HammingIndex]:
        index, numbers, start = HammingIndex(), [np.empty(0, np.int64)], 0
        for batch in self._batches([column]):
            there = pc.equal(pc.binary_length(batch[column]), FINGERPRINT_BYTES).fill_null(False)
            index.add(_as_byte_rows(batch[column].filter(there), FINGERPRINT_BYTES))
            numbers.append(start + np.flatnonzero(there.to_numpy(zero_copy_only=False)))
            start += len(batch)
        return np.concatenate(numbers), index

    def _batches(self, columns: list[str] = FINGERPRINTS.names) -> Iterator[pa.RecordBatch]:
        for key, masks in self._live_masks.items():
            for batch, mask in zip(self._read(key, columns), masks, strict=True):
                yield batch.filter(pa.array(mask))

    def _read(self, key: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        with self._store.open_input(key) as file:
            for batch in pq.ParquetFile(file).iter_batches(columns=columns):
                yield batch.select(columns)


def find_near_duplicates(
    candidates: Sequence[DuplicateCandidate], published_fingerprints: PublishedFingerprints, rules: DuplicateRules
) -> tuple[list[NearPair], list[PublishedImage], list[NearPair]]:
    """Return the pairs among the candidates, the published pictures that matter, and the pairs with those."""
    among: list[NearPair] = []
    against: list[NearPair] = []
    for place, column in enumerate(FINGERPRINT_COLUMNS):
        trusted = [candidate.trusted_fingerprints(rules)[place] for candidate in candidates]
        rows = [row for row, code in enumerate(trusted) if code]
        codes = [trusted[row] for row in rows]
        if not codes:
            continue
        index = HammingIndex()
        index.add(_stack_fingerprints(codes))
        for row, (found, apart) in zip(
            rows, index.range_search(_stack_fingerprints(codes), rules.review_bits), strict=True
        ):
            among += [(row, rows[other], bits) for other, bits in zip(found.tolist(), apart.tolist(), strict=True)]
        for row, near in zip(rows, published_fingerprints.find_near(column, codes, rules.review_bits), strict=True):
            against += [(row, other, bits) for other, bits in near]
    published = published_fingerprints.load_published({other for _, other, _ in against}, candidates)
    places = {row: place for place, row in enumerate(published)}
    return (
        [pair for pair in among if pair[0] != pair[1]],
        list(published.values()),
        [(row, places[other], bits) for row, other, bits in against],
    )


def _stack_fingerprints(fingerprints: Sequence[bytes]) -> ByteRows:
    return np.frombuffer(b"".join(fingerprints), np.uint8).reshape(-1, FINGERPRINT_BYTES)


def _as_byte_rows(values: Any, width: int) -> ByteRows:
    """Return binary values of one length as rows of bytes."""
    return np.frombuffer(b"".join(values.to_pylist()), np.uint8).reshape(-1, width)
