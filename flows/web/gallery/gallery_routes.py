"""Gallery routes: the pages and pictures of a catalogue's releases, for whoever may look.

Inputs: requests below `/catalogues/<catalogue>/gallery`. Outputs: pages, JPEG files, 404 where a release or a slot is
not there. Every route reads and none writes. Nothing of a request becomes a key: a picture is found by its slot in the
index of a release.
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalogs.gallery.release_index import ReleaseItem
from catalogs.reviews.review_item import is_sensitive
from flows.web.gallery.galleries import Galleries
from flows.web.gallery.gallery_addresses import GALLERY_PATH, GalleryAddresses, parse_filter
from flows.web.gallery.release_view import view_changes, view_release, view_samples
from flows.web.pages import page
from flows.web.scopes import Looker
from flows.web.web_context import WebPart
from flows.web.web_files import image_response
from infra.public_links import public_link
from tasks.gallery.gallery import Gallery
from tasks.runs.release_history import ReleaseSummary

KEPT_FOR_EVER = "private, max-age=31536000, immutable"
"""How long a browser keeps a picture: its address shows the same image as long as it shows any."""

Start = Annotated[int, Query(ge=0, le=2**40)]


def gallery_part(public_url: str | None = None) -> WebPart:
    """Return the gallery as a part of a server; `public_url` is where shoppers find the store's objects."""
    return WebPart("Gallery", GALLERY_PATH, GalleryRoutes(public_url).router)


class GalleryRoutes:
    """The routes of one server's galleries."""

    def __init__(self, public_url: str | None = None) -> None:
        self._galleries, self._public_url = Galleries(), public_url
        self.router = APIRouter()
        for path, route in (
            ("", self.newest),
            ("/releases", self.releases),
            ("/variants", self.variants),
            ("/pictures/{slot}", self.newest_picture),
            ("/{version:int}", self.release),
            ("/{version:int}/changes", self.changes),
            ("/{version:int}/nearest", self.nearest),
            ("/{version:int}/pictures/{slot}", self.picture),
            ("/{version:int}/pictures/{slot}/file", self.file),
            ("/{version:int}/pictures/{slot}/thumbnail", self.thumbnail),
            ("/{version:int}/pictures/{slot}/photo", self.photo),
        ):
            self.router.add_api_route(path, route, methods=["GET", "HEAD"])

    def newest(self, request: Request, person: Looker, start: Start = 0) -> Response:
        """Show the newest release."""
        gallery = self._galleries.of(request)
        newest = gallery.releases.find()
        if newest is None:
            return self._page(request, gallery, "empty.html")
        return self.release(request, person, newest.version, start)

    def releases(self, request: Request, _: Looker) -> Response:
        """List the releases that are kept."""
        gallery = self._galleries.of(request)
        return self._page(request, gallery, "releases.html", releases=gallery.releases.all())

    def release(self, request: Request, _: Looker, version: int, start: Start = 0) -> Response:
        """Show the images of a release that a filter lets through, a page at a time."""
        gallery, release = self._open(request, version)
        view = view_release(gallery, release, parse_filter(request.query_params), start)
        return self._page(request, gallery, "release.html", release=release, view=view)

    def changes(self, request: Request, _: Looker, version: int, kind: str = "", start: Start = 0) -> Response:
        """Show what a release changed."""
        gallery, release = self._open(request, version)
        view = view_changes(gallery, release, kind, start)
        return self._page(request, gallery, "changes.html", release=release, view=view)

    def nearest(self, request: Request, _: Looker, version: int) -> Response:
        """Show the images that each gate nearly refused."""
        gallery, release = self._open(request, version)
        return self._page(request, gallery, "nearest.html", release=release, nearest=gallery.nearest(release))

    def variants(self, request: Request, _: Looker) -> Response:
        """Show the variants side by side."""
        gallery = self._galleries.of(request)
        report, release = gallery.variants(), gallery.releases.find()
        samples = view_samples(gallery, release, [result.variant for result in report.results])
        return self._page(request, gallery, "variants.html", report=report, release=release, samples=samples)

    def picture(self, request: Request, _: Looker, version: int, slot: str) -> Response:
        """Show one image, what the slot showed before, and what is known of it."""
        gallery, release = self._open(request, version)
        details = gallery.details(release, _parse_slot(slot))
        if details is None:
            raise HTTPException(404, f"Release {release.version} shows no image in this slot.")
        link = public_link(self._public_url, details.row["object"])
        is_open = request.query_params.get("show") == "1"
        return self._page(
            request, gallery, "picture.html", release=release, details=details, public_link=link, is_open=is_open
        )

    def newest_picture(self, request: Request, _: Looker, slot: str) -> Response:
        """Lead to what a slot shows today."""
        gallery, slot_id = self._galleries.of(request), _parse_slot(slot)
        release = gallery.releases.find()
        if release is None or gallery.index(release).find(slot_id) is None:
            raise HTTPException(404, "The newest release shows no image in this slot.")
        target = str(GalleryAddresses(gallery.catalogue).picture(release.version, slot_id))
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)

    def file(self, request: Request, _: Looker, version: int, slot: str) -> Response:
        """Send the file that a release shows in a slot."""
        gallery, release, item = self._find(request, version, slot)
        return _send(request, gallery.pictures.read(item, release.version))

    def thumbnail(self, request: Request, _: Looker, version: int, slot: str) -> Response:
        """Send a small picture of what a release shows in a slot."""
        gallery, release, item = self._find(request, version, slot)
        return _send(request, gallery.pictures.thumbnail(item, release.version))

    def photo(self, request: Request, _: Looker, version: int, slot: str) -> Response:
        """Send a small copy of the shop's photo whose product an image keeps; the photo itself is never sent."""
        gallery, release, item = self._find(request, version, slot)
        data = gallery.photo(release, item)
        if data is None:
            raise HTTPException(404, "There is no photo of this image that can be shown.")
        return image_response(request, data)

    def _open(self, request: Request, version: int) -> tuple[Gallery, ReleaseSummary]:
        gallery = self._galleries.of(request)
        release = gallery.releases.find(version)
        if release is None:
            raise HTTPException(404, f"Release {version} is not kept any more, or never was: see the list of releases.")
        return gallery, release

    def _find(self, request: Request, version: int, slot: str) -> tuple[Gallery, ReleaseSummary, ReleaseItem]:
        gallery, release = self._open(request, version)
        index = gallery.index(release)
        position = index.find(_parse_slot(slot))
        if position is None:
            raise HTTPException(404, f"Release {release.version} shows no image in this slot.")
        return gallery, release, index.item(position)

    def _page(self, request: Request, gallery: Gallery, template: str, **values: Any) -> Response:
        common: dict[str, Any] = {
            "addresses": GalleryAddresses(gallery.catalogue),
            "sensitive": gallery.sensitive_slots(),
            "is_sensitive": is_sensitive,
        }
        return page(request, f"gallery/{template}", **common | values)


def _parse_slot(text: str) -> bytes:
    """Return a slot's id; nothing, which no release shows, for any other text."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _send(request: Request, data: bytes | None) -> Response:
    if data is None:
        raise HTTPException(404, "The picture is not in the store any more, or is not the one that was released.")
    response = image_response(request, data)
    response.headers["Cache-Control"] = KEPT_FOR_EVER
    return response
