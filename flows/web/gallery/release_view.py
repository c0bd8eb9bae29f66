"""Release view: what the pages of one release and of its changes show.

Inputs: a gallery, a release, a filter, where the page begins. Outputs: frozen views. A page is a number of images,
never a whole release.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalogs.gallery.release_difference import ReplacedImage
from catalogs.gallery.release_filter import ReleaseFilter
from catalogs.gallery.release_index import ReleaseItem
from tasks.gallery.gallery import Gallery
from tasks.runs.release_history import ReleaseSummary

PAGE_IMAGES = 60
SAMPLE_IMAGES = 6
MAX_OPTIONS = 100
"""Values that a filter offers; rarer ones can still be written into the address."""


@dataclass(frozen=True)
class ReleaseView:
    """One page of a release."""

    wanted: ReleaseFilter
    items: Sequence[ReleaseItem]
    start: int
    following: int | None
    before: int | None
    count: int
    """Images that the filter lets through."""
    skus: int
    total: int
    options: Mapping[str, Mapping[str, int]]
    """What each filter offers, with the images of the whole release that have it."""


@dataclass(frozen=True)
class ChangesView:
    """What a release changed, and one page of one kind of it."""

    earlier: ReleaseSummary | None
    """The release before; None for the first one."""
    counts: Mapping[str, int]
    kind: str
    items: Sequence[ReleaseItem]
    replaced: Sequence[ReplacedImage]
    start: int
    following: int | None
    before: int | None


@dataclass(frozen=True)
class VariantSample:
    """Some images of one variant."""

    wanted: ReleaseFilter
    items: Sequence[ReleaseItem]


def view_release(gallery: Gallery, release: ReleaseSummary, wanted: ReleaseFilter, start: int) -> ReleaseView:
    """Return the page of a release that begins at a position."""
    index = gallery.index(release)
    page = index.page(wanted, start, PAGE_IMAGES)
    matching = index.matching(wanted)
    return ReleaseView(
        wanted=wanted,
        items=index.items(page.positions),
        start=start,
        following=page.following,
        before=index.page_before(wanted, start, PAGE_IMAGES) if start else None,
        count=len(matching),
        skus=index.count_skus(matching),
        total=len(index),
        options=_options(index.facets(index.matching(ReleaseFilter())), wanted),
    )


def view_changes(gallery: Gallery, release: ReleaseSummary, kind: str, start: int) -> ChangesView | None:
    """Return what a release changed, beginning with the kind of which there are images; None where it is not kept."""
    difference = gallery.difference(release)
    if difference is None:
        return None
    counts = {"new": len(difference.new), "replaced": len(difference.replaced), "gone": len(difference.gone)}
    if kind not in counts:
        kind = next((name for name, count in counts.items() if count), "new")
    end = start + PAGE_IMAGES
    some = {"new": difference.new_items, "gone": difference.gone_items}
    return ChangesView(
        earlier=gallery.releases.before(release),
        counts=counts,
        kind=kind,
        items=some[kind](start, PAGE_IMAGES) if kind in some else (),
        replaced=difference.replaced_items(start, PAGE_IMAGES) if kind == "replaced" else (),
        start=start,
        following=end if end < counts[kind] else None,
        before=max(0, start - PAGE_IMAGES) if start else None,
    )


def view_samples(gallery: Gallery, release: ReleaseSummary | None, variants: Sequence[str]) -> list[VariantSample]:
    """Return the first images of each variant that a release shows."""
    if release is None:
        return []
    index = gallery.index(release)
    wanted = [ReleaseFilter(variant=variant) for variant in variants]
    return [VariantSample(each, index.items(index.page(each, 0, SAMPLE_IMAGES).positions)) for each in wanted]


def _options(facets: Mapping[str, Mapping[str, int]], wanted: ReleaseFilter) -> dict[str, dict[str, int]]:
    """Return the values that each filter offers; what is chosen is always among them."""
    offered = {}
    for name, counts in facets.items():
        commonest = sorted(counts, key=lambda word: (-counts[word], word))[:MAX_OPTIONS]
        chosen = getattr(wanted, name)
        words = sorted({word for word in (*commonest, chosen) if word})
        offered[name] = {word: counts.get(word, 0) for word in words}
    return offered
