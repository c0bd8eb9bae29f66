"""Protocols and plain values between Packshot's decisions and the outside world.

Inputs: keys, bytes, Arrow tables, prompts. Outputs: the same, and pixels.
Every protocol has a real adapter and a shipped fake, and one contract test runs against both. No name here knows what
a SKU is, so stores, engines and scanners can be replaced without touching a rule.
"""

from infra.interfaces.cutouts import AlphaMask, Cutout, Photo
from infra.interfaces.engines import (
    CAPTION_TOO_LONG,
    KEPT_REGION_TOO_THIN,
    NO_VAE_ENCODER,
    Engine,
    Failure,
    Frame,
    KeptRegion,
    Pool,
    Prompt,
    caption_too_long_sentence,
)
from infra.interfaces.objects import ObjectInfo, ObjectStore
from infra.interfaces.pixels import Pixels
from infra.interfaces.provenance import KeptOrigin, Signer, SignerIdentity, Watermark
from infra.interfaces.screening import Canvas, FinishParameters, Screened, Screener, ScreeningRequest
from infra.interfaces.tables import Commit, TableStore

__all__ = [
    "CAPTION_TOO_LONG",
    "KEPT_REGION_TOO_THIN",
    "NO_VAE_ENCODER",
    "AlphaMask",
    "Canvas",
    "Commit",
    "Cutout",
    "Engine",
    "Failure",
    "FinishParameters",
    "Frame",
    "KeptOrigin",
    "KeptRegion",
    "ObjectInfo",
    "ObjectStore",
    "Photo",
    "Pixels",
    "Pool",
    "Prompt",
    "Screened",
    "Screener",
    "ScreeningRequest",
    "Signer",
    "SignerIdentity",
    "TableStore",
    "Watermark",
    "caption_too_long_sentence",
]
