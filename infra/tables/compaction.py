"""Compaction: merge a table's many small files into few, as a commit that changes no row.

Inputs: an open table and the store below it. Outputs: one version without data change, or none. Every commit leaves a
file, and every scan reads all of them: an idle run went from 78 to 2,034 requests after 60 one-row commits. Only files
below `TARGET_BYTES` take part, so a compaction rewrites at most the tail of a large table.

delta-rs's own `optimize.compact` cannot be used: it rebases onto commits that came in between, whatever its retries,
and two of them at once leave every row twice (tried with 1.6.6). A write transaction loses its race like every commit.
"""

import json
from collections.abc import Sequence
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from infra.interfaces import ObjectStore
from infra.tables.arrow_types import normalize_schema
from infra.tables.commits import COMMIT_HOOKS, ROW_GROUP_ROWS
from infra.tables.data_files import DataFile, read_data_files

MAX_SMALL_FILES = 20
"""Up to this many are left as they are: reading them costs less than a commit, which lets running commits lose."""
TARGET_BYTES = 32 * 2**20
"""Size of a compacted file; files of this size are never rewritten by a compaction."""


def plan_compaction(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """Return the groups of small files to merge, each into one file; none where there are not many."""
    small = sorted((file for file in files if file.size < TARGET_BYTES), key=lambda file: file.size)
    if len(small) <= MAX_SMALL_FILES:
        return []
    groups: list[list[DataFile]] = [[]]
    for file in small:
        if groups[-1] and sum(other.size for other in groups[-1]) + file.size > TARGET_BYTES:
            groups.append([])
        groups[-1].append(file)
    return [group for group in groups if len(group) > 1]


def compact_files(
    store: ObjectStore, table: str, groups: Sequence[list[DataFile]], target: DeltaTable, properties: CommitProperties
) -> None:
    """Merge each group of files into one, as exactly the version after the one that `target` was opened at.

    Files of a commit that loses its race are left to a sweep.
    """
    schema = normalize_schema(pa.schema(target.schema().to_arrow()))
    written = int(store.now().timestamp() * 1000)
    prefix = len(table) + 1
    actions: list[AddAction | RemoveAction] = []
    for group in groups:
        name = f"part-00000-{uuid4()}-c000.zstd.parquet"
        rows = _merge_files(store, group, schema, f"{table}/{name}")
        size = store.size(f"{table}/{name}")
        actions.append(AddAction(name, size, {}, written, False, json.dumps({"numRecords": rows})))
        actions += [RemoveAction(file.key[prefix:], False, written, file.size, {}) for file in group]
    target.create_write_transaction(
        actions, "append", target.schema(), commit_properties=properties, post_commithook_properties=COMMIT_HOOKS
    )
    target.update_incremental()


def _merge_files(store: ObjectStore, files: Sequence[DataFile], schema: pa.Schema, key: str) -> int:
    """Write the rows of the files into one new file, and return their number."""
    rows = 0
    digests = [field.name for field in schema if pa.types.is_binary(field.type)]
    dictionaries = [name for name in schema.names if name not in digests]  # digests never repeat
    with (
        store.open_output(key) as output,
        pq.ParquetWriter(
            output, schema, compression="zstd", compression_level=1, use_dictionary=dictionaries
        ) as writer,
    ):
        pending: list[pa.RecordBatch] = []
        for batch in read_data_files(store, files, schema):
            rows += batch.num_rows
            pending.append(batch)
            if sum(part.num_rows for part in pending) >= ROW_GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(pending, schema))
                pending = []
        writer.write_table(pa.Table.from_batches(pending, schema))
    return rows
