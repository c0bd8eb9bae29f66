"""Kept judgement: may an image that keeps a photo's product be shown, by what was measured of photo, mask and proof.

Inputs: the scores and errors of a screened image, and photo rules. Outputs: verdicts, for the one place where images
are decided on (`catalogs.policy.decisions`). Pure, so a changed limit decides stored masks again.

It fails closed. A proof that does not hold is a BLOCK that no person lifts: the image does not show the photo's
product, whatever it looks like. One that could not be made (photo, mask or document lost, or unreadable) is a fault of
the store: REVIEW, made again the next time, and not lifted by a person either, since nobody would know what is shown.
"""

import math
from collections.abc import Collection, Iterator, Mapping

from catalogs.photos.fitness import judge_photo
from catalogs.photos.kept_request import parse_kept_result
from catalogs.photos.photo_rules import PhotoRules
from catalogs.verdict import Verdict

KEPT = "kept"
"""What errors name where the proof could not be made."""
BROKEN = "kept.broken"
"""Score and reason: 1 where the proof does not hold, 0 where it does."""
SCENE = "kept.scene"
"""Score: 1 where the product stands on a stage, or in a scene; absent where it is on white."""
CORE_SHARE = "kept.core_share"
"""Score: the share of the product that is proven, 0 to 1; the rest is its soft edge."""
LOSS_MEAN, LOSS_P99 = "kept.loss_mean", "kept.loss_p99"
"""Scores: what the finished JPEG lost of the core, in levels."""

JPEG_LOSS = "kept.jpeg-loss"
UNPROVEN = "scanner-failed.kept"

MAX_LOSS_MEAN, MAX_LOSS_P99 = 5.0, 12.0
"""Those of `infra.compositing.jpeg_loss.LossLimits`, which says where they were measured."""

UNPUBLISHABLE: frozenset[str] = frozenset({BROKEN, UNPROVEN})
"""Reasons that no acceptance lifts."""


def is_kept(scores: Mapping[str, float], errors: Collection[str]) -> bool:
    """Tell whether a screened image keeps a photo's product."""
    return BROKEN in scores or KEPT in errors


def is_on_scene(scores: Mapping[str, float]) -> bool:
    """Tell whether a kept product's ground is a scene. What is not said is white, and judged as white."""
    return scores.get(SCENE) == 1 and BROKEN in scores


def judge_kept(scores: Mapping[str, float], errors: Collection[str], rules: PhotoRules) -> Iterator[Verdict]:
    """Yield the verdicts on a kept image, beside those on what it looks like."""
    if KEPT in errors or BROKEN not in scores:
        yield Verdict("REVIEW", (UNPROVEN,))
        return
    if scores[BROKEN] != 0:
        yield Verdict("BLOCK", (BROKEN,))
        return
    losses = [scores.get(name, math.nan) for name in (LOSS_MEAN, LOSS_P99)]
    if not all(map(math.isfinite, losses)):
        yield Verdict("REVIEW", (f"score-missing.{LOSS_MEAN}",))
    elif losses[0] > MAX_LOSS_MEAN or losses[1] > MAX_LOSS_P99:
        yield Verdict("BLOCK", (JPEG_LOSS,))
    yield judge_photo(scores, rules).verdict


def is_unpublishable(reasons: Collection[str], kept: str | None) -> bool:
    """Tell whether an image is kept back for a reason that no acceptance lifts, or says itself that it is not proven.

    `kept` is the JSON text of its `KeptResult`; None where it keeps nothing.
    """
    if not UNPUBLISHABLE.isdisjoint(reasons):
        return True
    try:
        return bool(kept) and parse_kept_result(kept or "").scores.get(BROKEN) != 0
    except (KeyError, TypeError, ValueError):
        return True
