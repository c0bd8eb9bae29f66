"""Release difference: what a release shows that another one does not, slot by slot.

Inputs: the indexes of both releases. Outputs: positions of new, replaced and gone images, in order. Memory: 30 bytes an
image while it is computed; a release of 2,000,000 images is compared in a second. Two files are the same where 64 bits
of their sha256 are.
"""

from typing import NamedTuple

import numpy as np

from catalogs.gallery.release_index import Positions, ReleaseIndex, ReleaseItem
from catalogs.indexes.digest_index import DigestIndex


class ReplacedImage(NamedTuple):
    """One slot before and after."""

    before: ReleaseItem
    after: ReleaseItem


class ReleaseDifference:
    """What changed from one release to another."""

    def __init__(self, before: ReleaseIndex, after: ReleaseIndex) -> None:
        self._before, self._after = before, after
        found = DigestIndex(before.high, before.low).find(after.high, after.low)
        is_known = found >= 0
        self.new: Positions = np.flatnonzero(~is_known)
        """Positions, in the later release, of images in slots that were empty."""
        changed = np.flatnonzero(is_known)
        changed = changed[before.files[found[changed]] != after.files[changed]]
        self.replaced: Positions = changed
        """Positions, in the later release, of slots that showed another file."""
        self._replaced_before = found[changed]
        is_left = np.ones(len(before), bool)
        is_left[found[is_known]] = False
        self.gone: Positions = np.flatnonzero(is_left)
        """Positions, in the earlier release, of images whose slots are empty now."""

    def __len__(self) -> int:
        """Return how many slots show something else."""
        return len(self.new) + len(self.replaced) + len(self.gone)

    def new_items(self, start: int, count: int) -> list[ReleaseItem]:
        """Return some of the new images."""
        return self._after.items(self.new[start : start + count])

    def gone_items(self, start: int, count: int) -> list[ReleaseItem]:
        """Return some of the images that are gone."""
        return self._before.items(self.gone[start : start + count])

    def replaced_items(self, start: int, count: int) -> list[ReplacedImage]:
        """Return some of the replaced images, before and after."""
        before = self._before.items(self._replaced_before[start : start + count])
        after = self._after.items(self.replaced[start : start + count])
        return [ReplacedImage(*pair) for pair in zip(before, after, strict=True)]
