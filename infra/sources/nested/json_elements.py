"""Cut JSON documents into JSON lines: each element of a list, or each of several objects, on a line of its own.

Inputs: a binary stream, at the first byte of the elements. Outputs: pieces of whole lines.
Invariant: no byte of a value changes; line breaks between values become spaces, and commas between elements line
breaks. An element is at most `MAX_LINE_BYTES` long.
"""

from collections.abc import Iterator
from typing import IO

import numpy as np

from infra.sources.nested.json_outline import BrokenDocument, MarkedChunk, marked_chunks

MAX_LINE_BYTES = 16 << 20
"""The longest element: a row with images embedded as text has a few megabytes."""

_LINE_BREAKS_TO_SPACES = bytes.maketrans(b"\r\n", b"  ")
_CLOSING = np.zeros(256, np.bool_)
_CLOSING[list(b"}]")] = True


def list_elements(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the elements of a list, whose bracket was just read, up to the bracket that ends it."""
    rest = b""
    for chunk in marked_chunks(stream):
        marks = np.frombuffer(chunk.marks, np.uint8)
        ends = np.flatnonzero(chunk.depths < 0)
        last = int(ends[0]) if len(ends) else len(marks)
        is_comma = (marks[:last] == ord(",")) & (chunk.depths[:last] == 0)
        commas = chunk.places[:last][is_comma]
        text = bytearray(chunk.original.translate(_LINE_BREAKS_TO_SPACES))
        np.frombuffer(text, np.uint8)[commas] = ord("\n")
        if len(ends):
            yield rest + bytes(text[: int(chunk.places[last])])
            return
        cut = int(commas[-1]) + 1 if len(commas) else 0
        if cut:
            yield rest + bytes(text[:cut])
            rest = b""
        rest += bytes(text[cut:])
        _require_short(rest)
    raise BrokenDocument("ends before the list of its records does (cut off?)")


def objects_in_a_row(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield objects that follow each other, each on lines of its own, however they are broken into lines."""
    rest = b""
    for chunk in marked_chunks(stream):
        marks = np.frombuffer(chunk.marks, np.uint8)
        ends = chunk.places[_CLOSING[marks] & (chunk.depths <= 0)]
        text = _without_inner_line_breaks(chunk)
        cut = int(ends[-1]) + 1 if len(ends) else 0
        if cut:
            yield rest + text[:cut] + b"\n"
            rest = b""
        rest += text[cut:]
        _require_short(rest)
    if rest.strip():
        yield rest


def _without_inner_line_breaks(chunk: MarkedChunk) -> bytes:
    text = bytearray(chunk.original.replace(b"\r", b" "))
    characters = np.frombuffer(text, np.uint8)
    breaks = np.flatnonzero(characters == ord("\n"))
    depths = np.append(chunk.depth_before, chunk.depths)[np.searchsorted(chunk.places, breaks)]
    characters[breaks[depths > 0]] = ord(" ")
    return bytes(text)


def _require_short(rest: bytes) -> None:
    if len(rest) > MAX_LINE_BYTES:
        raise BrokenDocument(f"has a record of more than {MAX_LINE_BYTES >> 20} MB")
