"""CSV files, every column as the text that stands there.

Comes in: a place of CSV files with the same header. Goes out: record batches of text columns. Nothing is guessed: a SKU
`00123` keeps its zeros, and an empty value is the empty text, never null. A row that is too short or too long stops the
reading, since nobody can tell which of its values are which.
"""

from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from infra.errors import UnreadableSource
from infra.sources.headers import check_headers
from infra.sources.source_files import Place, SourceFile, translated

BLOCK_BYTES = 16 << 20
"""What is parsed at once. A row must fit into two blocks, which bounds the longest value: descriptions with embedded
pictures reach a few megabytes."""

ADVICE = "quote values that hold commas, quotes or line breaks, and save as UTF-8 (the header is row 1)"


class CsvFiles:
    """The rows of a place's CSV files. Raises `UnreadableSource` for a missing, doubled or differing header."""

    rows: int | None = None  # known only after parsing it all, since values may hold line breaks

    def __init__(self, place: Place) -> None:
        self._place = place
        headers = [self._header(file) for file in place.files]
        check_headers(place, headers)
        self.columns = headers[0]

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[tuple[SourceFile, pa.RecordBatch]]:
        """Yield each file's rows in order, at most `limit` of them at a time."""
        for file in self._place.files:
            with self._place.open(file) as stream:
                for block in self._blocks(stream, file, columns):
                    for start in range(0, block.num_rows, limit):
                        yield file, block.slice(start, limit)

    def _blocks(self, stream: IO[bytes], file: SourceFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        said = self._place.said(file)
        with translated(said, ADVICE):
            reader = _reader(stream, columns)
        while True:
            with translated(said, ADVICE):
                block = next(reader, None)
            if block is None:
                return
            yield block

    def _header(self, file: SourceFile) -> list[str]:
        said = self._place.said(file)
        with self._place.open(file) as stream, translated(said, ADVICE):
            names = list(_reader(stream, ()).schema.names)
        for separator in (";", "\t", "|"):
            if len(names) == 1 and separator in names[0]:
                raise UnreadableSource(f"The columns of {said} are separated by {separator!r}; save it with commas.")
        return names


def _reader(stream: IO[bytes], columns: Sequence[str]) -> Any:
    """Open a streaming reader of the named columns as text; without names, one that shows the header."""
    return pa_csv.open_csv(
        stream,
        # One thread: only then do messages number the rows.
        read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=list(columns),
            strings_can_be_null=False,
        ),
    )
