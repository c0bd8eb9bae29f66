"""Gallery addresses: where each page and picture of a catalogue's gallery is, for ever.

Inputs: a catalogue; releases, slots, filters. Outputs: paths that begin with a slash, escaped for HTML. A picture's
address names its slot and the release, and neither a SKU nor a key: it shows the same image as long as the release is
kept. A filter is read back from a query; what it says is compared and never becomes a path.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlencode

from markupsafe import Markup, escape

from catalogs.errors import OptionError
from catalogs.gallery.release_filter import ReleaseFilter
from flows.web.pages import catalogue_path

GALLERY_PATH = "/gallery"
MAX_FILTER_CHARACTERS = 500
"""Longer values match nothing in any catalogue, and addresses have an end."""


@dataclass(frozen=True)
class GalleryAddresses:
    """The addresses of one catalogue's gallery."""

    catalogue: str

    def releases(self) -> Markup:
        """Return the list of the kept releases."""
        return self._address("/releases")

    def variants(self) -> Markup:
        """Return the page with the variants side by side."""
        return self._address("/variants")

    def release(self, version: int, wanted: ReleaseFilter = ReleaseFilter(), start: int = 0) -> Markup:  # noqa: B008 - frozen
        """Return a release's images from a position on."""
        words: dict[str, str] = wanted.words() | ({"start": str(start)} if start else {})
        return self._address(f"/{version}", words)

    def changes(self, version: int, kind: str = "", start: int = 0) -> Markup:
        """Return what a release changed."""
        words = ({"kind": kind} if kind else {}) | ({"start": str(start)} if start else {})
        return self._address(f"/{version}/changes", words)

    def nearest(self, version: int) -> Markup:
        """Return the images that the gates nearly refused."""
        return self._address(f"/{version}/nearest")

    def picture(self, version: int, slot_id: bytes) -> Markup:
        """Return the page of one image."""
        return self._address(f"/{version}/pictures/{slot_id.hex()}")

    def newest_picture(self, slot_id: bytes) -> Markup:
        """Return the address that leads to what the slot shows today."""
        return self._address(f"/pictures/{slot_id.hex()}")

    def file(self, version: int, slot_id: bytes) -> Markup:
        """Return an image's file."""
        return self._address(f"/{version}/pictures/{slot_id.hex()}/file")

    def thumbnail(self, version: int, slot_id: bytes) -> Markup:
        """Return an image's thumbnail."""
        return self._address(f"/{version}/pictures/{slot_id.hex()}/thumbnail")

    def photo(self, version: int, slot_id: bytes) -> Markup:
        """Return a small copy of the shop's photo whose product an image keeps."""
        return self._address(f"/{version}/pictures/{slot_id.hex()}/photo")

    def _address(self, path: str, words: Mapping[str, str] | None = None) -> Markup:
        query = f"?{urlencode(words)}" if words else ""
        return escape(f"{catalogue_path(self.catalogue, GALLERY_PATH)}{path}{query}")


def parse_filter(query: Mapping[str, str]) -> ReleaseFilter:
    """Return the filter in a query. Raises `OptionError` for a value that no image can have."""
    words = {field.name: query.get(field.name, "") for field in fields(ReleaseFilter)}
    for name, word in words.items():
        if len(word) > MAX_FILTER_CHARACTERS:
            raise OptionError(f"{name}: {len(word)} characters are too many; give at most {MAX_FILTER_CHARACTERS}.")
    return ReleaseFilter(**words)
