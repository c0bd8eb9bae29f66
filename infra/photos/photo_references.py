"""Photo references: which place a text of a catalogue's photo column names, among those that the settings allow.

Inputs: the text, and the `AllowedPlaces` of a run. Outputs: a `PhotoReference`; `InvalidPhoto` (`photo.reference`) for
everything else, with a sentence that names the value and what to do. Nothing is opened and no name is resolved.
Invariant: a reference holds no credential and leads nowhere but into an allowed folder, bucket prefix, part of the
store or host, as written: no `..`, nothing encoded. Links are refused where the file is opened
(`infra.photos.photo_files`), since only then it is known what is one. A value is shown shortened, without users,
passwords, queries and fragments.

    photos/mug.jpg                   below the catalogue's folder, which is the first of the allowed ones
    /data/photos/mug.jpg, file:///…  below an allowed folder
    s3://bucket/photos/mug.jpg       below an allowed bucket prefix
    store:photos/mug.jpg             a key of Packshot's own store, below an allowed prefix
    https://cdn.shop.example/mug.jpg?v=3
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import unquote

from infra.photos.https_addresses import parse_https_address
from infra.photos.invalid_photo import InvalidPhoto, shown_reference
from infra.stores.addresses import parse_address
from infra.stores.key_validation import check_key
from infra.visible_text import printable

MAX_REFERENCE_CHARACTERS = 2048
"""What browsers and servers take for a URL."""

_STORE_SCHEME = "store:"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_ENCODED = re.compile(r"%(?:25)*(?:2e|2f|5c|00)", re.IGNORECASE)
"""A dot, a slash, a backslash or NUL, encoded once or more: whoever decodes it reads another path."""


@dataclass(frozen=True)
class PhotoReference:
    """One photo's place.

    `root` is the URL of the folder, bucket prefix or store that holds it ("" for https), and `name` its key there, or
    the whole https URL.
    """

    kind: Literal["folder", "store", "https"]
    root: str
    name: str

    @property
    def beginning(self) -> str:
        """Return what the canonical texts of all photos below the same root begin with."""
        if self.kind == "https":
            return ""
        return _STORE_SCHEME if self.kind == "store" else f"{self.root}/"

    @property
    def text(self) -> str:
        """Return the canonical text, by which a photo index names the photo: one place has one."""
        return self.beginning + self.name


@dataclass(frozen=True)
class AllowedPlaces:
    """Where photos may lie.

    `folders` are paths or URLs (`file://`, `s3://`); a relative reference is read below the first, the catalogue's own.
    `hosts` are names with an optional port. `store_prefixes` begin the keys that may be named of `store`: not others,
    since a photo must not bring back what waits for review, or what was refused. A folder that holds the store, or lies
    in it, opens no other way to those keys.
    """

    store: str
    folders: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()
    store_prefixes: tuple[str, ...] = ("photos/", "sources/")

    @cached_property
    def roots(self) -> tuple[tuple[str, str], ...]:
        """Return each folder's URL with what a reference below it begins with: a path, also without links, or a URL."""
        return tuple(pair for folder in self.folders for pair in _beginnings(folder))

    @cached_property
    def first_root(self) -> str | None:
        """Return the URL of the folder that relative references are read below."""
        return self.roots[0][0] if self.roots else None

    @cached_property
    def store_parts(self) -> dict[str, tuple[str, str]]:
        """Return, of each root that holds the store or lies in it, what leads from a name in it to the store's key.

        The first text is taken from the beginning of a name, which otherwise is no key of the store; the second is put
        there.
        """
        store = _location(self.store)
        found = {}
        for root, _ in self.roots:
            folder = _location(root)
            if f"{store}/".startswith(f"{folder}/"):
                found[root] = (f"{store}/"[len(folder) + 1 :], "")
            elif folder.startswith(f"{store}/"):
                found[root] = ("", f"{folder[len(store) + 1 :]}/")
        return found

    def store_key(self, root: str, name: str) -> str | None:
        """Return the store's key that a name in a root is; None for a name outside of the store."""
        taken, put = self.store_parts.get(root, ("/", ""))
        return put + name[len(taken) :] if name.startswith(taken) else None


