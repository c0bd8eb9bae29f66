"""https addresses of photos: which ones may be asked for at all, judged by their text.

Inputs: a URL, and the hosts that the settings allow. Outputs: the URL in its canonical form; `InvalidPhoto`
(`photo.reference`) for every other. It is asked of a catalogue's references and again of each redirect.
Invariant: the host is one of the allowed ones, letter by letter; no user, no password, no fragment, and no signed
query: a signature is a credential, and would make the photo a new one every night.
"""

import re
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from infra.photos.invalid_photo import InvalidPhoto, shown_reference
from infra.visible_text import printable

HTTPS_PORT = 443

_SAFE_IN_PATH, _SAFE_IN_QUERY = "/%:@!$&'()*+,;=~-._", "/%:@!$&'()*+,;=~-._?"
_SIGNED = re.compile(
    r"(?:^|[&;])(?:x-(?:amz|goog)-[a-z-]+|sig|signature|awsaccesskeyid|googleaccessid|key-pair-id|policy|hmac|hdnea|jwt"
    r"|(?:\w+_)?token|passw(?:or)?d|secret|auth|authorization|api_?key|credential)=",
    re.IGNORECASE,
)


def parse_https_address(url: str, hosts: frozenset[str], *, named: str, is_redirect: bool = False) -> str:
    """Return the URL with its host in lower case and its path encoded. `named` is the reference that an error names.

    A redirect may be signed: it is kept nowhere, and names no photo.
    Raises `InvalidPhoto` (`photo.reference`).
    """
    parts = _split(url, named)
    if parts.scheme != "https":
        raise _refusal(named, "is no https address", "use https")
    if "@" in parts.netloc:
        raise _refusal(named, "names a user or a password", "use an address that needs none")
    if "#" in url:
        raise _refusal(named, "has a fragment (#…)", "remove it")
    host, port = _host_and_port(parts, named)
    place = host if port == HTTPS_PORT else f"{host}:{port}"
    if place not in _normal_hosts(hosts):
        raise _refusal(named, f"is on the host {place[:100]!r}, which is not allowed", "allow it in the settings")
    if not is_redirect and _SIGNED.search(parts.query):
        raise _refusal(named, "is signed, so it holds a credential and expires", "use an address that stays")
    if any(part in (".", "..") for part in parts.path.split("/")) or not parts.path.strip("/"):
        raise _refusal(named, "names no file by a plain path", "write the path plainly")
    path, query = quote(parts.path, safe=_SAFE_IN_PATH), quote(parts.query, safe=_SAFE_IN_QUERY)
    return urlunsplit(("https", place, path, query, ""))


def normal_host(host: str) -> str:
    """Return an allowed host as it is compared: in lower case, as DNS has it, without https's own port."""
    name, _, port = host.strip().lower().partition(":")
    return _ascii_host(name) + (f":{port}" if port and port != str(HTTPS_PORT) else "")


@lru_cache(maxsize=16)
def _normal_hosts(hosts: frozenset[str]) -> frozenset[str]:
    return frozenset(normal_host(host) for host in hosts)


def split_https_address(url: str) -> tuple[str, int, str]:
    """Return host, port and request target of an address that `parse_https_address` has returned."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return parts.hostname or "", parts.port or HTTPS_PORT, target


def _split(url: str, named: str) -> SplitResult:
    if "\\" in url or printable(url, len(url)) != url:
        raise _refusal(named, "has a backslash or hidden characters", "write it plainly")
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that opens no IPv6 address, or letters that turn into / by normalisation
        raise _refusal(named, "cannot be read as an address", "write https://HOST/PATH") from None


def _host_and_port(parts: SplitResult, named: str) -> tuple[str, int]:
    try:
        host, port = parts.hostname or "", parts.port or HTTPS_PORT
        return _ascii_host(host), port
    except ValueError:  # UnicodeError is one
        raise _refusal(named, "has a host or a port that cannot be read", "write https://HOST/PATH") from None


def _ascii_host(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii").lower()


def _refusal(named: str, what: str, advice: str) -> InvalidPhoto:
    return InvalidPhoto("photo.reference", f"The photo {shown_reference(named)} {what}; {advice}.")
