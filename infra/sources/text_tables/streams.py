"""Streams of a text table: a file's letters as UTF-8, from behind the header to a row that marks its end.

Inputs: an open file, its encoding. Outputs: bytes of UTF-8. What cannot be decoded becomes `UNDECODABLE`, a code point
that no text may use, so that the rows that hold it can be told from the others. The row at the end is of a random text
and too long: a parser that does not come upon it has taken it for a part of a quoted value, which nothing has closed.
"""

import codecs
from typing import IO

from infra.sources.text_tables.text_encodings import TextEncoding

UNDECODABLE = "\ufdd0"
_CHUNK_BYTES = 1 << 20
_ERRORS = "packshot-undecodable"


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return UNDECODABLE, error.end
    raise error


codecs.register_error(_ERRORS, _mark_undecodable)


class Utf8Stream:
    """Reads a file as UTF-8. The file is open at its start."""

    def __init__(self, stream: IO[bytes], encoding: TextEncoding) -> None:
        self._stream = stream
        self._decoder = None if encoding.is_clean else codecs.getincrementaldecoder(encoding.name)(_ERRORS)
        stream.seek(encoding.mark_bytes)

    def read(self, size: int) -> bytes:
        """Return about so many bytes; none at the end of the file."""
        if self._decoder is None:
            return self._stream.read(size)
        while True:
            data = self._stream.read(min(size, _CHUNK_BYTES))
            text = self._decoder.decode(data, final=not data)
            if text or not data:
                return text.encode("utf-8", "replace")


class RowStream:
    """A file's rows behind the header, and a row that marks their end. Arrow reads it as a Python file."""

    closed = False

    def __init__(self, text: Utf8Stream, header_bytes: int, ending: bytes) -> None:
        self._text, self._ending = text, ending
        self._rest, self._last, self._is_ended = b"", b"\n", False
        while header_bytes > 0 and (data := text.read(_CHUNK_BYTES)):
            self._rest, header_bytes = data[header_bytes:], header_bytes - len(data)
        self._last = self._rest[-1:] or b"\n"

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most so many; none at the end."""
        data = self._rest or (b"" if self._is_ended else self._next(size if size >= 0 else 16 << 20))
        if 0 <= size < len(data):
            data, self._rest = data[:size], data[size:]
        else:
            self._rest = b""
        return data

    def _next(self, size: int) -> bytes:
        data = self._text.read(size)
        if not data:
            self._is_ended = True
            return (b"" if self._last in b"\r\n" else b"\n") + self._ending + b"\n"
        self._last = data[-1:]
        return data

    def readable(self) -> bool:
        """Tell Arrow that this is read."""
        return True

    def writable(self) -> bool:
        """Tell Arrow that this is not written."""
        return False

    def seekable(self) -> bool:
        """Tell Arrow that this is read once, in order."""
        return False

    def close(self) -> None:
        """Do nothing: whoever opened the file closes it."""
