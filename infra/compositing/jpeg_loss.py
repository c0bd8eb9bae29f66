"""JPEG loss: how far the published file's pixels are from the staged core.

Inputs: the staged pixels, the alpha of the placed product, and the decoded JPEG. Outputs: a `CoreLoss`.
A JPEG is lossy, so its core is bounded where the staged PNG's is equal. A pixel's difference is that of its channel
that differs most. On six drawn products with noise of sigma 2 at quality 90, 4:4:4, and away from their edges, the mean
was 3.1, the 99th percentile 7.8 and the largest 26; at 4:2:0 they were 3.5, 9.7 and 31. Over whole cores on white,
edges included, seven others with noise of sigma 0 to 4 had 3.8, 11 and 42 at most (a ring, nearly all of it edge).
`LossLimits` has room for that.
"""

from dataclasses import dataclass

import numpy as np

from infra.compositing.placed_product import OPAQUE
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask


@dataclass(frozen=True)
class CoreLoss:
    """Mean, 99th percentile and maximum of the differences in levels of 256; all 0 for an empty core."""

    mean: float
    p99: int
    maximum: int


@dataclass(frozen=True)
class LossLimits:
    """The most that a published core may differ from the staged one."""

    mean: float = 5.0
    p99: int = 12

    def reasons(self, loss: CoreLoss) -> list[str]:
        """Return a code for each limit that is exceeded: `core.loss-mean`, `core.loss-p99`."""
        exceeded = {"core.loss-mean": loss.mean > self.mean, "core.loss-p99": loss.p99 > self.p99}
        return [reason for reason, holds in exceeded.items() if holds]


def bound_loss(staged: Pixels, alpha: AlphaMask, published: Pixels) -> CoreLoss:
    """Return the loss where alpha is 255.

    The finish's canvas may have put white around the staged image, in equal parts: its middle is compared. Raises
    ValueError where the published image is smaller.
    """
    height, width = alpha.shape
    top, left = (published.shape[0] - height) // 2, (published.shape[1] - width) // 2
    if staged.shape[:2] != alpha.shape or top < 0 or left < 0:
        raise ValueError(f"Staged {staged.shape}, its alpha {alpha.shape} and published {published.shape} do not fit.")
    core = alpha == OPAQUE
    before = staged[core].astype(np.int16)
    after = published[top : top + height, left : left + width][core].astype(np.int16)
    if not len(before):
        return CoreLoss(0.0, 0, 0)
    counts = np.bincount(np.abs(after - before).max(axis=1), minlength=256)
    levels = np.arange(256)
    p99 = int(np.searchsorted(np.cumsum(counts), -(-99 * counts.sum() // 100)))
    return CoreLoss(float((counts * levels).sum() / counts.sum()), p99, int(levels[counts > 0].max()))
