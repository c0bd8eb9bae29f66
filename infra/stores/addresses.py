"""Parse and validate the URL of a store.

Inputs: the text given as `--store`. Outputs: a scheme and a location.
Invariant: a URL with a user, a password or a query is refused, and the error repeats none of them, since it may end in
a log or a report.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from infra.errors import InvalidStoreAddress
from infra.source_address import CLOUD_PACKAGES, azure_account

SCHEMES = ("file", "memory", "s3")

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class StoreAddress:
    """A store's scheme, its location (absolute folder, memory name or bucket) and the prefix inside a bucket."""

    scheme: str
    location: str
    prefix: str = ""

    @property
    def url(self) -> str:
        """Return the canonical URL, which `parse_address` reads back as the same address."""
        if self.scheme == "file":
            return f"file://{quote(self.location)}"
        return f"{self.scheme}://{self.location}" + (f"/{self.prefix}" if self.prefix else "")

    def join(self, name: str) -> str:
        """Return the URL or folder of `name` (slash-separated) below this address, as table clients expect it."""
        if self.scheme == "file":
            return str(Path(self.location) / name)
        return f"{self.url}/{name}"


def lies_in_store(path: Path, url: str) -> bool:
    """Tell whether a file or folder of this machine lies in a store's folder, or is it: links are followed."""
    address = parse_address(url)
    return address.scheme == "file" and path.resolve().is_relative_to(Path(address.location).resolve())


def has_credentials(url: str) -> bool:
    """Tell whether a URL names a user or a password. An error must not repeat such a URL: it may end in a log.

    Azure's `abfss://CONTAINER@ACCOUNT` names neither.
    """
    if azure_account(url) is not None:
        return False
    _, separator, rest = url.partition("://")
    return bool(separator) and "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]


def is_plain_http_url(url: str) -> bool:
    """Tell whether a URL is http(s) with a host, and has neither user nor password."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that opens no IPv6 address
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not has_credentials(url)


def parse_address(url: str) -> StoreAddress:
    """Parse a store's URL (`file:///folder`, `s3://bucket/prefix`, `memory://name`) or a plain folder.

    Raises `InvalidStoreAddress` for anything else, and for URLs with a user, a password, a query or a fragment.
    """
    if not url.strip() or "\0" in url:
        raise InvalidStoreAddress(f"The store's address {url!r} is empty or broken; give a folder or an s3:// URL.")
    if "://" not in url:
        return StoreAddress("file", str(Path(url).absolute()))
    scheme, rest = url.split("://", 1)
    scheme = scheme.lower()
    authority = rest.split("/", 1)[0]
    if has_credentials(url):
        raise InvalidStoreAddress(
            f"The store's {scheme}:// URL names a user or a password; remove them and use the environment instead."
        )
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        hint = f" A catalogue can be read from {scheme}://." if scheme in CLOUD_PACKAGES else ""
        raise InvalidStoreAddress(
            f"No store is known for {scheme + '://'!r}; use one of {known} or a plain folder.{hint}"
        )
    if "?" in rest or "#" in rest:
        raise InvalidStoreAddress(
            f"The store's {scheme}:// URL has a '?' or '#' part, which means nothing here; remove it."
        )
    if _CONTROL_CHARACTER.search(rest) or "\0" in unquote(rest):
        raise InvalidStoreAddress(f"The store's address {url!r} holds a control character; remove it.")
    return _address(scheme, authority, rest.removeprefix(authority))


def _address(scheme: str, authority: str, path: str) -> StoreAddress:
    if scheme == "file":
        if authority or not path:
            raise InvalidStoreAddress(
                f"A file URL needs three slashes and an absolute folder, not {'file://' + authority + path!r}."
            )
        return StoreAddress("file", str(Path(unquote(path))))
    prefix = path.strip("/")
    if not authority or (scheme == "s3" and ":" in authority):
        raise InvalidStoreAddress(
            f"{scheme + '://' + authority + path!r} names no {'bucket' if scheme == 's3' else 'store'}."
        )
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise InvalidStoreAddress(f"The prefix {prefix!r} has an empty, '.' or '..' part; write it plainly.")
    return StoreAddress(scheme, authority, prefix)
