"""Compressed files of a source: gzip, zstd, and zip archives of tables, read as what they hold.

Inputs: the listed files. Outputs: the same, in which a zip archive became its members; streams of what files hold.
Invariant: memory does not grow with a file, and neither do its bytes without limit: a kilobyte of gzip can hold a
megabyte, and of zip's directory a million names. Damage is an error where it is reached; what was cut off never ends as
if it were whole.
"""

import gzip
import io
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

import pyarrow as pa
from isal import igzip, isal_zlib

from infra.errors import UnreadableSource, one_line

MAX_DECODED_BYTES = 8 << 30
"""Bytes that a file may hold, as much as a download may have."""

MAX_RATIO = 200
"""Times its own size that a file may hold, beyond `FREE_BYTES`. Tables have 3 to 60; deflate's utmost is 1,032."""

FREE_BYTES = 64 << 20
MAX_MEMBERS = 10_000
MAX_DIRECTORY_BYTES = 16 << 20

EXTENSIONS = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".zip": "zip"}
_READ_FROM_THE_END = (".parquet", ".pq")
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip"))
_END_OF_DIRECTORY = b"PK\x05\x06"

_DAMAGE: Any = (
    *(gzip.BadGzipFile, EOFError, zlib.error, isal_zlib.error, pa.ArrowException, zipfile.BadZipFile),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, LookupError, struct.error),  # zipfile's, of damage
)


@dataclass(frozen=True)
class Compression:
    """How a file is compressed; of a zip archive, the member that is read."""

    kind: str
    member: str = ""


def compression_of(path: str, head: bytes) -> str | None:
    """Return the kind of a file's compression, by its name or, of other names, by its first bytes."""
    extension = os.path.splitext(path)[1].lower()  # noqa: PTH122 - a URL's path, not this machine's
    if extension in EXTENSIONS:
        return EXTENSIONS[extension]
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


def content_name(path: str, compression: Compression | None) -> str:
    """Return the name of what a file holds, whose extension says its format."""
    if compression is not None and compression.member:
        return compression.member
    stem, extension = os.path.splitext(path)  # noqa: PTH122 - as above
    return stem if compression is not None and extension.lower() in EXTENSIONS else path


def zip_members(stream: IO[bytes], name: str) -> list[str]:
    """Return the names of the files in a zip archive. Raises `UnreadableSource`."""
    _check_directory(stream, name)
    with _damage_named(name, "zip"), zipfile.ZipFile(stream) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_marker(entry.filename)]
        if any(entry.filename == "[Content_Types].xml" for entry in archive.infolist()):
            raise UnreadableSource(f"{name} is an Excel workbook or another Office document; save its sheet as CSV.")
        for entry in entries:
            if entry.flag_bits & 1:
                raise UnreadableSource(f"{name} is encrypted; give it without a password.")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise UnreadableSource(f"{name} is compressed in another way than zip's usual one; use deflate.")
    if not entries:
        raise UnreadableSource(f"{name} is a zip archive without any table; put the table itself there.")
    return sorted(entry.filename for entry in entries)


@contextmanager
def open_content(stream: IO[bytes], compression: Compression, path: str, size: int, name: str) -> Iterator[IO[bytes]]:
    """Open what a file holds, for reading in order and from the start again; Parquet, in any order.

    `size` is the file's own.
    """

    def opened() -> IO[bytes]:
        stream.seek(0)
        if compression.kind == "gzip":
            return cast("IO[bytes]", igzip.IGzipFile(fileobj=stream))  # type: ignore[no-untyped-call]
        if compression.kind == "zstd":
            return cast("IO[bytes]", pa.CompressedInputStream(pa.PythonFile(_Unclosed(stream), mode="r"), "zstd"))
        return zipfile.ZipFile(stream).open(compression.member)

    content = io.BufferedReader(_Content(opened, compression.kind, size, name), 1 << 20)
    if not content_name(path, compression).lower().endswith(_READ_FROM_THE_END):
        yield content
        return
    with tempfile.TemporaryFile() as file:
        while data := content.read(1 << 20):
            file.write(data)
        file.seek(0)
        yield file


class _Unclosed:
    """A stream that is closed by whoever opened it, and not by Arrow."""

    closed = False

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        return None


class _Content(io.RawIOBase):
    """What a compressed file holds, within the limits; seeking back begins anew."""

    def __init__(self, opened: Callable[[], IO[bytes]], kind: str, size: int, name: str) -> None:
        self._opened, self._kind, self._name = opened, kind, name
        self._limit = min(MAX_DECODED_BYTES, max(FREE_BYTES, size * MAX_RATIO))
        self._position = 0
        self._stream: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        target = offset + (self._position if whence == os.SEEK_CUR else 0)
        if whence == os.SEEK_END:
            raise io.UnsupportedOperation("the end of what is compressed is not known before it is read")
        if target < self._position:
            self._stream, self._position = None, 0
        while self._position < target and self._read(min(1 << 20, target - self._position)):
            pass
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        with _damage_named(self._name, self._kind):
            self._stream = self._stream or self._opened()
            data = self._stream.read(size)
        self._position += len(data)
        if self._position > self._limit:
            raise UnreadableSource(
                f"{self._name} holds more than {self._limit >> 20:,} MB, as a table of its size never does; give it"
                " without compression."
            )
        return data


@contextmanager
def _damage_named(name: str, kind: str) -> Iterator[None]:
    """Say what a library says of damaged data in a sentence that names the file."""
    try:
        yield
    except _DAMAGE as error:
        reason = one_line(error) or type(error).__name__
        raise UnreadableSource(f"{name} is damaged or no {kind}; export it again: {reason}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise UnreadableSource(f"{name} is damaged or no {kind}; export it again: {one_line(error)}") from None


def _check_directory(stream: IO[bytes], name: str) -> None:
    """Refuse a zip archive whose directory is larger than that of any catalogue, before it is read into memory."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - (64 << 10) - 22))
    tail = stream.read()
    place = tail.rfind(_END_OF_DIRECTORY)
    if place < 0 or len(tail) < place + 22:
        raise UnreadableSource(f"{name} is damaged or no zip; export it again: it has no directory at its end")
    count, directory_bytes = struct.unpack_from("<HI", tail, place + 10)
    if count > MAX_MEMBERS or directory_bytes > MAX_DIRECTORY_BYTES:
        raise UnreadableSource(f"{name} is a zip archive of more than {MAX_MEMBERS:,} files; put them into a folder.")
    stream.seek(0)


def _is_marker(name: str) -> bool:
    return any(part.startswith(("_", ".")) for part in name.split("/"))
