"""Addresses: by which names browsers may call a server, and which pages may send it forms.

Inputs: the host and port that it listens on, and the public URL of a proxy before it. Outputs: answers about the
headers `Host`, `Origin` and `Sec-Fetch-Site`. Any page in a browser can send requests to loopback, also under a name of
its own that leads there (DNS rebinding); a browser says in these headers which name it used and whose page asks.
Programs send no `Origin`; they have no cookie of a browser's either.
"""

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from catalogs.errors import OptionError
from infra.stores.addresses import has_credentials

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_HOST_HEADER = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True)
class WebAddresses:
    """The names of one server. `public_url` is its address behind a proxy, such as https://review.shop.example."""

    host: str
    port: int
    public_url: str = ""

    @property
    def url(self) -> str:
        """Return the address that a person opens."""
        return self.public_url or f"http://{_bracketed(self.host)}:{self.port}"

    @property
    def _origins(self) -> dict[str, str]:
        """Return the origin of each host (with its port) that may be called."""
        names = {_bracketed(self.host), *(LOOPBACK_NAMES if is_loopback(self.host) else ())}
        own = {f"{name}:{self.port}": f"http://{name}:{self.port}" for name in names if name not in _ANY_HOST}
        if self.port == 80:
            own |= {name: f"http://{name}" for name in names if name not in _ANY_HOST}
        return own | ({urlsplit(self.public_url).netloc: self.public_url} if self.public_url else {})

    def allows_host(self, host: str) -> bool:
        """Tell whether a request may name this host."""
        return _HOST_HEADER.fullmatch(host) is not None and host.lower() in self._origins

    def is_secure(self, host: str) -> bool:
        """Tell whether a browser reaches this host by TLS, so that its cookies may say so."""
        return self._origins.get(host.lower(), "").startswith("https://")

    def allows_form(self, host: str, headers: Mapping[str, str]) -> bool:
        """Tell whether a request that changes something comes from a page of this server, or from no page."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        return site in {None, "same-origin"} and origin in {None, self._origins.get(host.lower())}


_ANY_HOST = {"0.0.0.0", "[::]"}  # noqa: S104 - these are refused as names of a server


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a server on a host. Raises `OptionError` for an unknown host."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OptionError(f"--host: {host!r} is no address and no known name of a host.") from None
    return all(ipaddress.ip_address(str(address[0]).split("%")[0]).is_loopback for *_, address in found)


def check_public_url(url: str) -> str:
    """Return a public URL as browsers write an origin. Raises `OptionError` for another one."""
    parts = urlsplit(url)
    is_origin = parts.scheme in {"http", "https"} and not (parts.path.strip("/") or parts.query or parts.fragment)
    if not is_origin or _HOST_HEADER.fullmatch(parts.netloc) is None:
        was = "" if has_credentials(url) or "?" in url else f"; it was {url[:200]!r}"
        raise OptionError(f"--public-url: give scheme and host alone, such as https://review.shop.example{was}")
    usual = {"http": ":80", "https": ":443"}[parts.scheme]  # browsers leave it out of origins and hosts
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}"


def _bracketed(host: str) -> str:
    name = host.strip("[]").lower()
    return f"[{name}]" if ":" in name else name
