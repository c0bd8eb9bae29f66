"""Many small files of fingerprints into one.

Comes in: a catalogue's files of fingerprints, and which pictures are shown. Goes out: one file with those pictures'
rows, written before the old ones are let go, so that a kill in between leaves rows twice and never too few.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, Firsts
from catalogs.keys import SHORT, digest
from catalogs.runs.manifest_diff import digests
from catalogs.table_schemas import CODES
from infra.interfaces import ObjectInfo, ObjectStore

FILES = 20
"""So many files are left as they are: reading them costs less than writing one anew each night."""


def compact_codes(
    store: ObjectStore, catalogue: str, files: Sequence[ObjectInfo], shown: DigestSet, dry_run: bool
) -> list[ObjectInfo]:
    """Write the rows of `files` that are shown into one new file; return the files that it replaces.

    `shown` holds the digests of (slot, pixel sha). Nothing is done, and nothing replaced, up to `FILES` files.
    """
    if len(files) <= FILES:
        return []
    if not dry_run:
        name = "compacted-" + digest(sorted(info.key for info in files))[:SHORT]
        with store.open_output(layout.codes(catalogue, name)) as output, pq.ParquetWriter(output, CODES) as writer:
            for rows in _shown_rows(store, files, shown):
                writer.write_batch(rows)
    return list(files)


def _shown_rows(store: ObjectStore, files: Sequence[ObjectInfo], shown: DigestSet) -> Iterator[pa.RecordBatch]:
    firsts = Firsts(shown)
    for info in files:
        with store.open_input(info.key) as file:
            for batch in pq.ParquetFile(file).iter_batches(columns=CODES.names):
                wanted = firsts.among(digests(batch, "slot_id", "pixel_sha"))
                yield batch.select(CODES.names).cast(CODES).filter(pa.array(wanted))
