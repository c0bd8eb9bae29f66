"""What was used last is kept, within a number of bytes: CUDA graphs with their buffers.

Comes in: values and their sizes. Goes out: the same values, until others need their room. What was made last always
stays, even where it is larger than the budget: it is about to be used.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """Values by key, the least recently used of them forgotten when `budget` bytes are passed."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all that is kept."""
        return sum(size for _, size in self._entries.values())

    def get(self, key: Key) -> Value | None:
        """Return what is kept under `key`, which now was used last, or None."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def put(self, key: Key, value: Value, size: int) -> list[Value]:
        """Keep a value of `size` bytes and return those that were forgotten for it, the oldest first."""
        replaced = [self._entries.pop(key)[0]] if key in self._entries else []
        self._entries[key] = (value, size)
        while self.size_bytes > self._max_bytes and len(self._entries) > 1:
            replaced.append(self._entries.popitem(last=False)[1][0])
        return replaced

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
