"""Kept summary: what a page says of an image that keeps a product: its mode, its photo, why that photo, what was kept.

Inputs: the `KeptResult` as JSON of a row, of any origin. Outputs: a frozen `KeptSummary`, or None where there is none.
Pure. A text that cannot be read gives a summary that says so, with no photo: a page shows the fault and never fails.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalogs.photos.kept_request import KeptResult, parse_kept_result
from catalogs.photos.photo_sentences import say_choice, say_cutter, say_mode, say_photo_reason

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN_DIGITS = 12
_BOX = ("left", "top", "width", "height")


@dataclass(frozen=True)
class KeptSummary:
    """What was kept in one image, in words; `photo` is the sha256 in hex, empty where it is not known."""

    mode: str = ""
    photo: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """Name -> words, in order."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Of the photo and its mask."""
    placement: Mapping[str, Any] = field(default_factory=dict)
    """As the proof records it."""
    is_readable: bool = True
    stage: str = ""
    """The sha256 of the pixels of the stage that the product stands on; empty on white."""

    @property
    def mode_words(self) -> str:
        """Return the mode, and the stage by the beginning of its digest, as `packshot stage list` shows it."""
        return f"{self.mode} {self.stage[:_SHOWN_DIGITS]}" if self.stage else self.mode

    def find_in_photo(self, x: float, y: float) -> tuple[float, float] | None:
        """Return where a place of the composed image lies in the photo, in the photo's pixels; None if it is unknown.

        The place is given in shares of the image, and taken to the nearest one inside the product.
        """
        try:
            source, target = ([float(self.placement[name][side]) for side in _BOX] for name in ("source", "target"))
            across = x * float(self.placement["canvas_width"]) - target[0], target[2], source[2]
            down = y * float(self.placement["canvas_height"]) - target[1], target[3], source[3]
            shares = [min(1.0, max(0.0, at / length)) * whole for at, length, whole in (across, down)]
        except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
            return None
        return source[0] + shares[0], source[1] + shares[1]


def summarize_kept(text: str | None) -> KeptSummary | None:
    """Return the summary of a row's `kept`; None where the row keeps no product."""
    if not text:
        return None
    try:
        return _summary(parse_kept_result(text))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return KeptSummary(facts=(("Kept", "what was kept of the photo cannot be read"),), is_readable=False)


def _summary(kept: KeptResult) -> KeptSummary:
    if not _SHA256.fullmatch(kept.photo):
        raise ValueError(f"{kept.photo!r} is no sha256")
    scores = {str(name): float(value) for name, value in kept.scores.items()}
    facts = [
        ("Mode", f"{kept.mode}: {say_mode(kept.mode)}"),
        *([("Stage", f"the one of digest {kept.stage[:_SHOWN_DIGITS]}")] if kept.stage else []),
        ("Photo", say_choice(kept.choice, 1 + len(kept.refused))),
        *(("Not taken", words) for words in _refused(kept)),
        ("Cut out by", f"{say_cutter(kept.cutter)}, version {kept.cutter_version}"),
        ("Kept", _say_core(kept.proof)),
        *([("JPEG", _say_loss(kept.jpeg))] if kept.jpeg else []),
    ]
    placement = kept.proof.get("placement")
    placed = placement if isinstance(placement, dict) else {}
    return KeptSummary(kept.mode, kept.photo, tuple(facts), scores, placed, stage=kept.stage)


def _refused(kept: KeptResult) -> list[str]:
    return [
        f"{sha[:_SHOWN_DIGITS]}: {', '.join(map(say_photo_reason, reasons)) or 'a later one of the row'}"
        for sha, reasons in kept.refused.items()
    ]


def _say_core(proof: Mapping[str, Any]) -> str:
    core = proof["core"]
    pixels, product = int(core["pixels"]), int(core["product_pixels"])
    share = pixels / product if product else 0.0
    return f"{share:.1%} of the product is the photo's to the pixel ({pixels:,} pixels); the rest is its soft edge"


def _say_loss(jpeg: Mapping[str, float]) -> str:
    named = [f"{name} {float(jpeg[name]):.3g}" for name in ("mean", "p99", "max") if name in jpeg]
    return f"differs from the product by {', '.join(named)} levels of 255"
