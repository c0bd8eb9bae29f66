"""https client for photos: reads one file from an allowed host on the internet, and never from anywhere else.

Inputs: an address, as `infra.photos.https_addresses` takes it, and the version that is known of it. Outputs: its bytes
with the version that the server names, or None where nothing changed; `InvalidPhoto` with a reason.
Invariants, for the first address and again for each redirect:
- Only https, only hosts that the settings allow. Every address that the host's name has must be a public one; the
  connection goes to one of those that were checked, since the name is resolved once only. No proxy is asked.
- At most so many bytes, seconds and redirects; the seconds hold for handshake, headers and body alike.
- Nothing is decompressed: what arrives is what the server announced, whole.
A refused address is never connected to. What a server sends back is in no error but for its status.
"""

import http.client
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from infra.connection_deadline import ConnectionDeadline
from infra.errors import one_line
from infra.photos.file_kinds import MAX_PHOTO_BYTES
from infra.photos.https_addresses import parse_https_address, split_https_address
from infra.photos.invalid_photo import InvalidPhoto, PhotoReason, shown_reference
from infra.public_addresses import is_public_address

Resolve = Callable[[str, int], Sequence[str]]
Connect = Callable[[str, int, float], socket.socket]

_CHUNK_BYTES = 1 << 20
_MAX_ADDRESSES = 4
"""How many of a host's addresses are tried."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRYABLE = frozenset({408, 425, 429})
_ETAG, _MODIFIED = "etag ", "modified "


@dataclass(frozen=True)
class FetchLimits:
    """Bytes of a photo, seconds of the whole fetch, seconds for which a server may be silent, redirects."""

    max_bytes: int = MAX_PHOTO_BYTES
    total_seconds: float = 60.0
    silent_seconds: float = 15.0
    max_redirects: int = 3


@dataclass(frozen=True)
class FetchedPhoto:
    """A file's bytes, and its version as the server names it ("" where it names none)."""

    data: bytes
    version: str


DEFAULT_FETCH_LIMITS: Final = FetchLimits()


