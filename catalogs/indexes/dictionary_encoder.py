"""Dictionary encoding over batches: texts with few distinct values as small numbers.

Inputs: text columns, batch by batch. Outputs: each column as positions in `names`, which grows.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class DictionaryEncoder:
    """Encodes texts with few distinct values as small numbers, over any number of batches."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._known: dict[str, int] = {}

    def encode(self, column: pa.Array) -> npt.NDArray[np.int32]:
        """Return the position of each text among `names`."""
        encoded = column.dictionary_encode()
        codes = np.array([self._encode_name(name) for name in encoded.dictionary.to_pylist()], np.int32)
        return codes[encoded.indices.to_numpy(zero_copy_only=False)] if len(column) else np.empty(0, np.int32)

    def _encode_name(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = len(self.names)
            self.names.append(name)
        return self._known[name]


class EncodedColumn:
    """A text column of all batches as positions among its distinct texts, -1 where it is null."""

    def __init__(self) -> None:
        self._codes, self._parts = DictionaryEncoder(), [np.empty(0, np.int32)]
        self.names = self._codes.names

    def add(self, column: pa.Array) -> None:
        """Add a batch's column."""
        if column.null_count:
            part = np.full(len(column), -1, np.int32)
            part[pc.is_valid(column).to_numpy(zero_copy_only=False)] = self._codes.encode(column.drop_null())
        else:
            part = self._codes.encode(column)
        self._parts.append(part)

    def positions(self) -> npt.NDArray[np.int32]:
        """Return the positions of all rows."""
        return np.concatenate(self._parts)


def hex_texts(column: pa.Array) -> pa.Array:
    """Return digests as texts in hex, null where they are; meant for a column with few distinct ones."""
    encoded = column.dictionary_encode()
    return pa.array([value.hex() for value in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)
