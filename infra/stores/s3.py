"""Object store in an S3 bucket, or on a server with the same protocol.

Inputs: keys and bytes. Outputs: objects, through s3fs.
Invariant: `write_once` is a conditional put (`If-None-Match: *`), which AWS and most servers decide atomically;
`infra.stores.conditional_writes` detects servers that ignore the condition.
Transient errors (overload, a lost connection, an incomplete answer) are retried here and in no layer below, for as long
as the settings allow; see `infra.stores.retry`.
"""

import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import islice
from typing import IO, Any, TypeVar, cast

from infra.errors import ObjectMissing, StoreError
from infra.interfaces import ObjectInfo
from infra.stores.addresses import StoreAddress, parse_address
from infra.stores.key_validation import check_key, check_prefix
from infra.stores.request_count import REQUESTS
from infra.stores.s3_client import MAX_CONNECTIONS, S3Access, S3Client, open_client
from infra.stores.s3_deletes import BATCH_SIZE, delete_objects
from infra.stores.s3_errors import (
    MISSING_CODES,
    error_code,
    is_transient,
    s3_client_errors,
    translate_error,
)
from infra.stores.s3_streams import PART_BYTES, MultipartUpload, RangeReader

T = TypeVar("T")

_LIST_PAGE_SIZE = 1000  # the most that S3 returns
_DELETE_BATCH_SIZE = BATCH_SIZE
_RECHECK_SECONDS = 0.1
_UNUSED_KEY = "clock"  # no object has it: an answer about it is wanted for its date alone


