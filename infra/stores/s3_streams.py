"""Objects of any size towards a bucket and back, in requests that can each be repeated.

Comes in: a store's `call`, a key, bytes as they come. Goes out: one object, whole at its end or not at all; or its
bytes by ranges. Small objects are one put; large ones go in parts of one size, of which one is held in memory.
Every object carries a token of the call that made it. A put whose answer was lost is sent again and then finds the
object, or finds its upload gone: the token tells whether it has met itself or somebody else.
"""

import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from infra.errors import StoreError
from infra.stores.s3_errors import EXISTS_CODES, MISSING_CODES, UPLOAD_GONE_CODES, error_code, s3_client_errors

PART_BYTES = 8 * 2**20
"""S3 wants at least 5 MiB a part, and takes 10,000 of them."""

_WRITER_METADATA = "writer"

Call = Callable[..., dict[str, Any]]


class MultipartUpload(io.RawIOBase):
    """An object in the making. Only `finish` makes it appear: `close`, which some writers call, keeps it open."""

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
        """Take bytes, and send a part whenever there is one."""
        rest = memoryview(data).cast("B")
        self._written += len(rest)
        self._buffer += rest
        while len(self._buffer) > PART_BYTES:
            self._upload_part(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]
        return len(rest)

    def tell(self) -> int:
        """Return how much was written."""
        return self._written

    def close(self) -> None:
        """Keep what was written, since only `finish` or `abort` end it."""

    def finish(self, *, once: bool = False) -> bool:
        """Make the object appear; with `once` only where nothing is. True if this draft made it."""
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
        """Forget what was sent. A store that is away keeps it, until leftovers are removed."""
        if self._upload is not None:
            with suppress(*s3_client_errors()):
                self._call("abort_multipart_upload", **self._upload_arguments)

    def _upload_part(self, part: bytes) -> None:
        if self._upload is None:
            self._upload = self._call("create_multipart_upload", Key=self._key, **self._headers)["UploadId"]
        number = len(self._parts) + 1
        answer = self._call("upload_part", **self._upload_arguments, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})

    @property
    def _upload_arguments(self) -> dict[str, Any]:
        return {"Key": self._key, "UploadId": self._upload}

    @property
    def _completed_parts(self) -> dict[str, Any]:
        return {"Parts": self._parts}

    def _was_written_by_us(self) -> bool:
        try:
            found = self._call("head_object", Key=self._key).get("Metadata", {})
        except OSError as error:
            if error_code(error) in MISSING_CODES:
                return False
            raise
        return bool(found.get(_WRITER_METADATA) == self._token)


class RangeReader(io.RawIOBase):
    """An object read by ranges, seekable: `fetch(start, end)` returns its bytes in between."""

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
        """Return where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to where the next read begins."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read as much as the buffer takes, in one request; 0 at the end."""
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        data = self._fetch(self._at, end)
        if len(data) != end - self._at:
            raise StoreError(
                f"The store answered {len(data)} bytes where {end - self._at} were asked for: it does not serve "
                "ranges, so tables cannot be read from it; use another store."
            )
        buffer[: len(data)] = data
        self._at = end
        return len(data)