def resolve_host(host: str, port: int) -> list[str]:
    """Return every address that the system's resolver knows of a host. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect_to(address: str, port: int, seconds: float) -> socket.socket:
    """Connect to an address (never a name). Raises OSError."""
    return socket.create_connection((address, port), seconds)


class PhotoClient:
    """Reads photos of the allowed hosts. `resolve`, `connect` and `tls` are the system's unless a test gives others."""

    def __init__(
        self,
        hosts: frozenset[str],
        limits: FetchLimits = DEFAULT_FETCH_LIMITS,
        *,
        resolve: Resolve = resolve_host,
        connect: Connect = connect_to,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts, self._limits = hosts, limits
        self._resolve, self._connect = resolve, connect
        self._tls = tls or ssl.create_default_context()

    def fetch(self, url: str, known_version: str = "") -> FetchedPhoto | None:
        """Return the photo; None where the server says that it still is `known_version`. Raises `InvalidPhoto`."""
        name = shown_reference(url)
        address = parse_https_address(url, self._hosts, named=url)
        deadline = ConnectionDeadline(self._limits.total_seconds)
        try:
            with deadline:
                return self._follow(address, name, known_version, deadline)
        except (InvalidPhoto, OSError, http.client.HTTPException, ValueError) as error:
            raise self._translate(error, name, deadline) from None

    def _translate(self, error: Exception, name: str, deadline: ConnectionDeadline) -> InvalidPhoto:
        """Return the reason of what ended a fetch: of a connection that was shut down, the deadline's."""
        if deadline.expired:
            seconds = self._limits.total_seconds
            return _refusal(name, f"took longer than {seconds:g} s to arrive", "photo.unreachable")
        if isinstance(error, InvalidPhoto):
            return error
        if isinstance(error, ssl.SSLCertVerificationError):
            return _refusal(name, f"has a server without a valid certificate ({one_line(error.verify_message)})")
        return _refusal(name, f"could not be reached ({one_line(error, 100)})", "photo.unreachable")

    def _follow(self, address: str, name: str, known: str, deadline: ConnectionDeadline) -> FetchedPhoto | None:
        headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "packshot", "Connection": "close"}
        for _ in range(1 + self._limits.max_redirects):
            host, port, target = split_https_address(address)
            with closing(self._open(host, port, name, deadline)) as connection:
                connection.request("GET", target, headers=headers | _condition(known))
                with connection.getresponse() as response:
                    if response.status not in _REDIRECTS:
                        return self._receive(response, name, known)
                    address = self._redirected(address, response.headers.get("Location", ""), name)
        raise _refusal(name, f"is redirected more than {self._limits.max_redirects} times")

    def _open(self, host: str, port: int, name: str, deadline: ConnectionDeadline) -> http.client.HTTPSConnection:
        """Return a connection that is open already: http.client would look the name up again."""
        public = self._public_addresses(host, port, name)
        connection = http.client.HTTPSConnection(host, port, context=self._tls)
        connection.auto_open = 0
        connection.sock = self._open_tls(host, port, public, deadline)
        return connection

    def _public_addresses(self, host: str, port: int, name: str) -> list[str]:
        found = [address.partition("%")[0] for address in self._resolve(host, port)]
        if not found or not all(map(is_public_address, found)):
            raise _refusal(name, f"is on a host without a public address ({one_line(host, 60)})")
        return found[:_MAX_ADDRESSES]

    def _open_tls(self, host: str, port: int, addresses: Sequence[str], deadline: ConnectionDeadline) -> ssl.SSLSocket:
        failed: OSError | None = None
        for address in addresses:
            try:
                plain = self._connect(address, port, self._limits.silent_seconds)
            except OSError as error:
                failed = error
                continue
            deadline.watch(plain)
            return self._tls.wrap_socket(plain, server_hostname=host)
        raise failed or ConnectionError("no address")

    def _redirected(self, address: str, location: str, name: str) -> str:
        try:
            return parse_https_address(urljoin(address, location), self._hosts, named=name, is_redirect=True)
        except (InvalidPhoto, ValueError):
            raise _refusal(name, "redirects to a place that is not allowed") from None

    def _receive(self, response: http.client.HTTPResponse, name: str, known: str) -> FetchedPhoto | None:
        if response.status == http.client.NOT_MODIFIED and known:
            return None
        if response.status != http.client.OK:
            raise _status_error(name, response.status)
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            raise _refusal(name, "arrives compressed although it was asked for as it is")
        announced = response.length
        if announced is None and not response.chunked:
            raise _refusal(name, "comes without a length, so that its end cannot be told from a broken connection")
        data = self._read(response, announced, name)
        if announced is not None and len(data) != announced:
            raise ConnectionError(f"it ended after {len(data):,} of {announced:,} bytes")
        return FetchedPhoto(data, _version(response))

    def _read(self, response: http.client.HTTPResponse, announced: int | None, name: str) -> bytes:
        limit = self._limits.max_bytes
        data = bytearray()
        while (announced or 0) <= limit and (chunk := response.read1(_CHUNK_BYTES)):
            data += chunk
            if len(data) > limit:
                break
        if max(announced or 0, len(data)) > limit:
            raise _refusal(name, f"has more than {limit:,} bytes", "photo.too-many-bytes")
        return bytes(data)


def _condition(known: str) -> dict[str, str]:
    if known.startswith(_ETAG):
        return {"If-None-Match": known.removeprefix(_ETAG)}
    return {"If-Modified-Since": known.removeprefix(_MODIFIED)} if known.startswith(_MODIFIED) else {}


def _version(response: http.client.HTTPResponse) -> str:
    for prefix, header in ((_ETAG, "ETag"), (_MODIFIED, "Last-Modified")):
        value = response.headers.get(header, "").strip()
        if value and value.isascii() and value.isprintable() and len(value) <= 200:
            return prefix + value
    return ""


def _status_error(name: str, status: int) -> InvalidPhoto:
    said = f"{status} {http.client.responses.get(status, '')}".strip()
    if status in {404, 410}:
        return _refusal(name, f"is not there ({said})", "photo.missing")
    is_theirs = status >= 500 or status in _RETRYABLE
    return _refusal(name, f"is not given out ({said})", "photo.unreachable" if is_theirs else "photo.not-fetched")


def _refusal(name: str, what: str, reason: PhotoReason = "photo.not-fetched") -> InvalidPhoto:
    advice = {
        "photo.missing": "check the address",
        "photo.unreachable": "it is tried again in the next run",
        "photo.too-many-bytes": "save it smaller",
    }.get(reason, "put it into a folder or a bucket, or correct its server")
    return InvalidPhoto(reason, f"The photo {name} {what}; {advice}.")
