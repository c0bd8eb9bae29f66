"""Repeated photos: one photo that several SKUs show, which may be meant (a colour of two sizes) or a mistake in a row.

Inputs: a table of `photo_sha` and `sku`, one row an image. Outputs: a `SharedPhotos`: how many, and the first.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

MAX_NAMED = 5
"""Photos that a sentence names, and SKUs of each."""


@dataclass(frozen=True)
class SharedPhotos:
    """The number of photos that more than one SKU shows; `first` names some: the photo's sha256 and its SKUs."""

    count: int = 0
    first: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def sentence(self) -> str:
        """Return a line for a report; empty where no photo is shared."""
        if not self.count:
            return ""
        subject = "1 photo is" if self.count == 1 else f"{self.count:,} photos are"
        named = "; ".join(f"{photo[:12]} by {_join(skus)}" for photo, skus in self.first)
        return f"{subject} shared by several SKUs: {named}" + ("; …" if self.count > len(self.first) else "")


def find_shared_photos(images: pa.Table) -> SharedPhotos:
    """Return the photos that images of several SKUs keep a product of; rows without a photo do not count."""
    shown = images.select(["photo_sha", "sku"]).filter(pc.is_valid(images["photo_sha"]))
    pairs = shown.group_by(["photo_sha", "sku"]).aggregate([])
    counts = pairs.group_by("photo_sha").aggregate([("sku", "count")])
    shared = counts.filter(pc.greater(counts["sku_count"], 1)).sort_by("photo_sha")
    named = []
    for photo in shared["photo_sha"].slice(0, MAX_NAMED).to_pylist():
        skus = pairs["sku"].filter(pc.equal(pairs["photo_sha"], pa.scalar(photo, pa.binary()))).to_pylist()
        named.append((photo.hex(), tuple(sorted(skus))))
    return SharedPhotos(shared.num_rows, tuple(named))


def _join(skus: tuple[str, ...]) -> str:
    more = len(skus) - MAX_NAMED
    return ", ".join(skus[:MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")
