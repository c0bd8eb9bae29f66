"""Dictionary encoding over batches: texts with few distinct values as small numbers.

Inputs: text columns, batch by batch. Outputs: each column as positions in `names`, which grows.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa


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
