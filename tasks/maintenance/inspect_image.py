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
from infra.errors import InvalidImage, UnreadableSource
from infra.imaging.codecs import JPEG_START, PNG_SIGNATURE, decode, pixel_sha
from infra.imaging.finishing import TRAINED_ALGORITHMIC_MEDIA, read_source_type
from infra.interfaces import ObjectStore, TableStore, Watermark
from infra.provenance.credentials import ContentCredential, read_credential
from infra.provenance.image_input import require_max_pixels
from tasks.runs.release_history import list_catalogues

MAX_ROWS = 100
"""Rows that are returned: any number of rows may show the same pixels."""
MAX_PIXELS = 2**26
"""Larger images are not decoded: no shop shows 67 megapixels, and their pixels would fill the memory."""

_COLUMNS = ("sku", "view", "variant", "index", "object", "run_id", "released_at", "file_sha", "pixel_sha")
_SHORT_COLUMNS = _COLUMNS[:-2]


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


@dataclass(frozen=True)
class ImageProvenance:
    """The provenance marks that an image carries, and the problems with them."""

    format: str
    bytes: int
    sha256: str
    pixel_sha: str | None
    source_type: str | None
    c2pa: ContentCredential
    watermark_payload: str | None = None
    """The payload that the registered watermark reads from the pixels, in hex."""
    problems: list[str] = field(default_factory=list)

    @property
    def has_valid_marks(self) -> bool:
        """Tell whether the XMP says that a trained model generated the image, and a C2PA signature is valid."""
        return self.source_type == TRAINED_ALGORITHMIC_MEDIA and self.c2pa.is_valid


def inspect_image(data: bytes, anchors: str = "", watermark: Watermark | None = None) -> ImageProvenance:
    """Return the provenance of a JPEG, PNG or WebP.

    `anchors` are trusted root certificates in PEM; `watermark` is read where one is registered. Damage inside the file
    is a problem in the result. Raises `UnreadableSource` for any other format.
    """
    image_format = _detect_format(data)
    problems: list[str] = []
    source_type = pixels_sha = payload = None
    try:
        source_type = read_source_type(data)
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
    if source_type != TRAINED_ALGORITHMIC_MEDIA:
        finding = "has no DigitalSourceType" if source_type is None else "names another DigitalSourceType"
        problems.append(f"the XMP {finding}: it does not say that a trained model generated the image")
    if not credential.is_present:
        problems.append("there is no C2PA manifest")
    elif not credential.is_valid:
        problems.append(f"the C2PA signature is not valid: {'; '.join(credential.problems) or credential.state}")
    return ImageProvenance(
        format=image_format,
        bytes=len(data),
        sha256=sha256(data).hexdigest(),
        pixel_sha=pixels_sha,
        source_type=source_type,
        c2pa=credential,
        watermark_payload=None if payload is None else payload.hex(),
        problems=problems,
    )


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
