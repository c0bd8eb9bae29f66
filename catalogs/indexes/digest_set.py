"""Digest sets and maps: membership of millions of names or rows, in 16 bytes each.

Inputs: texts, or columns of a table. Outputs: digests, and which of them are in a set. A store holds millions of keys,
which as Python strings would take a gigabyte. Two names with equal 128 bits of sha256 are practically impossible.
"""

from array import array
from collections.abc import Hashable, Iterable
from hashlib import sha256
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalogs.indexes.digest_index import DIGEST_BYTES, DigestIndex, split_halves

_SEPARATOR = b"\x1f"

Value = TypeVar("Value", bound=Hashable)


def text_digests(texts: Iterable[str]) -> bytes:
    """Return the concatenated 16-byte digests of texts."""
    return b"".join(sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES] for text in texts)


def row_digests(*columns: pa.Array) -> bytes:
    """Return the concatenated 16-byte digests of rows of these columns (text or binary); a null reads as empty.

    The digests of one column of texts equal those of `text_digests`.
    """
    parts = [pc.cast(column, pa.binary()) for column in columns]
    joined = pc.binary_join_element_wise(*parts, _SEPARATOR, null_handling="replace")
    return b"".join(sha256(value).digest()[:DIGEST_BYTES] for value in joined.to_pylist())


def split_digests(digests: bytes) -> list[bytes]:
    """Return concatenated digests one by one."""
    return [digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)]


def table_row_digests(rows: pa.Table | pa.RecordBatch, *columns: str) -> bytes:
    """Return the concatenated 16-byte digests of a table's rows over these columns."""
    parts = [rows.column(name) for name in columns]
    return row_digests(*(part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part for part in parts))


class DigestSet:
    """A set of 16-byte digests, which may be added repeatedly. Its index is built at the first query after adding."""

    def __init__(self) -> None:
        self._added: list[bytes] = []
        self._index: DigestIndex | None = None

    def __len__(self) -> int:
        """Return the number of digests added, repeated ones included."""
        return sum(len(part) for part in self._added) // DIGEST_BYTES

    def add(self, digests: bytes) -> None:
        """Add concatenated digests."""
        self._added.append(digests)
        self._index = None

    def find(self, digests: bytes) -> npt.NDArray[np.int64]:
        """Return each digest's first position in the order of adding, or -1 if it is not in the set."""
        if self._index is None:
            self._added = [b"".join(self._added)]
            self._index = DigestIndex(*split_halves(self._added[0]))
        return self._index.find(*split_halves(digests))

    def contains(self, digests: bytes) -> npt.NDArray[np.bool_]:
        """Tell for each digest whether it is in the set."""
        return np.asarray(self.find(digests) >= 0)


class FirstOccurrenceFilter:
    """Selects the first occurrence of each digest of a set, over any number of batches."""

    def __init__(self, members: DigestSet) -> None:
        self._members = members
        self._seen = np.zeros(len(members), bool)

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """Tell for each member, in the order of adding, whether it has occurred."""
        return self._seen

    def first_occurrences(self, digests: bytes) -> npt.NDArray[np.bool_]:
        """Tell for each digest whether it is in the set and did not occur before, here or in an earlier batch."""
        positions = self._members.find(digests)
        _, first = np.unique(positions, return_index=True)
        new = np.zeros(len(positions), bool)
        new[first] = True
        new &= positions >= 0
        new[new] &= ~self._seen[positions[new]]
        self._seen[positions[new]] = True
        return new


class DigestMap(Generic[Value]):
    """A map from 16-byte digests to values, of which few are distinct. The value added first stays."""

    def __init__(self) -> None:
        self._digests = DigestSet()
        self._value_indices = array("i")
        self._values: list[Value] = []
        self._index_of_value: dict[Value, int] = {}

    def add(self, digests: bytes, values: Iterable[Value]) -> None:
        """Add concatenated digests, and a value for each."""
        for value in values:
            if value not in self._index_of_value:
                self._index_of_value[value] = len(self._values)
                self._values.append(value)
            self._value_indices.append(self._index_of_value[value])
        self._digests.add(digests)
        if len(self._value_indices) != len(self._digests):
            raise ValueError(f"{len(self._digests)} digests and {len(self._value_indices)} values: give one for each")

    def find(self, digests: bytes) -> list[Value | None]:
        """Return the value of each digest, or None if it is not in the map."""
        positions = self._digests.find(digests).tolist()
        return [self._values[self._value_indices[position]] if position >= 0 else None for position in positions]
