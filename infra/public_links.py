"""Public links: where shoppers' browsers find an object of the store, such as below a CDN's address.

Inputs: the base address that the settings name, and an object's key. Outputs: a link, or None where there is no base.
No link is stored with an image: the manifest names keys, so a shop may move to another address without a new release.
"""

import re
from urllib.parse import quote, urlsplit

from infra.stores.addresses import is_plain_http_url


def public_link(base: str | None, key: str) -> str | None:
    """Return the link to an object; every character of the key that an address cannot hold is escaped."""
    return None if base is None else f"{base.rstrip('/')}/{quote(key)}"


def check_public_base(base: str) -> str:
    """Return a base address without its last slash. Raises `ValueError` for one that a report should not repeat."""
    if not is_plain_http_url(base) or re.search(r"[?#\s]", base) or not _has_valid_port(base):
        raise ValueError("must be an http:// or https:// address without user, password, query or fragment")
    return base.rstrip("/")


def _has_valid_port(url: str) -> bool:
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True
