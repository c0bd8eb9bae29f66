"""Parse and validate the address of a source: a path, or a URL of a known kind that holds no credential.

Inputs: the text given as `SOURCE`. Outputs: its scheme ("" for a path). Invariant: what is accepted can be kept in a
report, a parameter and a log as it stands; an error about a credential repeats none of it. A path is never taken for a
chain of file systems (`zip://…::http://…`), which would read what the address does not show.
"""

import re
from urllib.parse import urlsplit

from infra.errors import UnreadableSource

CLOUD_PACKAGES = {"abfs": "adlfs", "abfss": "adlfs", "az": "adlfs", "gcs": "gcsfs", "gs": "gcsfs"}
"""Schemes that are read where a package is installed, which Packshot does not bring."""
SCHEMES = ("file", "http", "https", "memory", "s3", "s3a", *CLOUD_PACKAGES)
HTTP_SCHEMES = ("http", "https")
BUCKET_SCHEMES = ("s3", "s3a", *CLOUD_PACKAGES)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_AUTHORITY = re.compile(r"://(?=([^/?#]*))")  # of every URL in a chain
_HTTP_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:@\[\]]+)(?::\d{1,5})?")

_AZURE = r"[aA][bB][fF][sS][sS]?://[A-Za-z0-9$][A-Za-z0-9$._-]*@[A-Za-z0-9][A-Za-z0-9.-]*"
"""Azure's own form, `abfss://CONTAINER@ACCOUNT`: before the @ stands no user, and without a colon no password."""
_AZURE_ADDRESS = re.compile(rf"{_AZURE}(?=[/?#]|$)")

URL_PATTERN = (
    rf"^(?=.)(?:{_AZURE}(?=/|$)(?!.*\?))?"
    r"(?!.*://[^/?#]*@)(?!.*::.*://)(?!(?![fF][iI][lL][eE]:)[A-Za-z][A-Za-z0-9+.-]*://.*\?).*$"
)
"""The same for a JSON schema, coarsely: Prefect's server, which only reads the schema, must keep no such parameter."""


def parse_source_scheme(url: str) -> str:
    """Return the scheme of a source's URL in lower case; "" for a local path.

    Raises `UnreadableSource` for other kinds of URLs, chains, and URLs with a user, a password or a query.
    """
    if not url.strip() or "\0" in url:
        raise UnreadableSource(f"The source {url!r} is not a path; name a file or a folder.")
    match = _SCHEME.match(url)
    if any("@" in authority for authority in _AUTHORITY.findall(_without_container(url))):
        what = "URL" if match is None else f"{match[1].lower()}:// URL"
        raise UnreadableSource(
            f"The source's {what} names a user or a password; give credentials by the environment instead."
        )
    if match is None:
        if "::" in url and "://" in url:
            raise UnreadableSource("The source is a chain of file systems (::), which is not read; name one file.")
        return ""
    scheme = match[1].lower()
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise UnreadableSource(f"No source is read from {scheme}://; use a path or one of {known}.")
    if scheme != "file":
        _check_remote_url(scheme, url)
    return scheme


def azure_account(url: str) -> str | None:
    """Return the account's host of Azure's form `abfss://CONTAINER@ACCOUNT/…`; None for another URL."""
    found = _AZURE_ADDRESS.match(url)
    return found[0].rpartition("@")[2] if found else None


def _without_container(url: str) -> str:
    """Return the URL without the container that Azure writes where others write a user."""
    found = _AZURE_ADDRESS.match(url)
    return url if found is None else f"abfss://{url[url.index('@') + 1 :]}"


def _check_remote_url(scheme: str, url: str) -> None:
    if "::" in re.sub(r"\[[0-9A-Fa-f:.]+\]", "", url):  # but for an IPv6 host
        raise UnreadableSource(f"The source's {scheme}:// URL is a chain of file systems (::); name one file.")
    if "?" in url:
        advice = "give it by PACKSHOT_SOURCE_QUERY, which is kept nowhere" if scheme in HTTP_SCHEMES else "remove it"
        raise UnreadableSource(
            f"The source's {scheme}:// URL has a query (?…), which may hold a signature or a token and would be kept in"
            f" reports: {advice}."
        )
    authority = _AUTHORITY.findall(url)[0]
    if scheme in HTTP_SCHEMES and (not _HTTP_AUTHORITY.fullmatch(authority) or "#" in url):
        raise UnreadableSource(f"The source's {scheme}:// URL must be host, optional port and path, without '#'.")
    if scheme in BUCKET_SCHEMES and (not authority or ":" in authority):
        raise UnreadableSource(f"The source's {scheme}:// URL names no bucket; write {scheme}://BUCKET/KEY.")
    if scheme in HTTP_SCHEMES and not urlsplit(url).path.strip("/"):
        raise UnreadableSource(f"The source {url!r} names no file.")