def parse_photo_reference(text: str, allowed: AllowedPlaces) -> PhotoReference:
    """Return the place that the text names. Raises `InvalidPhoto` (`photo.reference`)."""
    reference = text.strip()
    if not reference or len(reference) > MAX_REFERENCE_CHARACTERS:
        _refuse(reference, "is too long" if reference else "is empty", "give the place of one file")
    if printable(reference, MAX_REFERENCE_CHARACTERS) != reference:
        _refuse(reference, "has hidden characters", "write the path plainly")
    if "\\" in reference or _ENCODED.search(reference):
        _refuse(reference, "has a backslash, or an encoded dot or slash", "write the path plainly, with /")
    scheme = _SCHEME.match(reference)
    name = scheme[1].lower() if scheme else ""
    if name == "https":
        return PhotoReference("https", "", parse_https_address(reference, allowed.hosts, named=reference))
    if name == "store":
        return _store_reference(reference, allowed)
    if name in ("", "file", "s3"):
        return _folder_reference(reference, name, allowed)
    if name == "http":
        _refuse(reference, "would be read without encryption", "use https")
    return _refuse(reference, f"is of the kind {name + ':'!r}", "give a path, s3://, store: or https://")


def _store_reference(reference: str, allowed: AllowedPlaces) -> PhotoReference:
    key = reference[len(_STORE_SCHEME) :]
    if not key.startswith(allowed.store_prefixes):
        known = ", ".join(_STORE_SCHEME + prefix for prefix in allowed.store_prefixes) or "none"
        _refuse(reference, "is no part of the store that photos may be in", f"allowed are: {known}")
    return PhotoReference("store", allowed.store, _checked(key, reference))


def _folder_reference(reference: str, scheme: str, allowed: AllowedPlaces) -> PhotoReference:
    path = _plain_path(reference, scheme)
    if not scheme and not path.startswith("/"):
        if allowed.first_root is None:
            _refuse(reference, "is relative, and the catalogue lies in no folder", "give the whole path or a URL")
        return _in_folder(allowed.first_root, path.removeprefix("./"), reference, allowed)
    for root, beginning in allowed.roots:
        if path.startswith(beginning):
            return _in_folder(root, path[len(beginning) :], reference, allowed)
    return _refuse(reference, "is outside the folders that photos may be in", "move it there, or allow its folder")


def _in_folder(root: str, name: str, reference: str, allowed: AllowedPlaces) -> PhotoReference:
    found = PhotoReference("folder", root, _checked(name, reference))
    key = allowed.store_key(root, name)
    if key is not None and not key.startswith(allowed.store_prefixes):
        _refuse(reference, "is a part of the store that photos may not be in", "move it out of the store")
    return found


def _plain_path(reference: str, scheme: str) -> str:
    """Return a path, or an s3:// URL without a query or a user."""
    if scheme == "file":
        if not reference.lower().startswith("file:///"):
            _refuse(reference, "is a file URL of another machine", "write file:/// and the path")
        return unquote(reference[len("file://") :])
    if scheme == "s3":
        bucket = reference[len("s3://") :].partition("/")[0]
        if "?" in reference or "#" in reference or "@" in bucket or ":" in bucket:
            _refuse(reference, "has a user, a query or a fragment", "write s3://BUCKET/KEY")
        return "s3" + reference[len("s3") :]
    if reference.startswith(("//", "~")):
        _refuse(reference, "is no plain path", "write the whole path, or one below the catalogue's folder")
    return reference


def _checked(key: str, reference: str) -> str:
    try:
        return check_key(key)
    except ValueError:
        return _refuse(reference, "has '..', '.', an empty or a reserved part", "write the path plainly")


def _beginnings(folder: str) -> Iterator[tuple[str, str]]:
    address = parse_address(folder)
    if address.scheme == "file":
        for location in dict.fromkeys((address.location, str(Path(address.location).resolve()))):
            yield address.url, location.rstrip("/") + "/"
    else:
        yield address.url, address.url + "/"


def _location(url: str) -> str:
    """Return a folder's or a store's place as text that can be compared: without links, where it is a path."""
    address = parse_address(url)
    if address.scheme == "file":
        return str(Path(address.location).resolve())
    return address.url


def _refuse(reference: str, what: str, advice: str) -> NoReturn:
    raise InvalidPhoto("photo.reference", f"The photo {shown_reference(reference)} {what}; {advice}.")
