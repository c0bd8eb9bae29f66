"""Read Thrift's compact protocol, in which Parquet writes its footer and page headers, within a budget.

Inputs: bytes, an offset. Outputs: a struct as a dictionary of field number -> value, and the offset after it.
Invariant: memory and time are bounded by `MAX_VALUES` and `MAX_DEPTH`, before Parquet's own reader allocates: there, an
element of three bytes becomes an object of several hundred, and nested fields are built by recursion.
Specification: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Any

MAX_VALUES = 4_000_000
"""Values of one struct: fifty columns in two thousand row groups have three million, which take some seconds."""

MAX_LIST_STRUCTS = 500_000
"""Structs in the lists of one struct. A column chunk takes 620 bytes in Parquet's reader (measured)."""

MAX_DEPTH = 16
"""Structs and lists inside each other. Parquet's footer has eight."""

Struct = dict[int, Any]

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)


class MalformedThrift(ValueError):
    """The bytes are no struct, or a larger one than is read; the message ends a sentence."""


class IncompleteThrift(MalformedThrift):
    """The bytes end before the struct does."""


def read_struct(data: bytes, offset: int = 0) -> tuple[Struct, int]:
    """Return the struct at the offset, and the offset after it. Raises `MalformedThrift`."""
    reader = _CompactReader(data, offset)
    try:
        return reader.struct(MAX_DEPTH), reader.offset
    except IndexError:
        raise IncompleteThrift("it ends too early") from None


class _CompactReader:
    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self.offset = offset
        self._values = 0
        self._list_structs = 0

    def struct(self, depth: int) -> Struct:
        fields: Struct = {}
        number = 0
        while header := self._byte():
            delta, kind = header >> 4, header & 0x0F
            number = number + delta if delta else self._zigzag()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth - 1)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        self._values += 1
        if depth < 0 or self._values > MAX_VALUES:
            raise MalformedThrift("it is nested or long beyond any table's")
        if kind in _INTEGERS:
            return self._zigzag()
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self.struct(depth)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind in (_BYTE, _TRUE, _FALSE):
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise MalformedThrift(f"it has a value of the unknown kind {kind}")  # maps, too: Parquet has none

    def _list(self, depth: int) -> list[Any]:
        header = self._byte()
        size, kind = header >> 4, header & 0x0F
        if size == 15:
            size = self._varint()
        if kind == _STRUCT:
            self._list_structs += size
        if size > MAX_VALUES or self._list_structs > MAX_LIST_STRUCTS:
            raise MalformedThrift(f"it has a list of {size:,} values")
        if size > len(self._data) - self.offset:
            raise IncompleteThrift("it ends too early")
        return [self._value(kind, depth - 1) for _ in range(size)]

    def _byte(self) -> int:
        value = self._data[self.offset]
        self.offset += 1
        return value

    def _bytes(self, size: int) -> bytes:
        end = self.offset + size
        if end > len(self._data):
            raise IncompleteThrift("it ends too early")
        value = self._data[self.offset : end]
        self.offset = end
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise MalformedThrift("it has a number of more than 64 bits")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
