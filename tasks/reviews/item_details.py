"""Item details: what is shown beside an item, from the queue, the release, the answers and the picture itself.

Inputs: an item. Outputs: `ReviewDetails`, and the pictures that they name. Findings are judged by the policy in force,
so that the limits shown are those that count now. Whatever is missing (a swept picture, a release that shows nothing of
the SKU) is left out and costs nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace

from catalogs import layout
from catalogs.answers.answer import AnswerPurpose
from catalogs.errors import ItemNotFound
from catalogs.photos.kept_summary import summarize_kept
from catalogs.policy.schema import Policy, built_in_policy
from catalogs.reviews.photo_findings import explain_photo
from catalogs.reviews.review_details import (
    LIVE,
    NEIGHBOUR,
    PHOTO,
    SHOWN,
    THUMBNAIL,
    VIEW,
    KeptPhoto,
    OtherImage,
    ReviewDetails,
)
from catalogs.reviews.review_item import Box, ReviewItem
from catalogs.reviews.score_sentences import ScoreFinding, explain_scores
from infra.errors import InvalidImage
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.spots import Look, find_product, find_spot
from infra.interfaces import ObjectStore, TableStore
from tasks.reporting.photo_copies import PhotoCopies
from tasks.reviews.item_pictures import ItemPictures
from tasks.reviews.queue_entry import QueueEntry
from tasks.reviews.review_queue import ReviewQueue
from tasks.reviews.shown_images import ShownImage, ShownImages, ShownImagesReader
from tasks.runs.policy_records import PolicyRecords

MAX_VIEWS = 12

_LOOKS: dict[str, Look] = {"background": "background", "frame": "background", "edges": "edge", "fill": "edge"}
"""What to judge at full size where a score of this kind is past its limit; for all others the product's detail."""


