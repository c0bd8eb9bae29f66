"""Find the list of records in a JSON document, without parsing it: `[...]`, `{"products": [...]}`, or objects in a row.

Inputs: a binary stream of UTF-8 JSON. Outputs: the lists of objects that lie in no other list, with their paths and
places; or that the stream holds one object after another (JSON lines under another name).
Invariant: memory is bounded by `CHUNK_BYTES`, and no Python runs for a byte, nor for anything inside of a list: 500 MB
take some seconds. Whether the text is JSON at all is left to the parser of the records.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

CHUNK_BYTES = 4 << 20
MAX_WRAPPER_MARKS = 20_000
"""Brackets, commas and colons outside of every list. Wrappers have a dozen; an object of 100,000 keys is no wrapper."""

_MAX_BACKSLASHES = 1 << 16
_MAX_KEY_BYTES = 1 << 16  # of a key that one piece begins and the next one ends
_MARKS = np.zeros(256, np.bool_)
_MARKS[list(b"[]{},:")] = True
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


class BrokenDocument(Exception):
    """The brackets of the text do not make a document; the message goes on after the file's name."""


@dataclass(frozen=True)
class RecordList:
    """A list of objects: its path (`data.products`; `.` for the document itself) and its place in the stream."""

    path: str
    start: int
    """Offset of the byte after its bracket."""
    size: int


@dataclass(frozen=True)
class MarkedChunk:
    """A piece of text with the places of its brackets, commas and colons outside of strings, and the depth after each.

    `text` is as long as the original, with escapes blanked out.
    """

    original: bytes
    text: bytes
    places: npt.NDArray[np.int64]
    marks: bytes
    depths: npt.NDArray[np.int64]
    depth_before: int


def marked_chunks(stream: IO[bytes]) -> Iterator[MarkedChunk]:
    """Yield a stream in pieces with their marks. Raises `BrokenDocument` where its end is within something."""
    in_string = depth = 0
    while chunk := _read_chunk(stream):
        text = chunk.replace(b"\\\\", b"  ").replace(b'\\"', b"  ") if b"\\" in chunk else chunk
        characters = np.frombuffer(text, np.uint8)
        parity = (np.cumsum(characters == ord('"'), dtype=np.uint8) + in_string) & 1
        places = np.flatnonzero(_MARKS[characters] & (parity == 0))
        marks = characters[places]
        depths = np.cumsum(_STEPS[marks], dtype=np.int64) + depth
        yield MarkedChunk(chunk, text, places, marks.tobytes(), depths, depth)
        in_string = int(parity[-1])
        depth = int(depths[-1]) if len(depths) else depth
    if in_string or depth > 0:
        raise BrokenDocument("ends before its last bracket or string is closed (cut off?)")


def _read_chunk(stream: IO[bytes]) -> bytes:
    """Return a piece that does not end within an escape."""
    pieces = [stream.read(CHUNK_BYTES)]
    while pieces[-1].endswith(b"\\") and len(pieces) < _MAX_BACKSLASHES:
        pieces.append(stream.read(1))
    if len(pieces) == _MAX_BACKSLASHES:
        raise BrokenDocument(f"has more than {_MAX_BACKSLASHES:,} backslashes in a row")
    return b"".join(pieces)


def find_record_lists(stream: IO[bytes]) -> list[RecordList] | None:
    """Return the lists of objects in the one document of a stream; None where one object follows another.

    Raises `BrokenDocument`.
    """
    outline = _Outline()
    offset = 0
    for chunk in marked_chunks(stream):
        outline.read(chunk, offset)
        if outline.is_sequence:
            return None
        offset += len(chunk.original)
    return outline.found


@dataclass
class _Outline:
    """Walks the marks outside of every list, and jumps over lists."""

    found: list[RecordList] = field(default_factory=list)
    is_sequence: bool = False
    _keys: list[str] = field(default_factory=list)
    _key: str = ""
    _list_start: int = -1
    _list_depth: int = 0
    _first_in_list: bool = False
    _holds_objects: bool = False
    _ended: bool = False
    _seen: int = 0
    _rest: bytes = b""

    def read(self, chunk: MarkedChunk, offset: int) -> None:
        number = 0
        while number < len(chunk.marks) and not self.is_sequence and self._seen < MAX_WRAPPER_MARKS:
            if self._list_start >= 0:
                number = self._skip_list(chunk, number, offset)
            else:
                self._walk(chunk, number, offset)
                number += 1
        last = int(chunk.places[-1]) + 1 if len(chunk.places) else 0
        self._rest = ((self._rest if last == 0 else b"") + chunk.text[last:][-_MAX_KEY_BYTES:])[-_MAX_KEY_BYTES:]

    def _walk(self, chunk: MarkedChunk, number: int, offset: int) -> None:
        self._seen += 1
        mark, place = chunk.marks[number], int(chunk.places[number])
        if mark in b"{[" and self._ended:
            self.is_sequence = True
        elif mark == ord("{"):
            self._keys.append(self._key)
        elif mark == ord("}"):
            self._key = self._keys.pop() if self._keys else ""
            self._ended = not self._keys
        elif mark == ord(":"):
            before = int(chunk.places[number - 1]) + 1 if number else 0
            self._key = _last_string((self._rest if number == 0 else b"") + chunk.text[before:place])
        elif mark == ord("["):
            self._list_start, self._list_depth = offset + place + 1, int(chunk.depths[number]) - 1
            self._first_in_list, self._holds_objects = True, False

    def _skip_list(self, chunk: MarkedChunk, number: int, offset: int) -> int:
        """Go behind the list's end, or to the end of the chunk; return the number of the next mark."""
        if self._first_in_list:
            self._holds_objects = chunk.marks[number] == ord("{")
            self._first_in_list = False
        end = _first_at_most(chunk.depths, number, self._list_depth)
        if end < 0:
            return len(chunk.marks)
        if self._holds_objects:
            path = ".".join([*self._keys[1:], self._key]) if self._keys else "."
            size = offset + int(chunk.places[end]) - self._list_start
            self.found.append(RecordList(path, self._list_start, size))
        self._list_start = -1
        self._ended = not self._keys
        return end + 1


def _first_at_most(depths: npt.NDArray[np.int64], start: int, depth: int) -> int:
    """Return the first place from `start` on with at most this depth, or -1; a short list takes a short look."""
    length = 64
    while start < len(depths):
        ends = np.flatnonzero(depths[start : start + length] <= depth)
        if len(ends):
            return start + int(ends[0])
        start, length = start + length, length * 8
    return -1


def _last_string(text: bytes) -> str:
    """Return the last string of a text, whose escapes are blanked out: a key before its colon."""
    parts = text.rsplit(b'"', 2)
    return parts[1].decode("utf-8", "replace") if len(parts) == 3 else ""
