"""Object store in this process's memory, for tests: the same behaviour as a real store, without a disk.

Inputs: keys and bytes. Outputs: the same bytes. Stores of one name share their objects within a process; another
process sees an empty store. There are no tables here: Delta needs files.
"""

import io
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import IO

from infra.errors import ObjectMissing
from infra.interfaces import ObjectInfo
from infra.stores.key_validation import check_key, check_prefix

Clock = Callable[[], datetime]

_lock = Lock()
_objects_by_name: "dict[str, _Objects]" = {}


class _Objects:
    """The objects of one store, and their keys in order: a listing costs what it yields."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[bytes, datetime]] = {}
        self._keys: list[str] = []

    def put(self, key: str, data: bytes, modified: datetime) -> None:
        if key not in self.entries:
            insort(self._keys, key)
        self.entries[key] = (bytes(data), modified)

    def remove(self, key: str) -> None:
        if self.entries.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]

    def infos(self, prefix: str) -> list[ObjectInfo]:
        infos: list[ObjectInfo] = []
        for position in range(bisect_left(self._keys, prefix), len(self._keys)):
            key = self._keys[position]
            if not key.startswith(prefix):
                break
            data, modified = self.entries[key]
            infos.append(ObjectInfo(key, len(data), modified))
        return infos


class MemoryStore:
    """An `ObjectStore` in a dictionary, shared by name. `clock` dates its objects; by default the machine's."""

    max_concurrency = 1

    def __init__(self, name: str, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self.now = clock
        self.url = f"memory://{name}"
        self._name = name
        with _lock:
            self._objects = _objects_by_name.setdefault(name, _Objects())

    def __reduce__(self) -> tuple[object, ...]:
        return (MemoryStore, (self._name,))

    def __repr__(self) -> str:
        return f"MemoryStore({self.url!r})"

    def read(self, key: str) -> bytes:
        """Return the object's bytes, or raise `ObjectMissing`."""
        return self._entry(key)[0]

    def find(self, key: str) -> bytes | None:
        """Return the object's bytes, or None."""
        check_key(key)
        with _lock:
            data, _ = self._objects.entries.get(key, (None, None))
        return data

    def write(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> None:
        """Store `data`, replacing an earlier object."""
        del content_type, cache_control
        check_key(key)
        with _lock:
            self._objects.put(key, data, self.now())

    def write_once(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> bool:
        """Store `data` only if the key is free; True if this call created the object."""
        del content_type, cache_control
        check_key(key)
        with _lock:
            if key in self._objects.entries:
                return False
            self._objects.put(key, data, self.now())
            return True

    def exists(self, key: str) -> bool:
        """Tell whether an object exists under `key`."""
        check_key(key)
        with _lock:
            return key in self._objects.entries

    def info(self, key: str) -> ObjectInfo:
        """Return what a listing says of the object, or raise `ObjectMissing`."""
        data, modified = self._entry(key)
        return ObjectInfo(key, len(data), modified)

    def size(self, key: str) -> int:
        """Return the object's size in bytes, or raise `ObjectMissing`."""
        return self.info(key).size

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, in key order, as of this call."""
        check_prefix(prefix)
        with _lock:
            return iter(self._objects.infos(prefix))

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects (missing ones are fine) and return the number of keys given."""
        valid_keys = [check_key(key) for key in keys]
        with _lock:
            for key in valid_keys:
                self._objects.remove(key)
        return len(valid_keys)

    @contextmanager
    def open_input(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for seeking reads, or raise `ObjectMissing`."""
        yield io.BytesIO(self.read(key))

    @contextmanager
    def open_output(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for streamed writing: it appears complete on a clean exit, and never on an exception."""
        check_key(key)
        target = _UnclosedBuffer()
        yield target
        self.write(key, target.getvalue())

    def remove_leftovers(self, older_than: datetime) -> int:
        """Return 0: the memory of a killed process is gone."""
        del older_than
        return 0

    def _entry(self, key: str) -> tuple[bytes, datetime]:
        check_key(key)
        with _lock:
            try:
                return self._objects.entries[key]
            except KeyError:
                raise ObjectMissing(f"There is no object {key!r} in the store.") from None


class _UnclosedBuffer(io.BytesIO):
    """Bytes that survive a writer's `close`, since only the end of the `with` block turns them into an object."""

    def close(self) -> None:
        """Keep the bytes."""
