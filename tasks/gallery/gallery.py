"""Gallery: what one catalogue's kept releases show, for pages that only read.

Inputs: a store, its tables, a catalogue; releases and slots. Outputs: indexes, differences, details and bytes. Nothing
is written. What was read is kept as long as its release is looked at: releases never change.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from catalogs import layout
from catalogs.answers.answer import AnswerKind
from catalogs.gallery.release_difference import ReleaseDifference
from catalogs.gallery.release_index import ReleaseIndex, ReleaseItem
from catalogs.gallery.release_index_builder import ReleaseIndexBuilder
from catalogs.keys import slot_id
from catalogs.policy.schema import Policy, built_in_policy
from catalogs.reviews.review_item import is_sensitive
from infra.interfaces import ObjectStore, TableStore
from tasks.answers.answer_log import read_answers
from tasks.gallery.kept_releases import KeptReleases
from tasks.gallery.nearest_images import NearestImages, read_nearest_images
from tasks.gallery.picture_details import PictureDetails, PictureDetailsReader
from tasks.gallery.release_indexes import ReleaseIndexes
from tasks.gallery.release_pictures import ReleasePictures
from tasks.gallery.variant_results import VariantReport, read_variant_report
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.release_history import ReleaseSummary

Value = TypeVar("Value")
_KEPT_VALUES = 4


@dataclass
class _Kept(Generic[Value]):
    """The last few values by name. Two threads may compute one value at once; either is right."""

    values: OrderedDict[Hashable, Value] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def get(self, name: Hashable, compute: Callable[[], Value]) -> Value:
        with self.lock:
            if name in self.values:
                return self.values[name]
        value = compute()
        with self.lock:
            self.values[name] = value
            while len(self.values) > _KEPT_VALUES:
                self.values.popitem(last=False)
        return value


class Gallery:
    """The gallery of one catalogue. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str) -> None:
        self._store, self._tables, self.catalogue = store, tables, catalogue
        self.releases = KeptReleases(store, tables, catalogue)
        self.pictures = ReleasePictures(store, tables, catalogue)
        self._indexes = ReleaseIndexes(tables, catalogue)
        self._details = PictureDetailsReader(store, tables, catalogue, self.releases, self.pictures)
        self._differences: _Kept[ReleaseDifference] = _Kept()
        self._nearest: _Kept[NearestImages] = _Kept()
        self._variants: _Kept[VariantReport] = _Kept()
        self._sensitive: _Kept[frozenset[bytes]] = _Kept()

    def index(self, release: ReleaseSummary) -> ReleaseIndex:
        """Return what a release shows. Raises `TableError` where a sweep has taken a file of it away."""
        return self._indexes.open(release.version)

    def difference(self, release: ReleaseSummary) -> ReleaseDifference | None:
        """Return what a release changed; None where the one before is not kept."""
        before = self.releases.before(release)
        if before is None and not self.releases.is_first(release):
            return None

        def compare() -> ReleaseDifference:
            earlier = ReleaseIndexBuilder().build() if before is None else self.index(before)
            return ReleaseDifference(earlier, self.index(release))

        return self._differences.get(release.version, compare)

    def details(self, release: ReleaseSummary, slot: bytes) -> PictureDetails | None:
        """Return everything about the image in a slot; None where the release shows none there."""
        index = self.index(release)
        position = index.find(slot)
        return None if position is None else self._details.read(release, index, position)

    def photo(self, release: ReleaseSummary, item: ReleaseItem) -> bytes | None:
        """Return a small JPEG of the shop's photo whose product an image keeps; None where there is none to show."""
        return self._details.photo_of(item, release.version) if item.is_kept else None

    def nearest(self, release: ReleaseSummary) -> NearestImages:
        """Return the images that each gate of the policy in force nearly refused."""
        policy = self._policy()

        def read() -> NearestImages:
            shown = release.version, self.index(release)
            return read_nearest_images(self._store, self._tables, self.catalogue, shown, policy)

        return self._nearest.get((release.version, policy.digest), read)

    def variants(self) -> VariantReport:
        """Return the variants side by side, over the runs of all kept releases."""
        releases = self.releases.all()
        newest = releases[0].version if releases else 0
        return self._variants.get(newest, lambda: read_variant_report(self._store, self.catalogue, releases))

    def sensitive_slots(self) -> frozenset[bytes]:
        """Return the slots whose image a person accepted although a gate found it explicit: they are shown blurred.

        Answers take effect with a release, so they are read once for each.
        """
        newest = self.releases.find()
        version = newest.version if newest is not None else None
        return self._sensitive.get(version, lambda: self._read_sensitive_slots(version))

    def _read_sensitive_slots(self, version: int | None) -> frozenset[bytes]:
        """Return the slots that were answered, and all others that show the same pixels: answers are about images."""
        answers = read_answers(self._store, self.catalogue, kinds={AnswerKind.ACCEPT})
        images = [answer.image for answer in answers if answer.image is not None and is_sensitive(answer.image.reasons)]
        slots = {slot_id(image.sku, image.view, image.variant, image.index) for image in images}
        if images and version is not None:
            shown = {image.pixel_sha for image in images}
            where = ("request_key", sorted({image.request_key for image in images}))
            table = layout.manifest_table(self.catalogue)
            rows = self._tables.find_rows(table, ["slot_id", "pixel_sha"], where, version=version).to_pylist()
            slots |= {row["slot_id"] for row in rows if row["pixel_sha"] in shown}
        return frozenset(slots)

    def _policy(self) -> Policy:
        record = PolicyRecords(self._store, self.catalogue).in_force()
        return record.policy if record is not None else built_in_policy()
