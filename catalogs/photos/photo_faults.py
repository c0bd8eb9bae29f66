"""Photo faults: which failures of composing are the photo's or the stage's own, and which are ours.

Inputs: reason codes. Outputs: yes or no. A photo that is unfit, or that cannot be cut or placed, and a stage that is
too small stay so until somebody gives another one, and their slots are blocked. A photo or a stage that the store has
lost, a cutter that does not run and a process that dies may do better another night, and their slots are tried again.
"""

from collections.abc import Iterable

PHOTO_LOST = "photo.lost"
"""The store does not hold the photo's bytes any more, or holds others."""
STAGE_LOST = "stage.lost"
"""The store does not hold the stage's picture any more, or holds another one under its name."""
STAGE_TOO_SMALL = "stage.too-small"
"""The stage has fewer pixels than the image, and none is enlarged."""
CORE_EMPTY = "core.empty"
"""No pixel of the placed product is opaque, so nothing would be proven."""


def is_photos_own_fault(reasons: Iterable[str]) -> bool:
    """Tell whether a failed image failed for what its photo or its stage is."""
    return any(
        reason in (CORE_EMPTY, STAGE_TOO_SMALL) or (reason.startswith(("photo.", "mask.")) and reason != PHOTO_LOST)
        for reason in reasons
    )
