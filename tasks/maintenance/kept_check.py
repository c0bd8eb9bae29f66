"""Kept check: prove once more, from the store alone, that one published image keeps its photo's product.

Inputs: a store and a manifest row. Outputs: a `KeptFinding` with a code and a sentence for each thing that does not
hold, or none. The order is that of the proof: row and document, photo, decoder, mask, placement, core, then the staged
image to the pixel, then the published file within the loss of its JPEG, then the ground on a stage.
Invariant: damage is a finding, never an exception. What is gone, or decoded otherwise by this machine, is `undecided`:
nothing was shown, for or against. A row that is undecided is not proven.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from catalogs import layout
from catalogs.keys import image_key
from catalogs.photos.kept_request import KeptResult, parse_kept_result
from catalogs.table_rows import KeptFileRow
from infra.composing.ground_check import find_wrong_record
from infra.compositing.core_digest import KeptDiffers, prove
from infra.compositing.jpeg_loss import CoreLoss, LossLimits, bound_loss
from infra.compositing.kept_proof import KeptProof, parse_proof, place_again
from infra.compositing.placed_product import PlacedProduct
from infra.errors import DocumentUnreadable, InvalidImage, StoreError, one_line
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import ObjectStore, Pixels
from tasks.maintenance.kept_ground import check_ground
from tasks.maintenance.kept_objects import (
    KeptObjectMissing,
    find_staged_document,
    find_staged_image,
    read_mask,
    read_published,
    read_source_photo,
)

MEAN_TOLERANCE = 0.01
"""How far a mean may be from the stored one, which is a rounded number."""
DECODER_CODE = "core.decoder-differs"


@dataclass(frozen=True)
class KeptFinding:
    """One thing that does not hold. `undecided`: it could not be looked at, so nothing was shown for or against."""

    code: str
    sentence: str
    undecided: bool = False


@dataclass(frozen=True)
class KeptCheck:
    """What one row's check found; `staged` tells whether the staged image was there, and `unscaled` the scale 1.

    `warnings` say what could not be looked at though the product is proven.
    """

    findings: tuple[KeptFinding, ...] = ()
    staged: bool = False
    unscaled: bool = False
    warnings: tuple[KeptFinding, ...] = ()


def check_kept(store: ObjectStore, row: KeptFileRow) -> KeptCheck:
    """Prove a row again; nothing is raised for the row or its objects."""
    try:
        kept = parse_kept_result(row["kept"] or "")
        proof = parse_proof(kept.proof)
    except (DocumentUnreadable, ValueError, KeyError, TypeError, RecursionError) as error:
        return KeptCheck((KeptFinding("kept.row-unreadable", f"the row's document cannot be read: {one_line(error)}"),))
    source, target = proof.placement.source, proof.placement.target
    unscaled = (source.width, source.height) == (target.width, target.height)
    findings = list(_find_row_differences(row, kept, proof))
    if findings:
        return KeptCheck(tuple(findings), unscaled=unscaled)
    try:
        found = place_again(
            proof,
            read_source_photo(store, kept.photo),
            read_mask(store, layout.cutout_mask(kept.photo, kept.cutters_digest)),
        )
        if isinstance(found, str):
            undecided = found == DECODER_CODE
            return KeptCheck((KeptFinding(found, _SENTENCES.get(found, found), undecided),), unscaled=unscaled)
        staged, pixels, findings = _check_staged(store, row, kept, found)
        published, as_published, of_file = _check_published(store, row, kept, found)
        ground = check_ground(store, kept, proof, found, pixels, published, is_as_published=as_published)
    except KeptObjectMissing as error:
        return KeptCheck((KeptFinding(error.code, str(error), undecided=True),), unscaled=unscaled)
    except StoreError as error:
        return KeptCheck((KeptFinding("kept.store-failed", one_line(error), undecided=True),), unscaled=unscaled)
    findings += [*of_file, *(KeptFinding(*each) for each in ground.differs)]
    warnings = tuple(KeptFinding(*each, undecided=True) for each in ground.unseen)
    return KeptCheck(tuple(findings), staged, unscaled, warnings)


_SENTENCES: Mapping[str, str] = {
    "core.photo-differs": "other bytes lie under the photo's name",
    DECODER_CODE: "the photo's bytes are the same, and this machine's libraries decode other pixels: verify with those"
    " that made the image",
    "core.mask-differs": "another mask lies under the mask's name",
    "core.resampler-unknown": "this version has no such resampler: verify with a version that has",
    "core.placement-differs": "the placement does not fit the photo",
    "core.digest-differs": "the photo, placed again, gives another core",
    "core.size-differs": "the staged image has another size than the core",
    "core.empty": "no pixel of the product is opaque, so nothing is proven",
}


def _find_row_differences(row: KeptFileRow, kept: KeptResult, proof: KeptProof) -> Iterator[KeptFinding]:
    """Compare the row's columns with its document, and that with its proof: each names the photo, and the stage."""
    photo = (row["photo_sha"] or b"").hex()
    if row["mode"] != kept.mode or photo != kept.photo or kept.photo != proof.photo_sha256:
        told = f"the row says {row['mode']} of {photo}, its document {kept.mode} of {kept.photo}, the proof"
        yield KeptFinding("kept.row-differs", f"{told} {proof.photo_sha256}")
    if wrong := find_wrong_record(kept.mode, kept.stage, proof):
        yield KeptFinding(wrong, f"the document says {kept.mode} of the stage {kept.stage!r}, and its proof does not")


