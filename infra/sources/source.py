"""Open a source table of any supported format.

Inputs: a path or URL. Outputs: a `Source`, whose rows are numbered from 1 over all of its files, so that a reject can
name its row.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import pyarrow as pa

from infra.errors import UnreadableSource
from infra.sources.delta_tables import is_delta_table, open_delta
from infra.sources.file_formats import FileFormat, detect_format
from infra.sources.nested.json_files import open_json_documents, open_json_lines
from infra.sources.nested.xml_files import open_xml
from infra.sources.parquet_files import ParquetReader
from infra.sources.source_batches import FileBatch, SourceBatch, number_rows
from infra.sources.source_files import SourceFiles, list_source_files
from infra.sources.source_options import SourceOptions
from infra.sources.text_tables.reader import TextReader

BATCH_ROWS = 16_384
"""Rows of a batch: a first run has four or more slots per row as Python objects, about 1.5 kB each."""


class SourceReader(Protocol):
    """The rows of a source's files in one format. `columns` are those inside the files."""

    columns: list[str]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was found out about the files and how they are read, in sentences for the report."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what of it is doubtful; it is complete once the files were read."""

    @property
    def row_count(self) -> int | None:
        """Return the number of rows; None where only reading everything would tell it."""

    @property
    def readable(self) -> list[str]:
        """Return the columns that can be read whole, and of others paths to their texts and numbers."""

    def has(self, name: str) -> bool:
        """Tell whether a name is a column, or a path into one (see `infra.sources.nested.nested_paths`)."""

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
        """Yield each file's rows in order, at most `limit` of them at a time."""


@dataclass(frozen=True)
class Source:
    """A table that can be read from its beginning any number of times."""

    source_files: SourceFiles
    reader: SourceReader
    options: SourceOptions = field(default_factory=SourceOptions)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was found out about the files and how they are read."""
        kinds = sorted({file.compression.kind for file in self.source_files.files if file.compression})
        return (*(f"compressed by {kind}" for kind in kinds), *self.reader.notes)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what of it is doubtful. It is complete once the files were read."""
        return self.reader.warnings

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns' names in order; hive partitions come last."""
        partitions = [key for key, _ in self.source_files.files[0].partitions if key not in self.reader.columns]
        return (*self.reader.columns, *partitions)

    @property
    def readable(self) -> tuple[str, ...]:
        """Return the columns that can be read whole, and of nested ones paths to their texts and numbers."""
        partitions = [name for name in self.columns if name not in self.reader.columns]
        return (*self.reader.readable, *partitions)

    def has(self, name: str) -> bool:
        """Tell whether a name is a column, or a path into one, such as `item_name[0].value`."""
        return name in self.columns or self.reader.has(name)

    def columns_and_paths(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the columns, and then those of the names that are paths into columns."""
        paths = [name for name in dict.fromkeys(names) if name not in self.columns and self.reader.has(name)]
        return (*self.columns, *paths)

    def row_count(self) -> int | None:
        """Return the number of rows, or None where only reading everything would tell it (CSV)."""
        return self.reader.row_count

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[SourceBatch]:
        """Yield the rows in order, with their numbers (from 1, over the whole source).

        A batch has the named columns or paths in the named order (`readable` by default), and at most `BATCH_ROWS`
        rows; it may have none, where all are damaged or empty. CSV, XML and hive partitions give text; other columns
        keep their file's type, and a value reads the same from every file. Raises `UnreadableSource` for a missing
        column, and for damage once it is reached.
        """
        names = self.readable if columns is None else tuple(columns)
        for name in names:
            if not self.has(name):
                raise UnreadableSource(
                    f"{self.source_files.url!r} has no column {name!r}; it has {', '.join(self.columns)}."
                )
        return self._numbered(names)

    def fingerprint(self) -> str:
        """Return a digest in hex that changes with the content (see `SourceFiles.fingerprint`)."""
        return self.source_files.fingerprint()

    def _numbered(self, columns: Sequence[str]) -> Iterator[SourceBatch]:
        stored = [name for name in columns if self.reader.has(name)]
        first = 1
        # Without any stored column, one is read nevertheless, for the number of rows.
        for batch in self.reader.batches(stored or self.reader.columns[:1], BATCH_ROWS):
            if batch.length:
                values, count = dict(batch.file.partitions), batch.rows.num_rows
                arrays = [
                    batch.rows.column(name) if name in stored else pa.array([values[name]] * count, pa.string())
                    for name in columns
                ]
                yield number_rows(batch, first, pa.RecordBatch.from_arrays(arrays, names=list(columns)))
                first += batch.length


def open_source(path: str, options: SourceOptions | None = None) -> Source:
    """Open a file, a folder of files of one format (Parquet also hive-partitioned), or a Delta table.

    `path` is a local path or a URL (`infra.source_address`); `options` go before what is found out. Names and headers
    are checked here, and JSON and XML parsed once. Raises `UnreadableSource` for what the caller can correct, and
    `StoreError` for a storage that fails.
    """
    options = options or SourceOptions()
    if options.format == "delta" or (options.format is None and is_delta_table(path)):
        source_files, reader = open_delta(path, options.version)
        return Source(source_files, reader, options)
    if options.version is not None:
        raise UnreadableSource(f"{path!r} is no Delta table, so it has no version {options.version}; leave it out.")
    source_files = list_source_files(path)
    readers: dict[FileFormat, Callable[[SourceFiles, SourceOptions], SourceReader]] = {
        "parquet": lambda files, _: ParquetReader(files),
        "csv": TextReader,
        "jsonl": lambda files, options: open_json_lines(files, options.encoding),
        "json": lambda files, options: open_json_documents(files, options.records, options.encoding),
        "xml": lambda files, options: open_xml(files, options.records),
    }
    file_format = cast("FileFormat", options.format) if options.format else detect_format(source_files)
    return Source(source_files, readers[file_format](source_files, options), options)
