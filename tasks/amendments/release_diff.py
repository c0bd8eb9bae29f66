"""Release diff: how a release differs from another one, or from itself without withdrawn images.

Inputs: a catalogue's manifest versions, or a list of images to withdraw. Outputs: a `ManifestDiff` with the rows that
only one side has. Rows are compared by digest, so memory grows with the difference and by 32 bytes for each row.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.runs.manifest_diff import COMPARED_COLUMNS, ManifestDiff
from catalogs.table_schemas import MANIFEST
from infra.interfaces import TableStore

RowMask = npt.NDArray[np.bool_]


def diff_releases(tables: TableStore, catalogue: str, base: int, target: int) -> ManifestDiff:
    """Return the rows to restore and to lose on the way from version `base` of the manifest to version `target`."""
    table = layout.manifest_table(catalogue)
    base_digests, target_digests = (_read_row_digests(tables, table, version) for version in (base, target))
    return ManifestDiff(
        restored=read_rows(tables, table, target, MANIFEST, lambda batch: ~_compare(batch, base_digests)),
        lost=read_rows(tables, table, base, MANIFEST, lambda batch: ~_compare(batch, target_digests)),
    )


def diff_without(tables: TableStore, catalogue: str, base: int, withdrawn: pa.Table) -> ManifestDiff:
    """Return the diff that removes the listed images, as far as they are live in version `base`."""
    digests = build_digest_set(table_row_digests(withdrawn, *COMPARED_COLUMNS))
    table = layout.manifest_table(catalogue)
    lost = read_rows(tables, table, base, MANIFEST, lambda batch: _compare(batch, digests))
    return ManifestDiff(restored=MANIFEST.empty_table(), lost=lost)


def build_digest_set(*digest_chunks: bytes) -> DigestSet:
    """Return the set of all digests in these chunks, each the digests of many rows in a row."""
    digests = DigestSet()
    for chunk in digest_chunks:
        digests.add(chunk)
    return digests


def read_rows(
    tables: TableStore, table: str, version: int, schema: pa.Schema, select: Callable[[pa.RecordBatch], RowMask]
) -> pa.Table:
    """Return the rows of one version that `select` chooses, batch by batch."""
    batches = tables.batches(table, schema, version=version)
    return pa.Table.from_batches((batch.filter(pa.array(select(batch))) for batch in batches), schema)


def _compare(batch: pa.RecordBatch, digests: DigestSet) -> RowMask:
    """Tell for each manifest row whether a row with the same image in the same slot is in the set."""
    return digests.contains(table_row_digests(batch, *COMPARED_COLUMNS))


def _read_row_digests(tables: TableStore, table: str, version: int) -> DigestSet:
    batches = tables.batches(table, COMPARED_COLUMNS, version=version)
    return build_digest_set(*(table_row_digests(batch, *COMPARED_COLUMNS) for batch in batches))