def _check_staged(
    store: ObjectStore, row: KeptFileRow, kept: KeptResult, placed: PlacedProduct
) -> tuple[bool, Pixels | None, list[KeptFinding]]:
    """Compare the staged image to the pixel, and its document; tell whether it is still there, and its pixels."""
    key = image_key((row["request_key"] or b"").hex(), row["attempt"] or 0)
    findings: list[KeptFinding] = []
    try:
        document = find_staged_document(store, key)
    except ValueError as error:
        findings.append(KeptFinding("kept.document-unreadable", f"{layout.kept_document(key)}: {one_line(error)}"))
    else:
        if document is not None and _proven_parts(document) != _proven_parts(kept):
            said = f"{layout.kept_document(key)} says something else than the row"
            findings.append(KeptFinding("kept.document-differs", said))
    try:
        staged = find_staged_image(store, key)
    except InvalidImage as error:
        return True, None, [*findings, KeptFinding("kept.staged-unreadable", one_line(error))]
    if staged is not None and (differs := prove(placed, staged)):
        findings.append(KeptFinding(differs.reason, _tell_difference(differs)))
    return staged is not None, staged, findings


def _proven_parts(kept: KeptResult) -> tuple[object, ...]:
    """Return what a document says that a proof rests on: scores and the JPEG's loss are added later."""
    return kept.mode, kept.photo, kept.cutters_digest, kept.proof, kept.stage


def _tell_difference(differs: KeptDiffers) -> str:
    if differs.reason in _SENTENCES:
        return _SENTENCES[differs.reason]
    return (
        f"{differs.count:,} pixels of the staged core are not the photo's, the first at ({differs.left}, {differs.top})"
    )


def _check_published(
    store: ObjectStore, row: KeptFileRow, kept: KeptResult, placed: PlacedProduct
) -> tuple[Pixels | None, bool, list[KeptFinding]]:
    """Compare the published file with the row, and its core with the product.

    Return its pixels, whether file and pixels have the sha256 that the row says, and what differs.
    """
    data, findings = read_published(store, row["object"] or ""), []
    is_own_file = sha256(data).digest() == row["file_sha"]
    if not is_own_file:
        said = f"the file's sha256 is {sha256(data).hexdigest()}, not the row's"
        findings.append(KeptFinding("kept.file-differs", said))
    try:
        published = decode(data)
        loss = bound_loss(placed.pixels, placed.alpha, published)
    except (InvalidImage, ValueError) as error:
        return None, False, [*findings, KeptFinding("kept.file-unreadable", one_line(error))]
    are_own_pixels = pixel_sha(published) == (row["pixel_sha"] or b"").hex()
    if exceeded := _find_exceeded(loss, kept.jpeg):
        if is_own_file and not are_own_pixels:
            said = "the file is the published one, and this machine's libjpeg decodes other pixels"
            findings.append(KeptFinding("kept.decoder-differs", f"{said}: {exceeded}", undecided=True))
        else:
            findings.append(KeptFinding("kept.jpeg-loss", exceeded))
    return published, is_own_file and are_own_pixels, findings


def _find_exceeded(loss: CoreLoss, stored: Mapping[str, float]) -> str:
    """Return in words by what the published core is further from the photo's than its JPEG may take it."""
    limits = LossLimits()
    allowed = {
        "mean": min(limits.mean, stored.get("mean", limits.mean) + MEAN_TOLERANCE),
        "p99": min(limits.p99, stored.get("p99", limits.p99)),
        "max": stored.get("max", 0.0),  # without a stored loss nothing was bounded when it was made
    }
    found = {"mean": loss.mean, "p99": loss.p99, "max": loss.maximum}
    return "; ".join(f"{name} {found[name]:.2f} of {most:.2f}" for name, most in allowed.items() if found[name] > most)
