"""Photo faults: which failures of composing are the photo's own, and which are ours.

Inputs: reason codes. Outputs: yes or no. A photo that is unfit, or that cannot be cut or placed, stays so until
somebody gives another one, and its slot is blocked. A photo that the store has lost, a cutter that does not run and a
process that dies may do better another night, and their slots are tried again.
"""

from collections.abc import Iterable

PHOTO_LOST = "photo.lost"
"""The store does not hold the photo's bytes any more, or holds others."""
CORE_EMPTY = "core.empty"
"""No pixel of the placed product is opaque, so nothing would be proven."""


def is_photos_own_fault(reasons: Iterable[str]) -> bool:
    """Tell whether a failed image failed for what its photo is."""
    return any(
        reason == CORE_EMPTY or (reason.startswith(("photo.", "mask.")) and reason != PHOTO_LOST) for reason in reasons
    )
