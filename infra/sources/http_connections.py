"""HTTP connections of a source's download, which go only where a person sent them.

Inputs: a request and a deadline. Outputs: the response. Redirects stay on the host and port of the URL, or go from its
http to its https: a supplier's server must not choose what this machine reads from the network that it is in. For the
same reason a host that had a public address at the first connection is not read at a private one at a later one. The
deadline holds for everything: handshakes, headers and redirects too, which a server may send byte by byte.
"""

import http.client
import socket
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from infra.connection_deadline import ConnectionDeadline
from infra.errors import one_line
from infra.public_addresses import is_public_address

DEFAULT_PORTS = {"http": 80, "https": 443}


class DownloadRefused(Exception):
    """What a server asks for is not done; the message continues the source's name."""


def open_watched(request: Request, watch: "ConnectionWatch", silent_seconds: float) -> Any:
    """Send a request and return its response. Raises `DownloadRefused`, and what urllib raises."""
    opener = build_opener(_OriginRedirects(urlsplit(request.full_url)), _Http(watch), _Https(watch))
    return opener.open(request, timeout=silent_seconds)


class _OriginRedirects(HTTPRedirectHandler):
    """Follows redirects within the origin of the URL that a person gave."""

    max_redirections = 5

    def __init__(self, origin: SplitResult) -> None:
        self._origin = origin

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        """Return the next request. Raises `DownloadRefused` for another host or port, or from https to http."""
        try:
            target = urlsplit(newurl)
            here, there = _origin(self._origin), _origin(target)
        except ValueError:
            raise DownloadRefused("redirects to an address that cannot be read.") from None
        upgraded = (here[0], *there) == ("http", "https", here[1], 443) and here[2] == 80
        if "@" in target.netloc or (there != here and not upgraded):
            place = f"{there[0]}://{there[1]}" + ("" if there[2] == DEFAULT_PORTS.get(there[0]) else f":{there[2]}")
            raise DownloadRefused(
                f"redirects to {one_line(place, 100)}, which is not followed; if you trust that place, name it."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme)


class ConnectionWatch(ConnectionDeadline):
    """Ends a download at its deadline, and its host's way from a public address to a private one."""

    def __init__(self, total_seconds: float) -> None:
        super().__init__(total_seconds)
        self._is_public: bool | None = None

    def check(self, connected: socket.socket) -> None:
        """Look at a new connection before anything is asked of it, TLS included."""
        is_public = is_public_address(connected.getpeername()[0])
        if self.expired or (self._is_public and not is_public):
            connected.close()
            raise DownloadRefused(
                "changed from a public to a private address while it was read; look at its name server."
            )
        self._is_public = is_public
        self.watch(connected)


class _Connection(http.client.HTTPConnection):
    """A connection that is looked at before it is used."""

    def __init__(self, *arguments: Any, check: Callable[[socket.socket], None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._check = check
        self._create_connection = self._connect_checked  # between TCP and TLS, where http.client has this hook

    def _connect_checked(self, *arguments: Any) -> socket.socket:
        connected = socket.create_connection(*arguments)
        self._check(connected)
        return connected


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS."""


class _Http(HTTPHandler):
    def __init__(self, watch: ConnectionWatch) -> None:
        super().__init__()
        self._watch = watch

    def http_open(self, req: Request) -> Any:
        """Open a watched connection."""
        connection: Any = partial(_Connection, check=self._watch.check)
        return self.do_open(connection, req)


class _Https(HTTPSHandler):
    def __init__(self, watch: ConnectionWatch) -> None:
        super().__init__()
        self._watch = watch

    def https_open(self, req: Request) -> Any:
        """Open a watched connection over TLS."""
        connection: Any = partial(_SecureConnection, check=self._watch.check)
        return self.do_open(connection, req, context=self._context)  # type: ignore[attr-defined]