class S3Store:
    """An `ObjectStore` below a prefix of a bucket."""

    max_concurrency = MAX_CONNECTIONS

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self.url = StoreAddress("s3", bucket, prefix).url
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def __reduce__(self) -> tuple[object, ...]:
        return (_open_url, (self.url,))

    def __repr__(self) -> str:
        return f"S3Store({self.url!r})"

    def now(self) -> datetime:
        """Return the current time by the server's clock: every answer has a `Date`, so only the first call asks.

        By this machine's clock where the server gives no dates.
        """
        clock = self._client.clock
        if clock.now() is None:
            try:
                self.find(_UNUSED_KEY)
            except StoreError:
                if clock.now() is None:
                    raise
        return clock.now() or datetime.now(UTC)

    def read(self, key: str) -> bytes:
        """Return the object's bytes, or raise `ObjectMissing`."""
        path = self._path(key)
        with self._translate_errors(key):
            return self._retry_if_missing(lambda: self._fetch(path))

    def find(self, key: str) -> bytes | None:
        """Return the object's bytes, or None, by one request."""
        path = self._path(key)
        try:
            with self._translate_errors(key):
                return self._fetch(path)
        except ObjectMissing:
            return None

    def write(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> None:
        """Store `data`, replacing an earlier object."""
        self._put(key, data, _headers(content_type, cache_control), once=False)

    def write_once(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> bool:
        """Store `data` only if the key is free; True if this call created the object, even if its answer was lost."""
        return self._put(key, data, _headers(content_type, cache_control), once=True)

    def exists(self, key: str) -> bool:
        """Tell whether an object exists under `key`."""
        try:
            self.size(key)
        except ObjectMissing:
            return False
        return True

    def info(self, key: str) -> ObjectInfo:
        """Return what a listing says of the object, or raise `ObjectMissing`."""
        name = self._object_name(key)
        with self._translate_errors(key):
            head = self._retry_if_missing(lambda: self._call("head_object", Key=name))
        return _object_info(key, int(head["ContentLength"]), head)

    def size(self, key: str) -> int:
        """Return the object's size in bytes, or raise `ObjectMissing`."""
        return self.info(key).size

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, in key order, a page of a thousand at a time."""
        return self._list_pages(check_prefix(prefix))

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects (missing ones are fine) and return the number of keys given."""
        names = (check_key(key) for key in keys)
        count = 0
        while batch := list(islice(names, _DELETE_BATCH_SIZE)):
            objects = [self._prefix + key for key in batch]
            with self._translate_errors(batch[0]):
                self._retry(partial(delete_objects, self._request, self._call, objects))
            count += len(batch)
        return count

    @contextmanager
    def open_input(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for seeking reads, or raise `ObjectMissing`."""
        path = self._path(key)

        def fetch(start: int, end: int) -> bytes:
            with self._translate_errors(key):
                return self._retry_if_missing(lambda: self._fetch(path, start=start, end=end))

        with io.BufferedReader(RangeReader(fetch, self.size(key)), PART_BYTES) as source:
            yield source

    @contextmanager
    def open_output(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for streamed writing: it appears complete on a clean exit, and never on an exception."""
        upload = MultipartUpload(self._call, self._object_name(key), {})
        with self._translate_errors(key):
            try:
                yield cast("IO[bytes]", upload)  # raw, but it takes every byte at once
                upload.finish()
            except BaseException:
                upload.abort()
                raise

    def remove_leftovers(self, older_than: datetime) -> int:
        """Abort uploads of killed writers that began before `older_than`; return how many."""
        count = 0
        with self._translate_errors(self._prefix):
            for pending in self._call("list_multipart_uploads", Prefix=self._prefix).get("Uploads", ()):
                if pending["Key"].startswith(self._prefix) and pending["Initiated"] < older_than:
                    self._call("abort_multipart_upload", Key=pending["Key"], UploadId=pending["UploadId"])
                    count += 1
        return count

    def request(self, method: str, key: str = "", **arguments: object) -> dict[str, Any]:
        """Send one request of S3's own to the bucket, about `key` in the messages of errors, and return its answer."""
        with self._translate_errors(key):
            return self._call(method, **arguments)

    def object_name(self, key: str) -> str:
        """Return the name of an object in the bucket."""
        return self._object_name(key)

    @property
    def emulates_conditions(self) -> bool:
        """Whether the server was seen to refuse conditional puts, so that a single writer looks a key up instead."""
        return self._client.conditions.refused

    @cached_property
    def _client(self) -> S3Client:
        s3_client_errors()
        return open_client(S3Access.from_environment())

    def _put(self, key: str, data: bytes, headers: dict[str, str], *, once: bool) -> bool:
        upload = MultipartUpload(self._call, self._object_name(key), headers, self._client.conditions)
        with self._translate_errors(key, conditional=once):
            try:
                upload.write(data)
                return upload.finish(once=once)
            except BaseException:
                upload.abort()
                raise

    def _call(self, method: str, **arguments: object) -> dict[str, Any]:
        return self._retry(partial(self._request, method, **arguments))

    def _request(self, method: str, **arguments: object) -> dict[str, Any]:
        REQUESTS.add(method)
        response: dict[str, Any] = self._client.filesystem.call_s3(method, Bucket=self._bucket, **arguments)
        return response

    def _fetch(self, path: str, **limits: int) -> bytes:
        files = self._client.filesystem

        def fetch() -> bytes:
            REQUESTS.add("get_object")
            data: bytes = files.cat_file(path, max_concurrency=1, **limits)
            return data

        return self._retry(fetch)

    def _retry(self, operation: Callable[[], T]) -> T:
        return self._client.retry_policy.call(operation, is_transient)

    def _retry_if_missing(self, request: Callable[[], T]) -> T:
        """Ask twice before an object counts as missing: some servers are a moment behind their own writes."""
        try:
            return request()
        except FileNotFoundError as error:
            if error_code(error) not in MISSING_CODES:
                raise
        time.sleep(_RECHECK_SECONDS)
        return request()

    def _object_name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{self._object_name(key)}"

    def _list_pages(self, prefix: str) -> Iterator[ObjectInfo]:
        continuation: dict[str, object] = {}
        while True:
            with self._translate_errors(prefix):
                page = self._call(
                    "list_objects_v2", Prefix=self._prefix + prefix, MaxKeys=_LIST_PAGE_SIZE, **continuation
                )
            for entry in page.get("Contents", ()):
                if not entry["Key"].endswith("/"):
                    yield _object_info(entry["Key"][len(self._prefix) :], entry["Size"], entry)
            if not page.get("IsTruncated"):
                return
            continuation = {"ContinuationToken": page["NextContinuationToken"]}

    @contextmanager
    def _translate_errors(self, key: str, *, conditional: bool = False) -> Iterator[None]:
        try:
            yield
        except s3_client_errors() as error:
            seconds = self._client.retry_policy.seconds
            raise translate_error(error, key, seconds=seconds, conditional=conditional) from error


def _open_url(url: str) -> S3Store:
    address = parse_address(url)
    return S3Store(address.location, address.prefix)


def _object_info(key: str, size: int, told: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(key, size, told["LastModified"], etag=told.get("ETag", "").strip('"'))


def _headers(content_type: str | None, cache_control: str | None) -> dict[str, str]:
    headers = {"ContentType": content_type, "CacheControl": cache_control}
    return {name: value for name, value in headers.items() if value}
