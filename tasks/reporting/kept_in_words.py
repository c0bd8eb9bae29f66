"""Kept in words: what was kept of a photo in one image, and exactly what its proof proves.

Inputs: the `KeptResult` of a manifest row, as JSON text. Outputs: a document with the mode, the photo, the cutter and
the proof in words. Nothing is verified here: `packshot verify --kept` recomputes a proof from the store.
Invariant: the words claim what the proof's numbers say and no more. At scale 1 the core is the photo's own pixels; else
it was resampled from them. The soft edge is never part of it, and a ground only where it is a stage's.
"""

from collections.abc import Mapping
from typing import Any

from catalogs.photos.kept_request import KeptResult, parse_kept_result
from infra.compositing.kept_proof import KeptProof, parse_proof
from infra.errors import DocumentUnreadable

UNREADABLE = "what was kept cannot be read from its row: `packshot verify --kept` says what is wrong"


def tell_kept(text: str | None) -> dict[str, Any] | None:
    """Return what was kept in an image, for a person or as JSON; None where a model made the whole image."""
    if not text:
        return None
    try:
        kept = parse_kept_result(text)
        proof = parse_proof(kept.proof)
    except (DocumentUnreadable, KeyError, TypeError, ValueError):
        return {"proof": UNREADABLE}
    return {
        "mode": kept.mode,
        "photo_sha": kept.photo,
        **({"stage_sha": kept.stage} if kept.stage else {}),
        "choice": kept.choice,
        "cutter": f"{kept.cutter} {kept.cutter_version}",
        "core_sha256": proof.core.sha256,
        "core_share": proof.core.share,
        "jpeg": dict(kept.jpeg),
        "proof": tell_proof(kept, proof),
    }


def tell_proof(kept: KeptResult, proof: KeptProof) -> str:
    """Return what the proof proves, in one sentence or two."""
    core = f"{proof.core.pixels:,} opaque pixels of the product ({proof.core.share:.1%} of it)"
    source, target = proof.placement.source, proof.placement.target
    if (source.width, source.height) == (target.width, target.height):
        said = f"Before its JPEG was written, the {core} were the photo's own pixels, to the bit."
    else:
        said = (
            f"Before its JPEG was written, the {core} were resampled from the photo's opaque pixels by"
            f" {proof.resampler} ({source.width} x {source.height} to {target.width} x {target.height}), and nothing"
            " else touched them."
        )
    return said + _tell_ground(proof) + _tell_loss(kept.jpeg)


def _tell_ground(proof: KeptProof) -> str:
    if proof.ground is None:
        return ""
    crop = proof.ground.crop
    return (
        f" Around the product and its soft edge, every pixel was that of the stage {proof.ground.stage[:12]}"
        f" ({crop.width} x {crop.height} of it), darkened by the product's shadow and by nothing else."
    )


def _tell_loss(jpeg: Mapping[str, float]) -> str:
    if not {"mean", "p99", "max"} <= jpeg.keys():
        return ""
    return (
        f" The JPEG moved them by {jpeg['mean']:.1f} of 256 levels in the mean, 99 % of them by {jpeg['p99']:.0f} at"
        f" most, and none by more than {jpeg['max']:.0f}."
    )
