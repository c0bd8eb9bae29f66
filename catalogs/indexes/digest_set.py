"""Sets of millions of names or rows, in 16 bytes each.

Comes in: texts, or columns of a batch. Goes out: which of them are in the set. A store that is looked after holds
millions of keys, and as Python strings they would take a gigabyte. That two names meet in 128 bits of sha256 is no
worry.
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
    """Return 16 bytes a text, one text after another."""
    return b"".join(sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES] for text in texts)


def row_digests(*columns: pa.Array) -> bytes:
    """Return 16 bytes a row of these columns (text or binary), one row after another; a null reads as empty.

    A column of texts gives what `text_digests` gives of them.
    """
    parts = [pc.cast(column, pa.binary()) for column in columns]
    joined = pc.binary_join_element_wise(*parts, _SEPARATOR, null_handling="replace")
    return b"".join(sha256(value).digest()[:DIGEST_BYTES] for value in joined.to_pylist())


def table_row_digests(rows: pa.Table | pa.RecordBatch, *columns: str) -> bytes:
    """Return 16 bytes a row that stand for these columns."""
    parts = [rows.column(name) for name in columns]
    return row_digests(*(part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part for part in parts))


class DigestSet:
    """Digests of 16 bytes; they may be added more than once. The index is built at the first question after that."""

    def __init__(self) -> None:
        self._added: list[bytes] = []
        self._index: DigestIndex | None = None

    def __len__(self) -> int:
        """Return how many digests were added, repeated ones included."""
        return sum(len(part) for part in self._added) // DIGEST_BYTES

    def add(self, digests: bytes) -> None:
        """Add digests that are given one after another."""
        self._added.append(digests)
        self._index = None

    def find(self, digests: bytes) -> npt.NDArray[np.int64]:
        """Return where in the order of adding each digest came first, or -1 where it is not in the set."""
        if self._index is None:
            self._added = [b"".join(self._added)]
            self._index = DigestIndex(*split_halves(self._added[0]))
        return self._index.find(*split_halves(digests))

    def contains(self, digests: bytes) -> npt.NDArray[np.bool_]:
        """Tell for each digest whether it is in the set."""
        return np.asarray(self.find(digests) >= 0)


class FirstOccurrenceFilter:
    """Tells which digests of a set are met for the first time, over any number of batches."""

    def __init__(self, members: DigestSet) -> None:
        self._members = members
        self._seen = np.zeros(len(members), bool)

    def first_occurrences(self, digests: bytes) -> npt.NDArray[np.bool_]:
        """Tell for each digest whether it is in the set and was not met before, here or in an earlier batch."""
        places = self._members.find(digests)
        _, first = np.unique(places, return_index=True)
        new = np.zeros(len(places), bool)
        new[first] = True
        new &= places >= 0
        new[new] &= ~self._seen[places[new]]
        self._seen[places[new]] = True
        return new


class DigestMap(Generic[Value]):
    """Digests of 16 bytes, each with one of few different values. What was added first stands."""

    def __init__(self) -> None:
        self._digests = DigestSet()
        self._value_indices = array("i")
        self._values: list[Value] = []
        self._index_of_value: dict[Value, int] = {}

    def add(self, digests: bytes, values: Iterable[Value]) -> None:
        """Add digests that are given one after another, and a value for each."""
        for value in values:
            if value not in self._index_of_value:
                self._index_of_value[value] = len(self._values)
                self._values.append(value)
            self._value_indices.append(self._index_of_value[value])
        self._digests.add(digests)
        if len(self._value_indices) != len(self._digests):
            raise ValueError(f"{len(self._digests)} digests and {len(self._value_indices)} values: give one for each")

    def find(self, digests: bytes) -> list[Value | None]:
        """Return the value of each digest, None where there is none."""
        places = self._digests.find(digests).tolist()
        return [self._values[self._value_indices[place]] if place >= 0 else None for place in places]
