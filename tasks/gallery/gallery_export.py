"""Gallery export: images of a release as one folder that opens from a disk, without a server, a script or a network.

Inputs: a gallery, a release, what is selected, a folder that is not there yet. Outputs: pages of thumbnails that link
to the whole files, and `exported.json`: what is in it and what was left out, with the reason. Invariants: nothing is
written outside the folder; it appears whole, or not at all. The shop's own photos are private: small copies of those
whose products are kept come along only where they are asked for, and nothing else of them does.
"""

import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.gallery.release_index import GENERATED, ReleaseItem
from catalogs.keys import SHORT_DIGEST_LENGTH
from tasks.gallery.export_selection import ExportSelection
from tasks.gallery.gallery import Gallery
from tasks.reporting.html_pages import render_page
from tasks.runs.release_history import ReleaseSummary

PAGE_IMAGES = 120
MANIFEST_NAME = "exported.json"
_MAX_NAMED = 5


@dataclass(frozen=True)
class ExportedImage:
    """One image of the folder: its slot, and its files relative to the folder."""

    sku: str
    view: str
    variant: str
    index: int
    file: str
    thumbnail: str
    is_veiled: bool = False
    mode: str = GENERATED
    photo: str = ""
    """A small copy of the shop's photo whose product it keeps; empty without one, and where photos stay."""


@dataclass(frozen=True)
class LeftOut:
    """What was asked for and is not in the folder, and why."""

    sku: str
    view: str
    reason: str


@dataclass
class GalleryExport:
    """What an export wrote."""

    catalogue: str
    release: int
    folder: str
    selected: int
    live: int
    images: list[ExportedImage] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    photos: bool = False
    """Whether copies of the shop's photos were asked for."""

    def document(self) -> dict[str, Any]:
        """Return plain values, for `--json` and, but for where the folder lies, for `exported.json`."""
        return asdict(self)


def export_gallery(
    gallery: Gallery, release: ReleaseSummary, selection: ExportSelection, out: Path, *, photos: bool = False
) -> GalleryExport:
    """Write the selected images of a release into a new folder, and return what was written.

    With `photos`, small copies of the shop's photos stand beside the images that keep their products.
    Raises `OptionError` where there is something in the folder's place.
    """
    if not len(selection.positions) and selection.missing_skus:
        names = ", ".join(repr(sku) for sku in selection.missing_skus[:_MAX_NAMED])
        raise OptionError(f"--sku: release {release.version} shows no image of {names}")
    _require_free(out)
    index = gallery.index(release)
    export = GalleryExport(
        gallery.catalogue, release.version, str(out), len(selection.positions), len(index), photos=photos
    )
    export.left_out += [LeftOut(sku, "", "the release shows no image of it") for sku in selection.missing_skus]
    unfinished = out.parent / f".{out.name}.{secrets.token_hex(4)}.part"
    try:
        unfinished.mkdir(parents=True)
    except OSError as error:
        raise OptionError(f"--out: {str(out)!r} cannot be written ({error.strerror}); give another folder.") from None
    try:
        _write_images(gallery, release, selection, export, unfinished)
        _write_pages(export, release, unfinished)
        unfinished.rename(out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return export


def _require_free(out: Path) -> None:
    try:
        is_free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    except OSError as error:
        raise OptionError(f"--out: {str(out)!r} cannot be read ({error.strerror}); give another folder.") from None
    if not is_free:
        raise OptionError(f"--out: {str(out)!r} is there already; give a folder that is not, or an empty one.")


def _write_images(
    gallery: Gallery, release: ReleaseSummary, selection: ExportSelection, export: GalleryExport, folder: Path
) -> None:
    sensitive, index = gallery.sensitive_slots(), gallery.index(release)
    for position in selection.positions:
        item = index.item(int(position))
        data = gallery.pictures.read(item, export.release)
        thumbnail = gallery.pictures.thumbnail(item, export.release)
        if data is None or thumbnail is None:
            why = "its file is not in the store, or is not the one that was released"
            export.left_out.append(LeftOut(item.sku, item.view, why))
            continue
        image = _name_image(item, item.slot_id in sensitive)
        photo = gallery.photo(release, item) if export.photos else None
        if photo is not None:
            image = replace(image, photo=image.file.replace("images/", "photos/", 1))
        elif export.photos and item.is_kept:
            export.left_out.append(LeftOut(item.sku, item.view, "the shop's photo cannot be shown"))
        for name, content in ((image.file, data), (image.thumbnail, thumbnail), (image.photo, photo)):
            if content is not None:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        export.images.append(image)


def _name_image(item: ReleaseItem, is_veiled: bool) -> ExportedImage:
    """Return an image under a name of letters, digits and hyphens, as its published file has."""
    title = layout.image_title(item.sku, item.view, item.variant, item.index)
    name = f"{title}-{item.file_sha_prefix[:SHORT_DIGEST_LENGTH]}.jpg"
    return ExportedImage(
        item.sku,
        item.view,
        item.variant,
        item.index,
        f"images/{name}",
        f"thumbnails/{name}",
        is_veiled,
        item.mode,
    )


def _write_pages(export: GalleryExport, release: ReleaseSummary, folder: Path) -> None:
    pages = list(_pages(export.images))
    for number, images in enumerate(pages):
        html = render_page(
            "gallery_export.html",
            export=export,
            release=release,
            images=images,
            number=number + 1,
            pages=[_page_name(other) for other in range(len(pages))],
        )
        (folder / _page_name(number)).write_text(html, "utf-8")
    shown = {name: value for name, value in export.document().items() if name != "folder"}  # it may be passed on
    manifest = json.dumps(shown, ensure_ascii=False, indent=2)
    (folder / MANIFEST_NAME).write_text(manifest + "\n", "utf-8")


def _pages(images: Sequence[ExportedImage]) -> Iterator[Sequence[ExportedImage]]:
    """Yield the images page by page; one empty page where there is none."""
    for start in range(0, max(1, len(images)), PAGE_IMAGES):
        yield images[start : start + PAGE_IMAGES]


def _page_name(number: int) -> str:
    return "index.html" if number == 0 else f"page-{number + 1}.html"
