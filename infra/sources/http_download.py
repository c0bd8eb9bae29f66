"""Download a source over http(s): once, whole, bounded in size and time, and from no other place than was named.

Inputs: a URL without query, and the query of `PACKSHOT_SOURCE_QUERY`. Outputs: the content in a file without a name,
which ends with this process. Invariants:
- A supplier's server does not choose what this machine reads from the network that it is in
  (`infra.sources.http_connections`).
- What arrives is what the server announced: no content coding, which could hide gigabytes, and no early end, after
  which a catalogue would look half empty.
- The query is in no error, and neither is an address that a redirect names.
"""

import http.client
import io
import os
import tempfile
from dataclasses import dataclass
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request

from infra.errors import StoreError, UnreadableSource, one_line
from infra.sources.http_connections import ConnectionWatch, DownloadRefused, open_watched

CHUNK_BYTES = 1 << 20
RETRYABLE_STATUSES = {408, 425, 429}


@dataclass(frozen=True)
class DownloadLimits:
    """Bytes and seconds of a whole download, and seconds for which a server may be silent."""

    max_bytes: int = 8 << 30
    total_seconds: float = 3600.0
    silent_seconds: float = 60.0


@dataclass(frozen=True)
class Download:
    """A downloaded file: its content, its size, and its version as the server tells it ("" where it does not)."""

    content: IO[bytes]
    size: int
    etag: str

    def open(self, _path: str, _mode: str = "rb") -> IO[bytes]:
        """Return a new seekable reader of the content, as a file system does."""
        return io.BufferedReader(_PositionedReader(self.content), CHUNK_BYTES)


class _PositionedReader(io.RawIOBase):
    """Reads a file at a position of its own, so that several readers share it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._position = file, 0
        self._size = os.fstat(file.fileno()).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._file.fileno(), len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


_latest: dict[tuple[str, str], Download] = {}
"""The last download: a run reads its source twice, and asks the second time only whether it has changed."""


def download(url: str, query: str = "", limits: DownloadLimits | None = None) -> Download:
    """Return the content of a URL; what a server says is unchanged since the last call is not downloaded again.

    Raises `UnreadableSource` for what the caller can correct, `StoreError` where the server or the network fails.
    """
    known = _latest.pop((url, query), None)
    _latest.clear()
    name = repr(url)
    try:
        found = _fetch(url, query, limits or DownloadLimits(), known)
    except DownloadRefused as refused:
        raise UnreadableSource(f"{name} {refused}") from None
    except HTTPError as error:
        raise _status_error(name, error) from None
    except (OSError, http.client.HTTPException, URLError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, DownloadRefused):
            raise UnreadableSource(f"{name} {reason}") from None
        raise StoreError(f"{name} could not be reached: {one_line(reason)}") from None
    if found.etag:
        _latest[url, query] = found
    return found


def _fetch(url: str, query: str, limits: DownloadLimits, known: Download | None) -> Download:
    watch = ConnectionWatch(limits.total_seconds)
    address = quote(url, safe="/%:@!$&'()*+,;=~-._[]") + (f"?{query.lstrip('?')}" if query else "")
    headers = {"Accept-Encoding": "identity", "User-Agent": "packshot"}
    if known is not None:
        headers["If-None-Match"] = known.etag
    request = Request(address, headers=headers)  # noqa: S310 - the scheme was checked
    try:
        with watch, open_watched(request, watch, limits.silent_seconds) as response:
            return _receive(response, limits)
    except HTTPError as error:
        if error.code == http.client.NOT_MODIFIED and known is not None:
            return known
        raise
    except (OSError, http.client.HTTPException, ValueError, DownloadRefused):
        if watch.expired:
            raise DownloadRefused(
                f"took longer than {limits.total_seconds:g} s to arrive; look at its server."
            ) from None
        raise


def _receive(response: Any, limits: DownloadLimits) -> Download:
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in {"", "identity"}:
        raise DownloadRefused(
            f"arrives as {coding[:20]!r} although it was asked for as it is; serve it without coding."
        )
    announced = response.length
    if announced is None and not response.chunked:
        raise DownloadRefused("comes without a length, so that its end cannot be told from a broken connection.")
    if (announced or 0) > limits.max_bytes:
        raise DownloadRefused(_too_large(limits))
    content, size = tempfile.TemporaryFile(), 0  # noqa: SIM115 - it lives as long as its readers
    while data := response.read1(CHUNK_BYTES):
        size += len(data)
        if size > limits.max_bytes:
            raise DownloadRefused(_too_large(limits))
        content.write(data)
    if announced is not None and size != announced:
        raise ConnectionError(f"it ended after {size:,} of {announced:,} bytes")
    content.flush()
    return Download(content, size, response.headers.get("ETag", ""))


def _too_large(limits: DownloadLimits) -> str:
    return f"has more than {limits.max_bytes:,} bytes; put it into a bucket or a folder, and read it there."


def _status_error(name: str, error: HTTPError) -> Exception:
    said = f"{error.code} {http.client.responses.get(error.code, '')}".strip()
    if error.code in {404, 410}:
        return UnreadableSource(f"There is no file {name} ({said}); check the URL.")
    if error.code in {401, 403}:
        return UnreadableSource(
            f"{name} may not be read here ({said}); a signature or token goes into PACKSHOT_SOURCE_QUERY."
        )
    if error.code >= 500 or error.code in RETRYABLE_STATUSES:
        return StoreError(f"{name} could not be read: its server answers {said}")
    return UnreadableSource(f"{name} cannot be read: its server answers {said}.")
