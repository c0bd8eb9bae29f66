"""Export selection: which images of a release are copied out.

Inputs: a release's index, SKUs or a number. Outputs: positions, in order, and the SKUs that the release does not show.
A sample is the images with the smallest slot ids, which are digests: even over the release, and the same each time.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from catalogs.gallery.release_filter import ReleaseFilter
from catalogs.gallery.release_index import Positions, ReleaseIndex


class ExportSelection(NamedTuple):
    """The images to export, and the SKUs of which there is none."""

    positions: Positions
    missing_skus: Sequence[str] = ()


def select_skus(index: ReleaseIndex, skus: Sequence[str]) -> ExportSelection:
    """Return all images of these SKUs."""
    found, missing = [np.empty(0, np.int64)], []
    for sku in dict.fromkeys(skus):
        begins = index.matching(ReleaseFilter(sku=sku))  # the SKU itself comes before all that begin with it
        is_shown = len(begins) and index.item(int(begins[0])).sku == sku
        if is_shown:
            found.append(index.siblings(int(begins[0])))
        else:
            missing.append(sku)
    return ExportSelection(np.sort(np.concatenate(found)), missing)


def select_sample(index: ReleaseIndex, count: int) -> ExportSelection:
    """Return `count` images, or all where there are fewer."""
    if count >= len(index):
        return ExportSelection(np.arange(len(index)))
    return ExportSelection(np.sort(np.argpartition(index.high, count)[:count]))
