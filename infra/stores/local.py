"""Object store in a folder: one file per object.

Inputs: keys and bytes. Outputs: files that are complete or absent.
Invariant: everything is first written under a temporary name in the target's own folder, and then renamed (`write`) or
hard-linked (`write_once`: a link fails if the name is taken, also between processes). A killed process leaves at most a
temporary file that no listing shows.
There is no fsync: the promise is safety against killed processes, not against power cuts. A machine that loses power
may lose its last seconds of writes.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import uuid4

from infra.errors import ObjectMissing, StoreError
from infra.interfaces import ObjectInfo
from infra.stores.addresses import StoreAddress, parse_address
from infra.stores.key_validation import TEMPORARY_PREFIX, check_key, check_prefix
from infra.stores.store_clock import StoreClock

_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_FILE_MODE = 0o666  # minus the umask
_TRIES = 5
_CLOCK_SECONDS = 60.0


class LocalStore:
    """An `ObjectStore` in a folder. Symbolic links below that folder are refused, so that no key leads out of it."""

    max_concurrency = 1

    def __init__(self, folder: str) -> None:
        self._root = Path(folder).resolve()
        self.url = StoreAddress("file", str(self._root)).url
        self._clock = StoreClock(slack=0.0)

    def __reduce__(self) -> tuple[object, ...]:
        return (_open_url, (self.url,))

    def __repr__(self) -> str:
        return f"LocalStore({self.url!r})"

    def now(self) -> datetime:
        """Return the current time by the clock of the folder's file system, which may be another machine's.

        A file is written to see its date, once a minute at most. By this machine's clock where nothing can be written.
        """
        seconds = self._clock.seconds_since_date()
        if seconds is None or seconds > _CLOCK_SECONDS:
            with suppress(OSError), _temporary_path(f"{self._root}/clock") as temporary:
                os.close(os.open(temporary, _CREATE_FLAGS, _FILE_MODE))
                self._clock.observe(datetime.fromtimestamp(os.stat(temporary).st_mtime, UTC))
        return self._clock.now() or datetime.now(UTC)

    def read(self, key: str) -> bytes:
        """Return the object's bytes, or raise `ObjectMissing`."""
        with self.open_input(key) as source:
            return source.read()

    def find(self, key: str) -> bytes | None:
        """Return the object's bytes, or None."""
        try:
            return self.read(key)
        except ObjectMissing:
            return None

    def write(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> None:
        """Store `data`, replacing an earlier object. Files have no headers."""
        del content_type, cache_control
        path = self._path(key)
        with _translate_write_errors(key), _temporary_path(path) as temporary:
            _write_file(temporary, data)
            os.replace(temporary, path)

    def write_once(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> bool:
        """Store `data` only if the key is free; True if this call created the object."""
        del content_type, cache_control
        path = self._path(key)
        if os.path.exists(path):
            return False
        with _translate_write_errors(key), _temporary_path(path) as temporary:
            _write_file(temporary, data)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            return True

    def exists(self, key: str) -> bool:
        """Tell whether an object exists under `key`."""
        return os.path.isfile(self._path(key))

    def info(self, key: str) -> ObjectInfo:
        """Return what a listing says of the object, or raise `ObjectMissing`."""
        path = self._path(key)
        with _translate_read_errors(key):
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                raise FileNotFoundError(key)
            return _object_info(key, status)

    def size(self, key: str) -> int:
        """Return the object's size in bytes, or raise `ObjectMissing`."""
        return self.info(key).size

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, in key order."""
        return self._walk(check_prefix(prefix).rpartition("/")[0], prefix)

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects (missing ones are fine) and the folders left empty; return the number of keys given."""
        count = 0
        folders = set()
        for count, key in enumerate(keys, start=1):  # noqa: B007 - the number of keys
            path = self._path(key)
            with _translate_write_errors(key), suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)
            folders.add(os.path.dirname(path))
        for folder in folders:
            self._remove_empty_folders(folder)
        return count

    @contextmanager
    def open_input(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for seeking reads, or raise `ObjectMissing`."""
        path = self._path(key)
        with _translate_read_errors(key):
            if os.path.isdir(path):
                raise FileNotFoundError(key)
            source = open(path, "rb")  # noqa: SIM115 - closed by the `with` below
        with source:
            yield source

    @contextmanager
    def open_output(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for streamed writing: it appears complete on a clean exit, and never on an exception."""
        path = self._path(key)
        with _translate_write_errors(key), _temporary_path(path) as temporary:
            with open(_create_file(temporary), "wb") as target:
                yield target
            os.replace(temporary, path)

    def remove_leftovers(self, older_than: datetime) -> int:
        """Delete temporary files of killed writers that were last modified before `older_than`; return how many."""
        count = 0
        for path in self._root.rglob(f"{TEMPORARY_PREFIX}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < older_than.timestamp():
                    path.unlink()
                    count += 1
        return count

    def _path(self, key: str) -> str:
        path = str(self._root)
        for part in check_key(key).split("/"):
            path = f"{path}/{part}"
            if os.path.islink(path):
                raise StoreError(
                    f"Object {key!r} lies behind a symbolic link, and links inside a store are not followed."
                )
        return path

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectInfo]:
        with _translate_read_errors(folder):
            try:
                with os.scandir(self._root / folder) as scan:
                    entries = sorted((_sort_name(entry), entry) for entry in scan if not entry.is_symlink())
            except (FileNotFoundError, NotADirectoryError):
                if self._root.is_file():
                    raise StoreError(f"The store {self.url} cannot be used: Not a directory. Name a folder.") from None
                return
        for name, entry in entries:
            key = f"{folder}/{name}" if folder else name
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key[:-1], prefix)
            elif key.startswith(prefix) and not name.startswith(TEMPORARY_PREFIX):
                with suppress(FileNotFoundError):
                    yield _object_info(key, entry.stat(follow_symlinks=False))

    def _remove_empty_folders(self, folder: str) -> None:
        with suppress(OSError):
            while folder != str(self._root):
                os.rmdir(folder)
                folder = os.path.dirname(folder)


def _open_url(url: str) -> LocalStore:
    return LocalStore(parse_address(url).location)


def _object_info(key: str, status: os.stat_result) -> ObjectInfo:
    modified, changed = (datetime.fromtimestamp(time, UTC) for time in (status.st_mtime, status.st_ctime))
    return ObjectInfo(key, status.st_size, modified, changed)


def _sort_name(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _create_file(path: str) -> int:
    """Create a new file, and its folder, which a concurrent `delete` may be removing at the same time."""
    for _ in range(_TRIES):
        try:
            return os.open(path, _CREATE_FLAGS, _FILE_MODE)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
    return os.open(path, _CREATE_FLAGS, _FILE_MODE)


def _write_file(path: str, data: bytes) -> None:
    target = _create_file(path)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(target, rest) :]
    finally:
        os.close(target)


@contextmanager
def _temporary_path(path: str) -> Iterator[str]:
    """Yield a free name beside `path`; a file that still has it afterwards is deleted."""
    temporary = f"{os.path.dirname(path)}/{TEMPORARY_PREFIX}{uuid4().hex}"
    try:
        yield temporary
    finally:
        with suppress(OSError):
            os.unlink(temporary)


@contextmanager
def _translate_read_errors(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ObjectMissing(f"There is no object {key!r} in the store.") from error
    except OSError as error:
        raise StoreError(f"The store could not read {key!r}: {error.strerror}.") from error


@contextmanager
def _translate_write_errors(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"The store could not write {key!r}: {error.strerror}.") from error
