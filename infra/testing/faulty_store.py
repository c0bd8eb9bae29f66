"""A store that fails at a chosen operation, for tests of what a crash leaves behind.

Inputs: a real store, and a `FaultInjector` that it may share with tables. Outputs: the same store until the n-th
operation, and `InjectedFault` for that one and all that follow; other handles on the same store see what a restarted
run would find.
An operation is one access: a read, a write, an existence check, the start of a listing, and of a stream both its
opening and its completion.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from threading import Lock
from typing import IO, Literal, Protocol, TypeVar

from infra.errors import StoreError
from infra.interfaces import ObjectInfo, ObjectStore

T = TypeVar("T")


class Interceptor(Protocol):
    """Is asked to run every operation of a store, and may do something else."""

    def call(self, description: str, operation: Callable[[], T]) -> T:
        """Run one operation."""


class InjectedFault(StoreError):
    """The store failed on purpose."""


class FaultInjector:
    """Counts operations and fails all of them from the `fail_at`-th on (from 1; None: never).

    `when` decides whether that one fails before it takes effect, or after, when only its answer is lost.
    """

    def __init__(self, fail_at: int | None = None, when: Literal["before", "after"] = "before") -> None:
        self.fail_at = fail_at
        self.when = when
        self._operations = 0
        self._lock = Lock()

    @property
    def operation_count(self) -> int:
        """The number of operations so far, failed ones included."""
        return self._operations

    @property
    def has_failed(self) -> bool:
        """Whether the failing operation was reached."""
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
        raise InjectedFault(f"The store failed at operation {self.fail_at}, {self.when} it took effect: {description}.")


class FaultyStore:
    """An `ObjectStore` that fails with its `FaultInjector`, or does what another interceptor does."""

    def __init__(self, store: ObjectStore, injector: Interceptor) -> None:
        self.url = store.url
        self.max_concurrency = store.max_concurrency
        self._store = store
        self._injector = injector

    def now(self) -> datetime:
        """Return the current time, by the real store's clock: no operation."""
        return self._store.now()

    def read(self, key: str) -> bytes:
        """Return the object's bytes."""
        return self._injector.call(f"read {key}", lambda: self._store.read(key))

    def find(self, key: str) -> bytes | None:
        """Return the object's bytes, or None."""
        return self._injector.call(f"find {key}", lambda: self._store.find(key))

    def write(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> None:
        """Store `data`, replacing an older object."""
        write = partial(self._store.write, key, data, content_type=content_type, cache_control=cache_control)
        self._injector.call(f"write {key}", write)

    def write_once(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> bool:
        """Store `data` only if the key is free; return True if this call created the object."""
        write = partial(self._store.write_once, key, data, content_type=content_type, cache_control=cache_control)
        return self._injector.call(f"write {key} once", write)

    def exists(self, key: str) -> bool:
        """Return whether there is an object under `key`."""
        return self._injector.call(f"look for {key}", lambda: self._store.exists(key))

    def info(self, key: str) -> ObjectInfo:
        """Return what a listing says of the object."""
        return self._injector.call(f"info of {key}", lambda: self._store.info(key))

    def size(self, key: str) -> int:
        """Return the object's size in bytes."""
        return self._injector.call(f"size of {key}", lambda: self._store.size(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`."""
        return self._injector.call(f"list {prefix}", lambda: self._store.list(prefix))

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects one by one, so that a failure can leave some of them."""
        return sum(self._injector.call(f"delete {key}", partial(self._store.delete, [key])) for key in keys)

    @contextmanager
    def open_input(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for seeking reads; only the opening counts as an operation."""
        manager = self._store.open_input(key)
        source = self._injector.call(f"open {key}", manager.__enter__)
        try:
            yield source
        finally:
            manager.__exit__(None, None, None)

    @contextmanager
    def open_output(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for streamed writing; its completion is an operation of its own."""
        manager = self._store.open_output(key)
        target = self._injector.call(f"open {key}", manager.__enter__)
        try:
            yield target
            self._injector.call(f"complete {key}", lambda: manager.__exit__(None, None, None))
        except BaseException as error:
            manager.__exit__(type(error), error, error.__traceback__)
            raise

    def remove_leftovers(self, older_than: datetime) -> int:
        """Delete unfinished uploads of killed writers."""
        return self._injector.call("remove leftovers", lambda: self._store.remove_leftovers(older_than))
