"""A store that dies at a chosen moment, for tests that ask what a crash leaves behind.

Comes in: a real store, and a `FaultInjector` that it may share with tables. Goes out: the same store until the n-th
operation, and `InjectedFault` for that one and all that follow; other handles on the same place see what a restarted
run would find. An operation is whatever touches the place once: a read, a write, a look, the start of a listing, and of
a stream both its opening and its completion.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from threading import Lock
from typing import IO, Literal, TypeVar

from infra.errors import StoreError
from infra.interfaces import ObjectInfo, ObjectStore

T = TypeVar("T")


class InjectedFault(StoreError):
    """The store died on purpose."""


class FaultInjector:
    """Counts operations and ends them all at the `dies_at`-th (from 1; None: never).

    `when` says whether that one dies before it takes effect, or after, when only its answer is lost.
    """

    def __init__(self, fail_at: int | None = None, when: Literal["before", "after"] = "before") -> None:
        self.fail_at = fail_at
        self.when = when
        self._operations = 0
        self._lock = Lock()

    @property
    def operation_count(self) -> int:
        """How many operations were asked for, refused ones included."""
        return self._operations

    @property
    def has_failed(self) -> bool:
        """Whether the fatal operation was reached."""
        return self.fail_at is not None and self._operations >= self.fail_at

    def call(self, description: str, operation: Callable[[], T]) -> T:
        """Count and run one operation, or raise `InjectedFault`."""
        with self._lock:
            self._operations += 1
            number = self._operations
        if self.fail_at is None or number < self.fail_at:
            return operation()
        if number == self.fail_at and self.when == "after":
            operation()
        raise InjectedFault(f"The store died at operation {self.fail_at}, {self.when} it took effect: {description}.")


class FaultyStore:
    """An `ObjectStore` that dies with its `FaultInjector`."""

    def __init__(self, store: ObjectStore, injector: FaultInjector) -> None:
        self.url = store.url
        self.max_concurrency = store.max_concurrency
        self._store = store
        self._injector = injector

    def read(self, key: str) -> bytes:
        """Return the object's bytes."""
        return self._injector.call(f"read {key}", lambda: self._store.read(key))

    def find(self, key: str) -> bytes | None:
        """Return the object's bytes, or None."""
        return self._injector.call(f"find {key}", lambda: self._store.find(key))

    def write(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> None:
        """Store `data`, replacing what was there."""
        write = partial(self._store.write, key, data, content_type=content_type, cache_control=cache_control)
        self._injector.call(f"write {key}", write)

    def write_once(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> bool:
        """Store `data` only if nothing is there; True if this call made the object."""
        write = partial(self._store.write_once, key, data, content_type=content_type, cache_control=cache_control)
        return self._injector.call(f"write {key} once", write)

    def exists(self, key: str) -> bool:
        """Tell whether there is an object under `key`."""
        return self._injector.call(f"look for {key}", lambda: self._store.exists(key))

    def size(self, key: str) -> int:
        """Return the object's size in bytes."""
        return self._injector.call(f"size of {key}", lambda: self._store.size(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`."""
        return self._injector.call(f"list {prefix}", lambda: self._store.list(prefix))

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects one by one, so that a death can leave some of them."""
        return sum(self._injector.call(f"delete {key}", partial(self._store.delete, [key])) for key in keys)

    @contextmanager
    def open_input(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for seeking reads; what follows the opening counts no more."""
        opened = self._store.open_input(key)
        source = self._injector.call(f"open {key}", opened.__enter__)
        try:
            yield source
        finally:
            opened.__exit__(None, None, None)

    @contextmanager
    def open_output(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for streamed writing; its completion is an operation of its own."""
        opened = self._store.open_output(key)
        target = self._injector.call(f"open {key}", opened.__enter__)
        try:
            yield target
            self._injector.call(f"complete {key}", lambda: opened.__exit__(None, None, None))
        except BaseException as error:
            opened.__exit__(type(error), error, error.__traceback__)
            raise

    def remove_leftovers(self, older_than: datetime) -> int:
        """Delete what killed writers left half done."""
        return self._injector.call("remove leftovers", lambda: self._store.remove_leftovers(older_than))
