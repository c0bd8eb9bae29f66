"""Near-duplicate search: pairs of images with similar fingerprints, within a batch and against what is published.

Inputs: a batch's candidates, and a catalogue's published fingerprints. Outputs: the pairs that are near by one of the
two fingerprint columns, and the published images that are part of a decision. Memory is bounded with millions of
published images: fingerprints stay in numpy at 32 bytes each; only images that are near a candidate, share its pixels
or show the same SKU become Python objects, in a second pass over the files. The photos that those keep stand in the
manifest alone, of which three columns are read where a candidate keeps a photo's product, and only then.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, FirstOccurrenceFilter, table_row_digests
from catalogs.policy.duplicates import DuplicateCandidate, NearPair, PublishedImage
from catalogs.policy.schema import DuplicateRules
from catalogs.table_schemas import FINGERPRINTS, MANIFEST
from infra.imaging.hamming_index import FINGERPRINT_BYTES, HammingIndex
from infra.interfaces import ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import read_batches

ByteRows = npt.NDArray[np.uint8]
RowNumbers = npt.NDArray[np.int64]

FINGERPRINT_COLUMNS = ("fingerprint", "crop")
_PHOTO_COLUMNS = pa.schema([MANIFEST.field(name) for name in ("slot_id", "pixel_sha", "photo_sha")])
SMALL_FILE_BYTES = 2**20
"""Files up to this size are read once, side by side, and kept in memory: a run publishes one of some hundred bytes."""
_PREFIX_BYTES = 8
"""Bytes of a pixel sha that select the rows of one image; a collision only selects one row too many."""


class PublishedFingerprints:
    """The live images that a run neither replaces nor retires, as row numbers 0, 1, 2 … in the order of the files."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str, excluded_slots: pa.Array) -> None:
        """Select the rows; `excluded_slots` are the slot ids whose images the run replaces or retires."""
        self._store, self._tables, self._table = store, tables, layout.manifest_table(catalogue)
        self._live_masks: dict[str, list[npt.NDArray[np.bool_]]] = {}
        self._small_files: dict[str, bytes | None] = {}
        self._pixel_prefixes = np.empty(0, np.uint64)
        self._lookup_cache: dict[str, dict[bytes, Sequence[tuple[int, int]]]] = {
            name: {} for name in FINGERPRINT_COLUMNS
        }
        self.missing = pa.array([], pa.binary())
        """The selected slots whose live image no file describes (see `missing_fingerprints`)."""
        if tables.version(self._table) is not None:
            live, slot_ids = DigestSet(), []
            for batch in tables.batches(self._table, ("slot_id", "pixel_sha")):
                included = batch.filter(pc.invert(pc.is_in(batch.column("slot_id"), excluded_slots)))
                live.add(table_row_digests(included, "slot_id", "pixel_sha"))
                slot_ids.append(included.column("slot_id"))
            infos = list(store.list(layout.fingerprints_prefix(catalogue)))
            small = [info.key for info in infos if info.size <= SMALL_FILE_BYTES]
            self._small_files = dict(zip(small, concurrent_map(store, store.find, small), strict=True))
            seen = self._find_live_rows([info.key for info in infos], live)
            if slot_ids:
                self.missing = pa.chunked_array(slot_ids).combine_chunks().filter(pa.array(~seen))

    def __len__(self) -> int:
        return len(self._pixel_prefixes)

    def find_near(self, column: str, fingerprints: Sequence[bytes], radius: int) -> list[Sequence[tuple[int, int]]]:
        """Return for each fingerprint the (row, distance) pairs within `radius` bits; each one is searched for once."""
        cache = self._lookup_cache[column]
        missing = [fingerprint for fingerprint in dict.fromkeys(fingerprints) if fingerprint not in cache]
        if missing:
            rows, index = self._index(column)
            neighbours = index.range_search(_stack_fingerprints(missing), radius)
            for fingerprint, (positions, distances) in zip(missing, neighbours, strict=True):
                cache[fingerprint] = list(zip(rows[positions].tolist(), distances.tolist(), strict=True))
        return [cache[fingerprint] for fingerprint in fingerprints]

    def load_published(self, rows: set[int], candidates: Sequence[DuplicateCandidate]) -> dict[int, PublishedImage]:
        """Return row -> image: these rows, all rows with the same pixels, and rows with a candidate's pixels or SKU."""
        if not len(self):
            return {}
        numbers = np.fromiter(rows, np.int64, len(rows))
        shas = [candidate.pixel_sha[:_PREFIX_BYTES].ljust(_PREFIX_BYTES, b"\0") for candidate in candidates]
        prefixes = np.union1d(self._pixel_prefixes[numbers], np.frombuffer(b"".join(shas), np.uint64))
        skus = pa.array(sorted({sku for candidate in candidates for sku in candidate.skus}), pa.string())
        images: dict[int, PublishedImage] = {}
        start = 0
        for batch in self._batches():
            mask = np.isin(self._pixel_prefixes[start : start + len(batch)], prefixes)
            mask |= pc.is_in(batch["sku"], skus).to_numpy(zero_copy_only=False)
            for position, row in zip(np.flatnonzero(mask), batch.filter(pa.array(mask)).to_pylist(), strict=True):
                images[start + int(position)] = PublishedImage(**row)
            start += len(batch)
        self._add_photos(images, candidates)
        return images

    def _add_photos(self, images: dict[int, PublishedImage], candidates: Sequence[DuplicateCandidate]) -> None:
        """Say of each image which photo's product it keeps, where a candidate keeps the same photo's."""
        shas = pa.array({candidate.photo_sha for candidate in candidates if candidate.photo_sha}, pa.binary())
        if not images or not len(shas):
            return
        row_of_slot = {image.slot_id: row for row, image in images.items()}
        slot_ids = pa.array(row_of_slot, pa.binary())
        for batch in self._tables.batches(self._table, _PHOTO_COLUMNS):
            same = pc.and_(pc.is_in(batch["photo_sha"], shas), pc.is_in(batch["slot_id"], slot_ids))
            columns = batch.filter(same).select(_PHOTO_COLUMNS.names).to_pydict().values()
            for slot_id, pixel_sha, photo_sha in zip(*columns, strict=True):
                row = row_of_slot[slot_id]
                if images[row].pixel_sha == pixel_sha:  # else its slot shows another image by now
                    images[row] = replace(images[row], photo_sha=photo_sha)

    def _find_live_rows(self, keys: Sequence[str], live: DigestSet) -> npt.NDArray[np.bool_]:
        """Find the rows of live images in these files; return which members of `live` have one."""
        occurrences = FirstOccurrenceFilter(live)
        prefixes = [self._pixel_prefixes]
        for key in keys:
            masks = self._live_masks[key] = []
            for batch in self._read(key, ["slot_id", "pixel_sha"]):
                mask = occurrences.first_occurrences(table_row_digests(batch, "slot_id", "pixel_sha"))
                masks.append(mask)
                shas = pc.binary_slice(batch["pixel_sha"].filter(pa.array(mask)), 0, _PREFIX_BYTES)
                prefixes.append(_as_byte_rows(shas, _PREFIX_BYTES).view(np.uint64).ravel())
        self._pixel_prefixes = np.concatenate(prefixes)
        return occurrences.seen

    def _index(self, column: str) -> tuple[RowNumbers, HammingIndex]:
        """Return an index of one column, and the row number of each of its entries: rows without one are left out."""
        index, rows, start = HammingIndex(), [np.empty(0, np.int64)], 0
        for batch in self._batches([column]):
            present = pc.equal(pc.binary_length(batch[column]), FINGERPRINT_BYTES).fill_null(False)
            index.add(_as_byte_rows(batch[column].filter(present), FINGERPRINT_BYTES))
            rows.append(start + np.flatnonzero(present.to_numpy(zero_copy_only=False)))
            start += len(batch)
        return np.concatenate(rows), index

    def _batches(self, columns: list[str] = FINGERPRINTS.names) -> Iterator[pa.RecordBatch]:
        for key, masks in self._live_masks.items():
            for batch, mask in zip(self._read(key, columns), masks, strict=True):
                yield batch.filter(pa.array(mask))

    def _read(self, key: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        with ExitStack() as stack:
            data = self._small_files.get(key)
            if data is None and key in self._small_files:
                return  # folded into another file meanwhile: its rows count as missing
            source = stack.enter_context(self._store.open_input(key)) if data is None else pa.BufferReader(data)
            yield from read_batches(key, source, columns)


def find_near_duplicates(
    candidates: Sequence[DuplicateCandidate], published_fingerprints: PublishedFingerprints, rules: DuplicateRules
) -> tuple[list[NearPair], list[PublishedImage], list[NearPair]]:
    """Return the near pairs within the candidates, the published images concerned, and the pairs with those.

    A pair is two positions in these lists, and their distance in bits.
    """
    within: list[NearPair] = []
    against: list[NearPair] = []
    for column_number, column in enumerate(FINGERPRINT_COLUMNS):
        trusted = [candidate.trusted_fingerprints(rules)[column_number] for candidate in candidates]
        positions = [position for position, fingerprint in enumerate(trusted) if fingerprint]
        fingerprints = [trusted[position] for position in positions]
        if not fingerprints:
            continue
        within += _find_pairs(positions, fingerprints, rules.review_bits)
        rows_near = published_fingerprints.find_near(column, fingerprints, rules.review_bits)
        for position, near in zip(positions, rows_near, strict=True):
            against += [(position, row, bits) for row, bits in near]
    published = published_fingerprints.load_published({row for _, row, _ in against}, candidates)
    position_of_row = {row: position for position, row in enumerate(published)}
    return (
        within,
        list(published.values()),
        [(position, position_of_row[row], bits) for position, row, bits in against],
    )


def find_pairs_against(
    candidates: Sequence[DuplicateCandidate], images: Sequence[PublishedImage], rules: DuplicateRules
) -> list[NearPair]:
    """Return the near pairs of a candidate and one of a few images, by position."""
    pairs: list[NearPair] = []
    for column_number, column in enumerate(FINGERPRINT_COLUMNS):
        shown = [(position, code) for position, image in enumerate(images) if (code := getattr(image, column))]
        trusted = [
            (position, code)
            for position, candidate in enumerate(candidates)
            if (code := candidate.trusted_fingerprints(rules)[column_number])
        ]
        if not shown or not trusted:
            continue
        index = HammingIndex()
        index.add(_stack_fingerprints([code for _, code in shown]))
        neighbours = index.range_search(_stack_fingerprints([code for _, code in trusted]), rules.review_bits)
        for (position, _), (others, distances) in zip(trusted, neighbours, strict=True):
            near = zip(others.tolist(), distances.tolist(), strict=True)
            pairs += [(position, shown[other][0], bits) for other, bits in near]
    return pairs


def _find_pairs(positions: Sequence[int], fingerprints: Sequence[bytes], radius: int) -> Iterator[NearPair]:
    """Yield each pair of different positions whose fingerprints are near, in both orders."""
    index = HammingIndex()
    index.add(_stack_fingerprints(fingerprints))
    neighbours = index.range_search(_stack_fingerprints(fingerprints), radius)
    for position, (others, distances) in zip(positions, neighbours, strict=True):
        for other, bits in zip(others.tolist(), distances.tolist(), strict=True):
            if positions[other] != position:
                yield position, positions[other], bits


def _stack_fingerprints(fingerprints: Sequence[bytes]) -> ByteRows:
    return np.frombuffer(b"".join(fingerprints), np.uint8).reshape(-1, FINGERPRINT_BYTES)


def _as_byte_rows(values: Any, width: int) -> ByteRows:
    """Return binary values that all have `width` bytes as an array of rows of bytes."""
    return np.frombuffer(b"".join(values.to_pylist()), np.uint8).reshape(-1, width)
