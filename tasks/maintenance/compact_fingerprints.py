"""Fingerprint compaction: merge many small fingerprint files of a catalogue into one.

Inputs: the files, and which images the retained releases show. Outputs: one file with the rows of those images. It is
written before the old files are deleted, so a kill in between leaves duplicate rows and never too few.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, FirstOccurrenceFilter, table_row_digests
from catalogs.keys import SHORT_DIGEST_LENGTH, digest
from catalogs.table_schemas import FINGERPRINTS
from infra.interfaces import ObjectInfo, ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import parse_table, read_batches, write_table

MAX_UNCOMPACTED_FILES = 20
"""Up to this many files are left as they are: reading them costs less than writing one again in each run."""


SMALL_FILE_BYTES = 4 * 2**20
"""A run folds files up to this size; larger ones are left to the sweep, which also drops rows that nothing shows."""


def fold_fingerprints(store: ObjectStore, catalogue: str) -> int:
    """Merge a catalogue's small files, where there are more than a few, and return how many were merged.

    Every run that publishes adds one, and every run that compares images reads them all. A reader that has listed the
    old files finds the rows by the images' records. Files of open runs may come back, with the same rows.
    """
    small = [info for info in store.list(layout.fingerprints_prefix(catalogue)) if info.size <= SMALL_FILE_BYTES]
    if len(small) <= MAX_UNCOMPACTED_FILES:
        return 0
    keys = [info.key for info in small]
    parts = zip(keys, concurrent_map(store, store.find, keys), strict=True)
    rows = [parse_table(key, data, FINGERPRINTS) for key, data in parts if data is not None]
    name = "folded-" + digest(sorted(info.key for info in small))[:SHORT_DIGEST_LENGTH]
    write_table(store, layout.fingerprints(catalogue, name), pa.concat_tables(rows))
    return store.delete(info.key for info in small)


def compact_fingerprints(
    store: ObjectStore, catalogue: str, files: Sequence[ObjectInfo], retained: DigestSet, dry_run: bool
) -> list[ObjectInfo]:
    """Write the retained rows of `files` into one new file; return the files that it replaces: the caller deletes them.

    `retained` holds the digests of (slot, pixel sha). Up to `MAX_UNCOMPACTED_FILES` files nothing is written or
    replaced.
    """
    if len(files) <= MAX_UNCOMPACTED_FILES:
        return []
    if not dry_run:
        name = "compacted-" + digest(sorted(info.key for info in files))[:SHORT_DIGEST_LENGTH]
        with (
            store.open_output(layout.fingerprints(catalogue, name)) as output,
            pq.ParquetWriter(output, FINGERPRINTS) as writer,
        ):
            for rows in _read_retained_rows(store, files, retained):
                writer.write_batch(rows)
    return list(files)


def _read_retained_rows(
    store: ObjectStore, files: Sequence[ObjectInfo], retained: DigestSet
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of retained images, each image once."""
    occurrences = FirstOccurrenceFilter(retained)
    for info in files:
        with store.open_input(info.key) as file:
            for batch in read_batches(info.key, file, FINGERPRINTS.names):
                mask = occurrences.first_occurrences(table_row_digests(batch, "slot_id", "pixel_sha"))
                yield batch.cast(FINGERPRINTS).filter(pa.array(mask))
