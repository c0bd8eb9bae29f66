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
from infra.stores.s3_client import ConditionalPuts
from infra.stores.s3_errors import EXISTS_CODES, MISSING_CODES, UPLOAD_GONE_CODES, error_code, s3_client_errors

PART_BYTES = 8 * 2**20
"""S3 requires at least 5 MiB per part, and accepts 10,000 parts."""

_WRITER_METADATA = "writer"

Call = Callable[..., dict[str, Any]]


class MultipartUpload(io.RawIOBase):
    """An unfinished object. Only `finish` makes it appear: `close`, which some writers call, keeps it open."""

    def __init__(
        self, call: Call, key: str, headers: Mapping[str, str], conditions: ConditionalPuts | None = None
    ) -> None:
        self._call = call
        self._key = key
        self._conditions = conditions or ConditionalPuts()
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
        """Make the object appear; with `once` only where the key is free. True if this upload created it.

        Where the server refuses conditions, and a single writer is promised, the key is looked up before it is written.
        """
        if once and self._conditions.refused and (taken := self._writer_of_object()) is not None:
            self.abort()
            return taken == self._token
        condition = {"IfNoneMatch": "*"} if once and not self._conditions.refused else {}
        try:
            self._send(condition)
        except OSError as error:
            if condition and self._conditions.accept_refusal(error):
                return self.finish(once=True)
            if error_code(error) not in EXISTS_CODES | UPLOAD_GONE_CODES:
                raise
            if self._writer_of_object() == self._token:
                return True
            if error_code(error) in UPLOAD_GONE_CODES:
                raise
            self.abort()
            return False
        return True

    def _send(self, condition: Mapping[str, str]) -> None:
        if self._upload is None:
            self._call("put_object", Key=self._key, Body=bytes(self._buffer), **self._headers, **condition)
            return
        if self._buffer:
            self._upload_part(bytes(self._buffer))
            self._buffer.clear()
        parts = {"Parts": self._parts}
        self._call("complete_multipart_upload", **self._upload_arguments, MultipartUpload=parts, **condition)

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

    def _writer_of_object(self) -> str | None:
        """Return the token of the call that wrote the object; None where there is no object."""
        try:
            metadata = self._call("head_object", Key=self._key).get("Metadata", {})
        except OSError as error:
            if error_code(error) in MISSING_CODES:
                return None
            raise
        return str(metadata.get(_WRITER_METADATA, ""))


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
