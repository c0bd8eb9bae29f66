"""Objects in a bucket of S3, or of a server that speaks like it.

Comes in: keys and bytes. Goes out: objects, by s3fs. `write_once` is a conditional put (`If-None-Match: *`), which AWS
and most servers decide atomically; servers that ignore the condition are found by `supports_conditional_writes`.
A put whose answer is lost is sent again by the client, and the second try then finds the first one's object: a caller
for whom it matters who made it puts a token into the object (leases do).
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache, cached_property
from itertools import islice
from typing import IO, Any

from infra.errors import ObjectMissing, StoreError
from infra.interfaces import ObjectInfo
from infra.stores.addresses import Address, parse_address
from infra.stores.aws import S3Access
from infra.stores.names import check_key, check_prefix

_LISTED_AT_ONCE = 1000  # the most that S3 returns
_DELETED_AT_ONCE = 1000  # the most that S3's DeleteObjects takes
_PART_BYTES = 8 * 2**20  # of a streamed object; S3 wants at least 5 MiB, and one part is held in memory
_EXISTS = {"PreconditionFailed", "412"}
_TRY_AGAIN = {"ConditionalRequestConflict", "OperationAborted", "409"}
_TRIES = 5


class S3Store:
    """An `ObjectStore` below a prefix of a bucket."""

    abreast = 16

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self.url = Address("s3", bucket, prefix).url
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def __reduce__(self) -> tuple[object, ...]:
        return (_opened, (self.url,))

    def __repr__(self) -> str:
        return f"S3Store({self.url!r})"

    def read(self, key: str) -> bytes:
        """Return the object's bytes, or raise `ObjectMissing`."""
        path = self._path(key)
        with _reading(key):
            data: bytes = self._files.cat_file(path, max_concurrency=1)
            return data

    def write(self, key: str, data: bytes, *, content_type: str | None = None) -> None:
        """Store `data`, replacing what was there."""
        path = self._path(key)
        with _writing(key):
            self._files.pipe_file(path, data, **_typed(content_type))

    def write_once(self, key: str, data: bytes, *, content_type: str | None = None) -> bool:
        """Store `data` only if nothing is there; True if this call made the object."""
        path = self._path(key)
        with _writing(key):
            for attempt in range(_TRIES):
                try:
                    self._files.pipe_file(path, data, mode="create", **_typed(content_type))
                    return True
                except OSError as error:
                    if _code(error) in _EXISTS:
                        return False
                    if _code(error) not in _TRY_AGAIN or attempt == _TRIES - 1:
                        raise
                    time.sleep(0.05 * 2**attempt)
        raise AssertionError("the last try returns or raises")

    def exists(self, key: str) -> bool:
        """Tell whether there is an object under `key`."""
        try:
            self.size(key)
        except ObjectMissing:
            return False
        return True

    def size(self, key: str) -> int:
        """Return the object's size in bytes, or raise `ObjectMissing`."""
        check_key(key)
        with _reading(key):
            return int(self._call("head_object", Key=self._prefix + key)["ContentLength"])

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, in key order, a page of a thousand at a time."""
        return self._pages(check_prefix(prefix))

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects (missing ones are fine) and return how many keys were given."""
        names = (check_key(key) for key in keys)
        count = 0
        while some := list(islice(names, _DELETED_AT_ONCE)):
            wanted = [{"Key": self._prefix + key} for key in some]
            with _writing(some[0]):
                answer = self._call("delete_objects", Delete={"Objects": wanted, "Quiet": True})
            if failed := answer.get("Errors"):
                raise StoreError(
                    f"The store could not delete {failed[0].get('Key')!r} and {len(failed) - 1} others: "
                    f"{failed[0].get('Code')}."
                )
            count += len(some)
        return count

    @contextmanager
    def open_input(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for seeking reads, or raise `ObjectMissing`."""
        path = self._path(key)
        with _reading(key):
            size = self.size(key)
            source = self._files.open(path, "rb", block_size=_PART_BYTES, size=size)
        with source:
            yield source

    @contextmanager
    def open_output(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for streamed writing: it appears whole on a clean exit, and never on an exception."""
        path = self._path(key)
        with _writing(key):
            # Without autocommit a close in the middle (some writers close what they are given) publishes nothing.
            target = self._files.open(path, "wb", block_size=_PART_BYTES, autocommit=False)
            try:
                yield target
                target.close()
                target.commit()
            except BaseException:
                with suppress(*_vendor_errors()):
                    target.discard()
                target.closed = True
                raise

    def remove_leftovers(self, older_than: datetime) -> int:
        """Abort uploads of killed writers that were begun before `older_than`; return how many."""
        count = 0
        with _writing(self._prefix):
            for upload in self._call("list_multipart_uploads", Prefix=self._prefix).get("Uploads", ()):
                if upload["Key"].startswith(self._prefix) and upload["Initiated"] < older_than:
                    self._call("abort_multipart_upload", Key=upload["Key"], UploadId=upload["UploadId"])
                    count += 1
        return count

    @cached_property
    def _files(self) -> Any:
        _vendor_errors()
        from s3fs import S3FileSystem

        return S3FileSystem(**S3Access.from_environment().for_s3fs())

    def _call(self, method: str, **arguments: object) -> dict[str, Any]:
        answer: dict[str, Any] = self._files.call_s3(method, Bucket=self._bucket, **arguments)
        return answer

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{self._prefix}{check_key(key)}"

    def _pages(self, prefix: str) -> Iterator[ObjectInfo]:
        more: dict[str, object] = {}
        while True:
            with _writing(prefix):
                page = self._call("list_objects_v2", Prefix=self._prefix + prefix, MaxKeys=_LISTED_AT_ONCE, **more)
            for entry in page.get("Contents", ()):
                if not entry["Key"].endswith("/"):
                    yield ObjectInfo(entry["Key"][len(self._prefix) :], entry["Size"], entry["LastModified"])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}


def _opened(url: str) -> S3Store:
    address = parse_address(url)
    return S3Store(address.place, address.prefix)


def _typed(content_type: str | None) -> dict[str, str]:
    return {"ContentType": content_type} if content_type else {}


@cache
def _vendor_errors() -> tuple[type[Exception], ...]:
    try:
        import s3fs  # noqa: F401 - the extra is whole or not there
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise StoreError("s3:// stores need the s3 extra; install it with `pip install 'packshot[s3]'`.") from error
    return (OSError, BotoCoreError, ClientError)


def _code(error: BaseException | None) -> str:
    """Return S3's own code of an error, which s3fs keeps as the cause of its exception."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        error = error.__cause__
    return ""


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:300].rstrip(".")
    return f"{_code(error) or type(error).__name__}, {text}" if text else type(error).__name__


@contextmanager
def _reading(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if _code(error) == "NoSuchBucket":
            raise StoreError(f"The store could not read {key!r}: its bucket does not exist.") from error
        raise ObjectMissing(f"There is no object {key!r} in the store.") from error
    except _vendor_errors() as error:
        raise StoreError(f"The store could not read {key!r}: {_said(error)}.") from error


@contextmanager
def _writing(key: str) -> Iterator[None]:
    try:
        yield
    except _vendor_errors() as error:
        raise StoreError(f"The store could not serve {key!r}: {_said(error)}.") from error
