"""Read a Parquet file through a guard that bounds what its pages may grow to.

Inputs: a binary file, the metadata of a row group. Outputs: the same bytes; `PageTooLarge` in place of bytes that would
decode to more than the limits.
Invariant: a page's header is checked before Parquet's reader has it. That reader allocates what a header claims, up to
2 GiB, and zstd packs as much into 60 kB; the sizes in the footer are not compared with the pages, so they bound
nothing. A column is read from its beginning to its end, so headers are found in passing and no byte is read twice.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import IO, Any

from infra.sources.thrift_compact import IncompleteThrift, MalformedThrift, Struct, read_struct

MAX_PAGES_BYTES = 128 << 20
"""The largest pages of all columns together, with their dictionaries. Writers aim at 1 MB a page; pyarrow's have at
least 1,024 values, whose 20,000 characters (the longest field) make 20 MB of plain text."""

MAX_BATCH_BYTES = 256 << 20
"""What the pages of one batch decode to: four times the size that a batch is planned to have."""

MAX_FOOTER_BYTES = 64 << 20
_SMALL_FOOTER_BYTES = 1 << 20
"""A footer that is not counted: at worst it becomes 350,000 column chunks, 0.2 GB."""

MAX_LIST_VALUES = 32 << 20
"""Values of a list column in a row group; a single row could have them all."""

_MAX_HEADER_BYTES = 1 << 20
_OLD_WRITERS_PADDING = 100  # parquet-mr before 1.2.9 gave sizes that are too small by up to so much (PARQUET-816)
_DELTA_ENCODINGS = {6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY"}
_SIZE, _COMPRESSED_SIZE, _DATA_PAGE, _DATA_PAGE_V2 = 2, 3, 5, 8
_VALUES, _ENCODING, _ENCODING_V2 = 1, 2, 4
"""Numbers of fields of a page header, and of the data page's header in it."""
_NO_HEADER = "a page's header cannot be used: a field has another type than Parquet's"


class PageTooLarge(Exception):
    """The file asks for more memory than is given to it; the message goes on after "since"."""


class ReadDenied(Exception):
    """A byte was asked for while the guard gives none."""


def check_footer(footer: bytes) -> None:
    """Raise `PageTooLarge` for a footer that becomes too many objects, before Parquet's reader parses it."""
    if len(footer) > MAX_FOOTER_BYTES:
        raise PageTooLarge(f"its footer has more than {MAX_FOOTER_BYTES >> 20} MB")
    if len(footer) > _SMALL_FOOTER_BYTES:
        try:
            read_struct(footer)
        except MalformedThrift as error:
            raise PageTooLarge(f"its footer cannot be used: {error}") from None


def _whole_number(fields: Struct, number: int, default: int) -> int:
    """Return a field of a page header. Raises `PageTooLarge` where it is of another type."""
    value = fields.get(number, default)
    if not isinstance(value, int):
        raise PageTooLarge(_NO_HEADER)
    return value


class _ColumnChunk:
    """The bytes of one column in a row group, where its next page header is, and what its pages decode to."""

    def __init__(self, metadata: Any, is_list: bool, batch_rows: int) -> None:
        start = metadata.data_page_offset
        if metadata.dictionary_page_offset and 0 < metadata.dictionary_page_offset < start:
            start = metadata.dictionary_page_offset
        self.start = self.next_header = start
        self.end = start + metadata.total_compressed_size
        self.resident_bytes = 0
        self.batch_bytes = 0
        self._dictionary = self._largest_page = 0
        self._values_left = MAX_LIST_VALUES if is_list else None
        # One row of a list may have all the values, so a batch may need all the pages.
        self._window_values = MAX_LIST_VALUES if is_list else batch_rows
        self._window: deque[tuple[int, int]] = deque()
        self._values_in_window = self._bytes_in_window = 0

    def add_dictionary(self, size: int) -> None:
        """Count a dictionary page."""
        self._dictionary = max(self._dictionary, size)
        self.resident_bytes = self._dictionary + self._largest_page

    def add_page(self, size: int, values: int) -> None:
        """Count a data page; `batch_bytes` becomes what the pages that any batch touches decode to, at most."""
        if self._values_left is not None:
            self._values_left -= values
            if self._values_left < 0:
                raise PageTooLarge(f"a list column has more than {MAX_LIST_VALUES:,} values in a row group")
        self._largest_page = max(self._largest_page, size)
        self.resident_bytes = self._dictionary + self._largest_page
        self._window.append((size, values))
        self._bytes_in_window += size
        self._values_in_window += values
        while self._values_in_window - self._window[0][1] >= self._window_values:
            size, values = self._window.popleft()
            self._bytes_in_window -= size
            self._values_in_window -= values
        self.batch_bytes = max(self.batch_bytes, self._bytes_in_window)


