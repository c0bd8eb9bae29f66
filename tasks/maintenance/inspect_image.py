"""Image inspection: the provenance marks of one image file, and the manifest rows that show it.

Inputs: an image's bytes, of any origin, and optionally a store. Outputs: an `ImageProvenance`, and the matching rows.
An image belongs to the rows whose file is the same to the byte; where its marks were removed or changed, to the rows
with the same pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.table_schemas import MANIFEST
from infra.errors import InvalidImage, UnreadableSource
from infra.imaging.codecs import JPEG_START, PNG_SIGNATURE, decode, pixel_sha
from infra.imaging.source_marks import NO_MARK, SourceMark, mark_for, read_mark
from infra.interfaces import ObjectStore, TableStore, Watermark
from infra.provenance.credentials import ContentCredential, read_credential
from infra.provenance.image_input import require_max_pixels
from tasks.runs.release_history import list_catalogues

MAX_ROWS = 100
"""Rows that are returned: any number of rows may show the same pixels."""
MAX_PIXELS = 2**26
"""Larger images are not decoded: no shop shows 67 megapixels, and their pixels would fill the memory."""

_SHORT_COLUMNS = ("sku", "view", "variant", "index", "object", "run_id", "released_at", "mode", "kept")
_COLUMNS = pa.schema([MANIFEST.field(name) for name in (*_SHORT_COLUMNS, "photo_sha", "file_sha", "pixel_sha")])
"""A schema and not names: tables of older versions lack some columns, which are then read as nulls."""


@dataclass(frozen=True)
class MatchingManifestRow:
    """A row of a live manifest that shows this image. `release` is None where the history no longer names it."""

    catalogue: str
    sku: str
    view: str
    variant: str
    index: int
    object: str
    run_id: str
    released_at: datetime
    release: int | None
    same: str
    """`file`: the same to the byte; `pixels`: only the same pixels."""
    mode: str | None = None
    photo_sha: str | None = None
    kept: str | None = None
    """The `KeptResult` as JSON, where a photo's product is kept."""


@dataclass(frozen=True)
class ImageProvenance:
    """The provenance marks that an image carries, and the problems with them."""

    format: str
    bytes: int
    sha256: str
    pixel_sha: str | None
    mark: SourceMark
    c2pa: ContentCredential
    watermark_payload: str | None = None
    """The payload that the registered watermark reads from the pixels, in hex."""
    problems: list[str] = field(default_factory=list)

    @property
    def source_type(self) -> str | None:
        """Return the IPTC source type that the XMP names."""
        return self.mark.source_type

    @property
    def has_valid_marks(self) -> bool:
        """Tell whether the XMP says what made the image, and a valid C2PA signature says the same."""
        return _is_a_mark(self.mark) and self.c2pa.is_valid and _say_the_same(self.mark, self.c2pa)


def inspect_image(data: bytes, anchors: str = "", watermark: Watermark | None = None) -> ImageProvenance:
    """Return the provenance of a JPEG, PNG or WebP.

    `anchors` are trusted root certificates in PEM; `watermark` is read where one is registered. Damage inside the file
    is a problem in the result. Raises `UnreadableSource` for any other format.
    """
    image_format = _detect_format(data)
    problems: list[str] = []
    mark, pixels_sha, payload = NO_MARK, None, None
    try:
        mark = read_mark(data)
    except InvalidImage as error:
        problems.append(str(error))
    credential = read_credential(data, f"image/{image_format}", anchors)
    try:
        require_max_pixels(data, MAX_PIXELS)
        if image_format != "webp":
            pixels = decode(data)
            pixels_sha = pixel_sha(pixels)
            payload = watermark.extract(pixels) if watermark is not None else None
    except InvalidImage as error:
        problems.append(str(error))
    if not _is_a_mark(mark):
        finding = "has no DigitalSourceType" if mark.source_type is None else "names another DigitalSourceType"
        problems.append(f"the XMP {finding}: it does not say that a trained model generated the image")
    if not credential.is_present:
        problems.append("there is no C2PA manifest")
    elif not credential.is_valid:
        problems.append(f"the C2PA signature is not valid: {'; '.join(credential.problems) or credential.state}")
    elif _is_a_mark(mark) and not _say_the_same(mark, credential):
        problems.append("the XMP and the C2PA manifest do not say the same of what made the image")
    return ImageProvenance(
        format=image_format,
        bytes=len(data),
        sha256=sha256(data).hexdigest(),
        pixel_sha=pixels_sha,
        mark=mark,
        c2pa=credential,
        watermark_payload=None if payload is None else payload.hex(),
        problems=problems,
    )


def _is_a_mark(mark: SourceMark) -> bool:
    """Tell whether it is a mark that Packshot writes: of an image that a model made, or of a kept product."""
    try:
        return mark == mark_for(mark.mode)
    except ValueError:
        return False


def _say_the_same(mark: SourceMark, credential: ContentCredential) -> bool:
    """Tell whether both say what the other says; an edit of a photo names it in its manifest."""
    is_same = (credential.source_type or None) == mark.source_type
    return is_same and bool(credential.photo) == (mark.mode is not None)


def find_manifest_rows(store: ObjectStore, tables: TableStore, image: ImageProvenance) -> list[MatchingManifestRow]:
    """Return up to 100 live rows whose file is this image; where there is none, rows that show its pixels."""
    rows = [row for name in list_catalogues(store) for row in _find_rows_in_catalogue(tables, name, image)]
    same_file = [row for row in rows if row.same == "file"]
    return (same_file or rows)[:MAX_ROWS]


def _find_rows_in_catalogue(
    tables: TableStore, catalogue: str, image: ImageProvenance
) -> Iterator[MatchingManifestRow]:
    table = layout.manifest_table(catalogue)
    history = tables.history(table)
    if not history:
        return
    releases = {commit.run_id: commit.version for commit in history}
    shas = {"file_sha": image.sha256, "pixel_sha": image.pixel_sha or ""}
    remaining = MAX_ROWS
    for batch in tables.batches(table, _COLUMNS, version=history[0].version):
        for row in _filter_matching_rows(batch, shas, remaining):
            same = "file" if row["file_sha"].hex() == image.sha256 else "pixels"
            remaining -= same == "pixels"
            columns = {name: row[name] for name in _SHORT_COLUMNS}
            columns["photo_sha"] = row["photo_sha"].hex() if row["photo_sha"] else None
            yield MatchingManifestRow(catalogue, **columns, release=releases.get(row["run_id"]), same=same)


def _filter_matching_rows(batch: pa.RecordBatch, shas: dict[str, str], remaining: int) -> list[dict[str, Any]]:
    """Return the rows with this file, and at most `remaining` others with its pixels."""
    file, pixels = (pc.equal(batch.column(name), pa.scalar(bytes.fromhex(sha))) for name, sha in shas.items())
    others = batch.filter(pc.and_not(pixels, file)).slice(0, max(0, remaining))
    return [*batch.filter(file).to_pylist(), *others.to_pylist()]


def _detect_format(data: bytes) -> str:
    if data.startswith(JPEG_START):
        return "jpeg"
    if data.startswith(PNG_SIGNATURE):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise UnreadableSource(f"These {len(data)} bytes start with {data[:8]!r}: neither a JPEG nor a PNG nor a WebP.")
