"""Plan writer: the Parquet files of a run's plan, written row group by row group.

Inputs: Arrow tables of slots, rejects, requests and the like, as planning produces them. Outputs: the files of the
run's folder (`catalogs.layout.RunFiles`), each opened when its first rows come; nothing at all in a dry run. A file is
whole when the exit stack that was given is closed. Nothing is held back, so a first run of 2,000,000 images is written
in bounded memory.
"""

from contextlib import ExitStack
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from catalogs import layout
from infra.interfaces import ObjectStore


class PlanWriter:
    """Writers for the files of one run's plan; without a run id (a dry run) every method does nothing."""

    def __init__(self, store: ObjectStore, run_id: str | None, stack: ExitStack) -> None:
        """Open nothing yet; `stack` closes what is opened."""
        self._store, self._run_id, self._stack = store, run_id, stack
        self.files = layout.RunFiles(run_id or "")
        self._open_writers: dict[str, tuple[pq.ParquetWriter, ExitStack]] = {}
        self._open_parts: dict[str, str] = {}  # priority -> key of the part that is being filled

    def write_table(self, key: str, table: pa.Table) -> None:
        """Append a table to one of the run's files."""
        if self._run_id is not None:
            self._open_writer(key, table.schema).write_table(table)

    def write_rows(self, key: str, table: pa.Table) -> None:
        """Append a table to one of the run's files; a table without rows makes no file."""
        if table.num_rows:
            self.write_table(key, table)

    def write_request_group(self, part: str, table: pa.Table) -> None:
        """Write one shard as one row group. The parts of a priority come in order: a new one closes the one before."""
        if self._run_id is None:
            return
        key, priority = self.files.requests(part), part.partition("-")[0]
        if self._open_parts.get(priority, key) != key:
            _, files = self._open_writers.pop(self._open_parts[priority])
            files.close()
        self._open_parts[priority] = key
        # Row groups this small are written in a third of the time without dictionaries and without zstd's set-up, and
        # become 9 % larger.
        writer = self._open_writer(key, table.schema, compression="lz4", use_dictionary=False)
        writer.write_table(table, row_group_size=max(table.num_rows, 1))

    def _open_writer(
        self, key: str, schema: pa.Schema, *, compression: str = "zstd", use_dictionary: bool = True
    ) -> pq.ParquetWriter:
        if key not in self._open_writers:
            files = self._stack.enter_context(ExitStack())
            output: IO[bytes] = files.enter_context(self._store.open_output(key))
            writer = pq.ParquetWriter(
                output, schema, compression=compression, use_dictionary=use_dictionary, write_statistics=False
            )
            self._open_writers[key] = (files.enter_context(writer), files)
        return self._open_writers[key][0]