class ItemDetails:
    """Details and pictures of one catalogue's items. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str, queue: ReviewQueue) -> None:
        self._store, self._tables, self._catalogue, self._queue = store, tables, catalogue, queue
        self._pictures, self._photos = ItemPictures(store), PhotoCopies(store)
        self._shown = ShownImagesReader(tables, catalogue)
        self._policy: Policy | None = None
        self._policy_number = 0

    def prepare(self) -> None:
        """Begin to read what the shop shows of the SKUs that wait, before a page asks for it."""
        self._shown.prepare(self._queue.waiting.skus, self._queue.waiting.neighbours)

    def follow_release(self) -> None:
        """See whether another policy is in force, and have read anew what the shop shows, where that is old."""
        self._shown.follow()
        records = PolicyRecords(self._store, self._catalogue)
        number = records.latest_number()
        if self._policy is None or number != self._policy_number:
            policy = records.read(number).policy if number else built_in_policy()
            self._policy, self._policy_number = policy, number

    def read(self, item: ReviewItem) -> ReviewDetails:
        """Return an item's details."""
        is_blind = item.purpose in (AnswerPurpose.DOUBLE, AnswerPurpose.KNOWN)
        key = item.target.key
        standing = self._queue.answers.standing(key)
        photo = self._photo_of(item)
        of_photo = explain_photo(photo.summary.scores, self._read_policy().photos) if photo is not None else ()
        findings = explain_scores(
            item.reasons, item.scores, self._read_policy(), item.category, item.sentence, photo=of_photo
        )
        boxes, spot = self._find_places(item, findings)
        return ReviewDetails(
            findings=findings,
            boxes=boxes,
            worst_spot=spot,
            live=self._live_of(item),
            neighbour=self._neighbour_of(item),
            views=self._views_of(item),
            answers=() if is_blind else tuple(self._queue.answers.of(key)),
            answered_before=() if is_blind else tuple(self._queue.answers.of_other_finishes(key)),
            conflict=standing.conflict if standing is not None and not is_blind else (),
            photo=photo,
        )

    def picture(self, item: ReviewItem, which: str) -> bytes:
        """Return one of an item's pictures. Raises `ItemNotFound` for another name."""
        if which in (SHOWN, THUMBNAIL):
            if not item.object:
                raise ItemNotFound("There is no picture of this item in the store.")
            read = self._pictures.read if which == SHOWN else self._pictures.thumbnail
            try:
                return read(item.object, item.file_sha, item.pixel_sha)
            except ItemNotFound:  # a copy goes when its review expires; the staged file stays with its outcome
                staged = layout.finished_image(item.image_key.hex(), item.finish_digest)
                if staged == item.object or not self._store.exists(staged):
                    raise
                return read(staged, item.file_sha, item.pixel_sha)
        if which == PHOTO:
            return self._picture_of_photo(item)
        others = (self._live_of(item), self._neighbour_of(item), *self._views_of(item))
        images = {image.which: image for image in others if image is not None}
        if which not in images:
            raise ItemNotFound(f"This item has no picture {which[:40]!r}.")
        other = images[which]
        return self._pictures.read(other.object, other.file_sha, other.pixel_sha)

    def _photo_of(self, item: ReviewItem) -> KeptPhoto | None:
        """Return the photo whose product an image keeps, as far as it can be shown."""
        summary = summarize_kept(item.kept)
        if summary is None:
            return None
        shown = self._photos.find(summary.photo)
        return KeptPhoto(summary, shown.words, shown.width, shown.height)

    def _picture_of_photo(self, item: ReviewItem) -> bytes:
        """Return a small copy of the photo; the photo itself is private and is not handed out."""
        summary = summarize_kept(item.kept)
        shown = self._photos.find(summary.photo if summary is not None else "")
        if not shown.jpeg:
            raise ItemNotFound(shown.words)
        return shown.jpeg

    def pixels_of(self, item: ReviewItem) -> bytes:
        """Return the sha of the shown picture's pixels, for items of an older version's index."""
        try:
            return bytes.fromhex(pixel_sha(decode(self.picture(item, SHOWN))))
        except InvalidImage as error:
            raise ItemNotFound(f"The picture of this item cannot be read: {error}") from error

    def _find_places(self, item: ReviewItem, findings: Sequence[ScoreFinding]) -> tuple[tuple[Box, ...], Box | None]:
        """Return the boxes to draw, the product's among them, and where to look at full size."""
        worst = next((finding.score for finding in findings if finding.is_past_limit and finding.score), "")
        found = [box for box in item.boxes if worst and box.label.startswith(worst.partition(".")[0])]
        try:
            pixels = decode(self.picture(item, SHOWN))
        except (ItemNotFound, InvalidImage):
            return item.boxes, found[0] if found else None
        product = find_product(pixels)
        boxes = item.boxes if product is None else (*item.boxes, Box("product", *product))
        spot = found[0] if found else Box(worst, *find_spot(pixels, _LOOKS.get(worst.partition(".")[0], "detail")))
        return boxes, spot

    def _read_shown(self) -> ShownImages:
        waiting = self._queue.waiting
        return self._shown.get(waiting.skus, waiting.neighbours)

    def _live_of(self, item: ReviewItem) -> OtherImage | None:
        slots = {slot.slot_id for slot in item.slots}
        for slot in item.slots:
            for image in self._read_shown().of_sku(slot.sku):
                if image.slot_id in slots and image.pixel_sha != item.pixel_sha:
                    return _other(LIVE, image)
        return None

    def _neighbour_of(self, item: ReviewItem) -> OtherImage | None:
        if not item.collides_with:
            return None
        image = self._read_shown().of_pixels(item.collides_with)
        if image is not None:
            return _other(NEIGHBOUR, image)
        entry = self._queue.waiting.by_pixels.get(item.collides_with)
        return self._waiting(NEIGHBOUR, entry) if entry is not None and entry.object else None

    def _views_of(self, item: ReviewItem) -> tuple[OtherImage, ...]:
        """Return what is live or waits of the item's first SKU in other slots."""
        sku, slots = item.slots[0].sku, {slot.slot_id for slot in item.slots}
        shown = self._read_shown().of_sku(sku)
        live = [_other("", image) for image in shown if image.slot_id not in slots]
        live.sort(key=lambda image: (image.view, image.variant, image.index))
        others = [entry for entry in self._queue.waiting.by_sku.get(sku, ()) if entry.id != item.id]
        images = [*live, *(self._waiting("", entry) for entry in others if entry.object)]
        return tuple(replace(image, which=f"{VIEW}{number}") for number, image in enumerate(images[:MAX_VIEWS]))

    def _waiting(self, which: str, entry: QueueEntry) -> OtherImage:
        item = self._queue.waiting.item(entry)
        slot = item.slots[0]
        place = (slot.sku, slot.view, slot.variant, slot.index)
        return OtherImage(
            which, *place, entry.object, entry.kind.value, item.file_sha, item.pixel_sha, item.is_sensitive
        )

    def _read_policy(self) -> Policy:
        if self._policy is None:
            self.follow_release()
        return self._policy or built_in_policy()


def _other(which: str, image: ShownImage) -> OtherImage:
    place = (image.sku, image.view, image.variant, image.index)
    return OtherImage(which, *place, image.object, "live", image.file_sha, image.pixel_sha)
