"""Kept check: is the product in a staged image its photo's, and its ground its stage's, proven again from the store.

Inputs: a `ScreeningRequest` of an image that keeps a product, its staged pixels, and the terms of kept images. Outputs:
a `ProductCheck`: the document, which pixels are the product's core, and whether the proof holds; `KeptUnproven` where
document, photo, mask or stage are lost or cannot be read, so that nothing is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from infra.composing.ground_check import WHITE, find_broken_ground
from infra.composing.kept_documents import find_kept_document
from infra.composing.kept_terms import KeptRecord, KeptTerms
from infra.composing.photo_masks import find_mask
from infra.composing.stage_grounds import StageGrounds, StageLost, grounds_of
from infra.composing.stored_photos import PhotoLost, read_stored_photo
from infra.compositing.ground_proof import SHADOW_UNKNOWN
from infra.compositing.jpeg_loss import CoreLoss, bound_loss
from infra.compositing.kept_proof import KeptProof, check_proof, parse_proof
from infra.compositing.placed_product import OPAQUE, PlacedProduct
from infra.errors import DocumentUnreadable, ExternalError
from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import ObjectStore, Pixels, Screened, ScreeningRequest
from infra.interfaces.cutouts import AlphaMask
from infra.photos.invalid_photo import InvalidPhoto

KEPT = "kept"
"""What a Failure names as its scanner where the proof could not be made again."""
BROKEN, CORE_SHARE = "kept.broken", "kept.core_share"
SCENE = "kept.scene"
"""A score of images whose ground is no white: 1."""
LOSS_MEAN, LOSS_P99, LOSS_MAX = "kept.loss_mean", "kept.loss_p99", "kept.loss_max"
FINDINGS = (BROKEN, CORE_SHARE, LOSS_MEAN, LOSS_P99, LOSS_MAX)
"""The scores that the check adds to those of the photo and its mask."""


class KeptUnproven(ExternalError):
    """What an image keeps could not be proven again: an object of the store is lost, or cannot be read."""


@dataclass(frozen=True, eq=False)
class ProductCheck:
    """The document and its record; the alpha that the finish must protect; "" or the code of what broke the proof."""

    document: str
    record: KeptRecord
    alpha: AlphaMask
    broken: str
    core_share: float

    @property
    def is_on_scene(self) -> bool:
        """Tell whether the ground is a scene, and no white."""
        return self.record.mode != WHITE

    @property
    def broken_words(self) -> str:
        """Return what is not proven, in words."""
        of_what = "the stage's ground" if self.broken.startswith("ground.") else "the photo's product"
        return f"{self.broken}: not {of_what}"

    def findings(self, loss: CoreLoss) -> dict[str, float]:
        """Return the scores of the check; `loss` is what the finished file lost of the core."""
        values = (float(bool(self.broken)), self.core_share, loss.mean, float(loss.p99), float(loss.maximum))
        return dict(zip(FINDINGS, values, strict=True))

    def loss(self, staged: Pixels, finished: Pixels) -> CoreLoss:
        """Return what the finished file lost."""
        return bound_loss(staged, self.alpha, finished)


def check_kept(
    request: ScreeningRequest, store: ObjectStore, terms: KeptTerms, document: str, staged: Pixels
) -> ProductCheck:
    """Return the check of staged pixels. Raises `KeptUnproven`, and `StoreError` where the store does not answer."""
    record, proof = _read_record(terms, document, request.kept_key)
    try:
        photo = read_stored_photo(store, terms.photo_prefix(record.photo), record.photo)
    except (PhotoLost, InvalidPhoto) as error:
        raise KeptUnproven(f"The product could not be proven again: {error}") from error
    mask_key = terms.mask_key(record.photo, record.cutters_digest)
    mask = find_mask(store, mask_key)
    if mask is None:
        raise KeptUnproven(f"The product could not be proven again: the mask {mask_key} is lost, or cannot be read.")
    broken, placed = check_proof(proof, photo, mask, staged)
    if broken is None and placed is not None:
        broken = _check_ground(record, proof, placed, staged, grounds_of(store, terms.stage_key))
    # Where nothing was placed, nothing may be changed: a person sees the very pixels that were staged.
    alpha = np.full(staged.shape[:2], OPAQUE, np.uint8) if placed is None else placed.alpha
    if alpha.shape != staged.shape[:2]:
        alpha = np.full(staged.shape[:2], OPAQUE, np.uint8)
    return ProductCheck(document, record, alpha, broken or "", proof.core.share)


def _check_ground(
    record: KeptRecord, proof: KeptProof, placed: PlacedProduct, staged: Pixels, grounds: StageGrounds
) -> str | None:
    try:
        broken = find_broken_ground(record.mode, record.stage, proof, placed, staged, grounds)
    except StageLost as error:
        raise KeptUnproven(f"The ground could not be proven again: {error}") from error
    if broken == SHADOW_UNKNOWN:
        raise KeptUnproven("The ground's shadow is of a later version, so this one cannot prove it.")
    return broken


def read_document(request: ScreeningRequest, store: ObjectStore, trust: StoredWorkTrust) -> str:
    """Return the document of a kept image. Raises `KeptUnproven` where it is lost, damaged or not believed."""
    document = find_kept_document(store, request.kept_key, trust)
    if document is None:
        raise KeptUnproven(f"{request.kept_key} is lost, damaged or not believed, so nothing is known of the product.")
    return document


def record_with_findings(terms: KeptTerms, document: str, findings: Mapping[str, float]) -> str:
    """Return the JSON text of a record with what its check found."""
    loss = {"mean": findings[LOSS_MEAN], "p99": findings[LOSS_P99], "max": findings[LOSS_MAX]}
    return terms.with_findings(document, findings, loss)


def is_of_document(stored: Screened, terms: KeptTerms, document: str) -> bool:
    """Tell whether a stored result was measured with this document's product protected, and proven."""
    findings = {name: stored.scores[name] for name in FINDINGS if name in stored.scores}
    if len(findings) < len(FINDINGS) or findings[BROKEN] != 0:
        return False
    try:
        return stored.kept == record_with_findings(terms, document, findings)
    except (KeyError, TypeError, ValueError):
        return False


def _read_record(terms: KeptTerms, document: str, key: str) -> tuple[KeptRecord, KeptProof]:
    try:
        record = terms.parse_record(document)
        return record, parse_proof(record.proof)
    except (KeyError, TypeError, ValueError, DocumentUnreadable) as error:
        raise KeptUnproven(f"{key} cannot be read, so nothing is known of the product: {error}") from error
