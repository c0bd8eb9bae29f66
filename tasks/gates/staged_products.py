"""Staged products: where the product is in a live image on a stage, from the store, for those who measure it again.

Inputs: a store, and the `kept` of a manifest row. Outputs: the product's alpha on the image; None where mask or record
are gone or cannot be read. Nothing is proven here: `tasks.maintenance.kept_check` does that.
"""

import numpy as np

from catalogs import layout
from catalogs.photos.kept_request import KeptResult, parse_kept_result
from infra.composing.ground_check import WHITE
from infra.composing.photo_masks import find_mask
from infra.compositing.kept_proof import parse_proof
from infra.compositing.placed_product import apply_placement
from infra.errors import DocumentUnreadable
from infra.interfaces import ObjectStore
from infra.interfaces.cutouts import AlphaMask, Cutout


def is_staged(kept: str | None) -> bool:
    """Tell whether a row's product stands on a stage; a row that cannot be read is taken for one."""
    if not kept:
        return False
    try:
        return parse_kept_result(kept).mode != WHITE
    except (KeyError, TypeError, ValueError, RecursionError):
        return True


def find_product_alpha(store: ObjectStore, kept: str | None) -> AlphaMask | None:
    """Return the alpha of a staged product as it was placed. Raises `StoreError` where the store does not answer."""
    try:
        result: KeptResult = parse_kept_result(kept or "")
        proof = parse_proof(result.proof)
        mask = find_mask(store, layout.cutout_mask(result.photo, result.cutters_digest))
        if mask is None:
            return None
        colours = np.zeros((*mask.shape, 3), np.uint8)
        return apply_placement(Cutout(colours, mask, "", ""), proof.placement, proof.resampler).alpha
    except (DocumentUnreadable, KeyError, TypeError, ValueError, RecursionError):
        return None
