"""Uploads and downloads of any size, as requests that can each be repeated.

Inputs: a store's `call`, a key, bytes as they come. Outputs: one object, complete at its end or absent; or its bytes by
ranges. Small objects are one put; large ones are uploaded in parts of one size, of which one is held in memory.
Invariant: every object carries a token of the call that wrote it. A put whose answer was lost is sent again and then
finds the object, or finds its upload gone; the token tells this call's own object from another writer's.
"""

import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from infra.errors import StoreError
from infra.stores.s3_errors import EXISTS_CODES, MISSING_CODES, UPLOAD_GONE_CODES, error_code, s3_client_errors

PART_BYTES = 8 * 2**20
"""S3 requires at least 5 MiB per part, and accepts 10,000 parts."""

_WRITER_METADATA = "writer"

Call = Callable[..., dict[str, Any]]


class MultipartUpload(io.RawIOBase):
    """An unfinished object. Only `finish` makes it appear: `close`, which some writers call, keeps it open."""

    def __init__(self, call: Call, key: str, headers: Mapping[str, str]) -> None:
        self._call = call
        self._key = key
        self._token = uuid4().hex
        self._headers = {**headers, "Metadata": {_WRITER_METADATA: self._token}}
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._written = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes, and send each part once it is complete."""
        rest = memoryview(data).cast("B")
        self._written += len(rest)
        self._buffer += rest
        while len(self._buffer) > PART_BYTES:
            self._upload_part(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]
        return len(rest)

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._written

    def close(self) -> None:
        """Do nothing: only `finish` and `abort` end the upload."""

    def finish(self, *, once: bool = False) -> bool:
        """Make the object appear; with `once` only where the key is free. True if this upload created it."""
        condition = {"IfNoneMatch": "*"} if once else {}
        try:
            if self._upload is None:
                self._call("put_object", Key=self._key, Body=bytes(self._buffer), **self._headers, **condition)
            else:
                self._upload_part(bytes(self._buffer))
                self._call(
                    "complete_multipart_upload",
                    **self._upload_arguments,
                    MultipartUpload=self._completed_parts,
                    **condition,
                )
        except OSError as error:
            if error_code(error) not in EXISTS_CODES | UPLOAD_GONE_CODES:
                raise
            if self._was_written_by_us():
                return True
            if error_code(error) in UPLOAD_GONE_CODES:
                raise
            self.abort()
            return False
        return True

    def abort(self) -> None:
        """Discard the parts. An unreachable store keeps them until leftovers are removed."""
        if self._upload is not None:
            with suppress(*s3_client_errors()):
                self._call("abort_multipart_upload", **self._upload_arguments)

    def _upload_part(self, part: bytes) -> None:
        if self._upload is None:
            self._upload = self._call("create_multipart_upload", Key=self._key, **self._headers)["UploadId"]
        number = len(self._parts) + 1
        response = self._call("upload_part", **self._upload_arguments, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": response["ETag"]})

    @property
    def _upload_arguments(self) -> dict[str, Any]:
        return {"Key": self._key, "UploadId": self._upload}

    @property
    def _completed_parts(self) -> dict[str, Any]:
        return {"Parts": self._parts}

    def _was_written_by_us(self) -> bool:
        try:
            metadata = self._call("head_object", Key=self._key).get("Metadata", {})
        except OSError as error:
            if error_code(error) in MISSING_CODES:
                return False
            raise
        return bool(metadata.get(_WRITER_METADATA) == self._token)


class RangeReader(io.RawIOBase):
    """A seekable reader of an object by ranges: `fetch(start, end)` returns the bytes in between."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position of the next read."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer by one request; return 0 at the end."""
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        data = self._fetch(self._at, end)
        if len(data) != end - self._at:
            raise StoreError(
                f"The store answered {len(data)} bytes where {end - self._at} were requested: it does not serve "
                "ranges, so tables cannot be read from it; use another store."
            )
        buffer[: len(data)] = data
        self._at = end
        return len(data)