class GuardedParquetFile:
    """A binary file for Parquet's reader. Until `watch` is called, every byte is given: that is the footer."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._chunks: list[_ColumnChunk] | None = None
        self._denies = False
        self.closed = False

    @contextmanager
    def denying_reads(self) -> Iterator[None]:
        """Meanwhile raise `ReadDenied` where a byte is asked for."""
        self._denies = True
        try:
            yield
        finally:
            self._denies = False

    def watch(self, columns: Iterable[tuple[Any, bool]], batch_rows: int) -> None:
        """From now on give the bytes of these columns alone, and check their pages.

        Each is the metadata of a column chunk, and whether the column is a list. Raises `PageTooLarge`.
        """
        chunks = [_ColumnChunk(metadata, is_list, batch_rows) for metadata, is_list in columns]
        chunks.sort(key=lambda chunk: chunk.start)
        for before, after in pairwise(chunks):
            if before.end > after.start:
                raise PageTooLarge("its columns overlap")
        self._chunks = chunks

    def read(self, size: int = -1) -> bytes:
        """Read as files do. Raises `PageTooLarge`."""
        if self._denies:
            raise ReadDenied("the guard gives no bytes now")
        start = self._file.tell()
        data = self._file.read(size)
        if self._chunks is not None and data:
            self._check_pages(self._chunks, start, data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek as files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Tell as files do."""
        return self._file.tell()

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def seekable(self) -> bool:
        """Say that this can be sought."""
        return True

    def close(self) -> None:
        """Leave the file open: who opened it closes it."""
        self.closed = True

    def _check_pages(self, chunks: list[_ColumnChunk], start: int, data: bytes) -> None:
        number = bisect_right(chunks, start, key=lambda chunk: chunk.start) - 1
        if number < 0 or start > chunks[number].end + _OLD_WRITERS_PADDING:
            raise PageTooLarge("its columns lie elsewhere than its footer says")
        chunk = chunks[number]
        if start > chunk.next_header and start < chunk.end:
            raise PageTooLarge("its pages do not follow each other")
        end = min(start + len(data), chunk.end)
        while chunk.next_header < end:
            header, size = self._page_header(data, chunk.next_header - start)
            self._check_page(chunk, header)
            if sum(each.resident_bytes for each in chunks) > MAX_PAGES_BYTES:
                raise PageTooLarge(f"its pages decode to more than {MAX_PAGES_BYTES >> 20} MB")
            if sum(each.batch_bytes for each in chunks) > MAX_BATCH_BYTES:
                raise PageTooLarge(f"a few rows decode to more than {MAX_BATCH_BYTES >> 20} MB")
            stored = max(0, _whole_number(header, _COMPRESSED_SIZE, 0))
            if stored > MAX_PAGES_BYTES or chunk.next_header + size + stored > chunk.end + _OLD_WRITERS_PADDING:
                raise PageTooLarge("a page claims more bytes than its column has")
            chunk.next_header += size + stored

    def _page_header(self, data: bytes, offset: int) -> tuple[Struct, int]:
        """Return the header at the offset, and its size."""
        try:
            try:
                header, end = read_struct(data, offset)
            except IncompleteThrift:  # it goes on behind what is read
                position = self._file.tell()
                data = data[offset:] + self._file.read(_MAX_HEADER_BYTES)
                self._file.seek(position)
                offset = 0
                header, end = read_struct(data)
        except MalformedThrift as error:
            raise PageTooLarge(f"a page's header cannot be used: {error}") from None
        return header, end - offset

    def _check_page(self, chunk: _ColumnChunk, header: Struct) -> None:
        size = _whole_number(header, _SIZE, -1)
        page = header.get(_DATA_PAGE) or header.get(_DATA_PAGE_V2)
        if size < 0:
            raise PageTooLarge("a page has no size")
        if page is None:
            chunk.add_dictionary(size)
            return
        if not isinstance(page, dict):
            raise PageTooLarge(_NO_HEADER)
        chunk.add_page(size, max(0, _whole_number(page, _VALUES, 0)))
        encoding = _whole_number(page, _ENCODING_V2 if _DATA_PAGE_V2 in header else _ENCODING, -1)
        if encoding in _DELTA_ENCODINGS:
            raise PageTooLarge(f"a column is encoded as {_DELTA_ENCODINGS[encoding]}, which hides its decoded size")
