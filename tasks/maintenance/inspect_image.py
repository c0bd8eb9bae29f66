"""What one picture says of where it comes from, and which row of a manifest it is.

Comes in: a picture's bytes, foreign ones too, and a store where one is given. Goes out: a `ImageProvenance`. A picture
belongs to the row whose file it is to the byte; one whose marks were taken off or changed, to those with its pixels.
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
"""Rows that are named: any number of them may show the same pixels."""
MAX_PIXELS = 2**26
"""Larger pictures are not decoded: no shop shows 67 megapixels, and their pixels would fill the memory."""

_COLUMNS = ("sku", "view", "variant", "index", "object", "run_id", "released_at", "file_sha", "pixel_sha")
_SHORT_COLUMNS = _COLUMNS[:-2]


@dataclass(frozen=True)
class MatchingManifestRow:
    """A row of a live manifest that shows this picture. `release` is None where the log no longer says which one."""

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
    """`file` to the byte, or only `pixels`."""


@dataclass(frozen=True)
class ImageProvenance:
    """What a picture carries. `marked`: the XMP says a trained model made it, and a C2PA signature holds."""

    format: str
    bytes: int
    sha256: str
    pixel_sha: str | None
    source_type: str | None
    c2pa: ContentCredential
    watermark_payload: str | None = None
    """What the registered watermark finds in the pixels, in hex."""
    problems: list[str] = field(default_factory=list)

    @property
    def has_valid_marks(self) -> bool:
        """Tell whether both marks are there and hold."""
        return self.source_type == TRAINED_ALGORITHMIC_MEDIA and self.c2pa.is_valid


def inspect_image(data: bytes, anchors: str = "", watermark: Watermark | None = None) -> ImageProvenance:
    """Return what a JPEG, PNG or WebP says of itself. `anchors` are roots to trust, PEM.

    `watermark` is
    looked for where one is registered. Raises `UnreadableSource` for any other file. Damage inside is a finding.
    """
    kind = _detect_format(data)
    problems: list[str] = []
    source_type = shown = hidden = None
    try:
        source_type = read_source_type(data)
    except InvalidImage as error:
        problems.append(str(error))
    credential = read_credential(data, f"image/{kind}", anchors)
    try:
        require_max_pixels(data, MAX_PIXELS)
        if kind != "webp":
            pixels = decode(data)
            shown = pixel_sha(pixels)
            hidden = watermark.extract(pixels) if watermark is not None else None
    except InvalidImage as error:
        problems.append(str(error))
    found = None if hidden is None else hidden.hex()
    if source_type != TRAINED_ALGORITHMIC_MEDIA:
        said = "has no DigitalSourceType" if source_type is None else "names another DigitalSourceType"
        problems.append(f"the XMP {said}: it does not say that a trained model made the picture")
    if not credential.is_present:
        problems.append("there is no C2PA manifest")
    elif not credential.is_valid:
        problems.append(f"the C2PA signature does not hold: {'; '.join(credential.problems) or credential.state}")
    return ImageProvenance(kind, len(data), sha256(data).hexdigest(), shown, source_type, credential, found, problems)


def find_manifest_rows(store: ObjectStore, tables: TableStore, image: ImageProvenance) -> list[MatchingManifestRow]:
    """Return the live rows whose file this is; where there is none, the first hundred that show its pixels."""
    rows = [row for name in list_catalogues(store) for row in _find_rows_in_catalogue(tables, name, image)]
    same = [row for row in rows if row.same == "file"]
    return (same or rows)[:MAX_ROWS]


def _find_rows_in_catalogue(
    tables: TableStore, catalogue: str, image: ImageProvenance
) -> Iterator[MatchingManifestRow]:
    table = layout.manifest_table(catalogue)
    history = tables.history(table)
    if not history:
        return
    releases = {commit.run_id: commit.version for commit in history}
    shas = {"file_sha": image.sha256, "pixel_sha": image.pixel_sha or ""}
    left = MAX_ROWS
    for batch in tables.batches(table, _COLUMNS, version=history[0].version):
        for row in _filter_matching_rows(batch, shas, left):
            same = "file" if row["file_sha"].hex() == image.sha256 else "pixels"
            left -= same == "pixels"
            named = {name: row[name] for name in _SHORT_COLUMNS}
            yield MatchingManifestRow(catalogue, **named, release=releases.get(row["run_id"]), same=same)


def _filter_matching_rows(batch: pa.RecordBatch, shas: dict[str, str], remaining: int) -> list[dict[str, Any]]:
    """Return the rows with this file, and at most `left` others with its pixels."""
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
