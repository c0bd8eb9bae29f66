"""Held view: one page of a held batch as its template shows it.

Inputs: a held batch, its images, the answers that stand. Outputs: a frozen view. Images are read once a run and kept
for the batch that was looked at last: a held batch changes only by being let go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import pyarrow as pa

from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers
from catalogs.reviews.review_item import is_sensitive
from catalogs.runs.job import Run
from flows.web.web_context import WebContext
from infra.interfaces import ObjectStore
from tasks.answers.answer_log import read_answers, read_standing_answers
from tasks.runs.held_batches import HeldBatch
from tasks.runs.held_decisions import HeldRelease
from tasks.runs.held_images import HeldImage, HeldImages

PAGE_IMAGES = 48
_SAID = {AnswerKind.ACCEPT: "accepted", AnswerKind.REFUSE: "refused", AnswerKind.RETRY: "another attempt"}


@dataclass(frozen=True)
class HeldTile:
    """An image of a held batch, and what was said of it."""

    image: HeldImage
    said: str
    """accepted, refused, another attempt, people differ; empty where nobody has answered."""
    by: str
    is_sensitive: bool = False
    """Whether it is in the batch since a person accepted it although it may be explicit: it is blurred at first."""


@dataclass(frozen=True)
class HeldView:
    """One page of a held batch."""

    batch: HeldBatch
    release: HeldRelease | None
    tiles: Sequence[HeldTile]
    start: int
    images: int
    replacing: int
    counts: dict[str, int]
    """How many images of the whole batch were accepted, refused …, by what was said."""

    @property
    def following(self) -> int | None:
        """Return where the next page begins."""
        return self.start + PAGE_IMAGES if self.start + PAGE_IMAGES < self.images else None

    @property
    def before(self) -> int | None:
        """Return where the page before begins."""
        return max(0, self.start - PAGE_IMAGES) if self.start else None


class HeldImagesOfRuns:
    """The images of the held batch that was looked at last. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._run_id = ""
        self._images: HeldImages | None = None

    def of(self, context: WebContext, run: Run) -> HeldImages:
        """Return the images of a run's batch."""
        with self._lock:
            if self._images is None or self._run_id != run.run_id:
                self._images, self._run_id = HeldImages(context.store, context.tables, run), run.run_id
            return self._images


def view_batch(
    context: WebContext, batch: HeldBatch, release: HeldRelease | None, images: HeldImages, start: int
) -> HeldView:
    """Return the page of a batch that begins at a position."""
    requests = images.rows["request_key"].unique()
    standing = read_standing_answers(context.store, batch.run.catalogue, request_keys=requests)
    shown = images.page(start, PAGE_IMAGES)
    sensitive = _sensitive_images(context.store, batch.run.catalogue, shown)
    tiles = [
        HeldTile(image, *_said(standing.of_image(*image.target.key)), image.target.key in sensitive) for image in shown
    ]
    counts = _count_answers(images, standing)
    return HeldView(batch, release, tiles, start, len(images), images.replacing, counts)


def unanswered_images(store: ObjectStore, catalogue: str, images: Sequence[HeldImage]) -> Iterator[HeldImage]:
    """Yield the images that nobody has answered: accepting the rest of a page must not contradict anybody."""
    requests = pa.array({image.target.request_key for image in images}, pa.binary())
    standing = read_standing_answers(store, catalogue, request_keys=requests)
    yield from (image for image in images if standing.of_image(*image.target.key) is None)


def _sensitive_images(store: ObjectStore, catalogue: str, images: Sequence[HeldImage]) -> set[tuple[bytes, str, bytes]]:
    """Return which of these images anybody accepted although a gate found them explicit."""
    requests = pa.array({image.target.request_key for image in images}, pa.binary())
    answers = read_answers(store, catalogue, kinds={AnswerKind.ACCEPT}, request_keys=requests)
    accepted = (answer.image for answer in answers if answer.image is not None)
    return {image.key for image in accepted if is_sensitive(image.reasons)}


def _count_answers(images: HeldImages, standing: StandingAnswers) -> dict[str, int]:
    counts: dict[str, int] = {}
    if len(standing):
        columns = (images.rows[name].to_pylist() for name in ("image_key", "finish_digest", "finished_sha"))
        for key in zip(*columns, strict=True):
            said, _ = _said(standing.of_image(*key))
            if said:
                counts[said] = counts.get(said, 0) + 1
    return counts


def _said(standing: StandingAnswer | None) -> tuple[str, str]:
    if standing is None:
        return "", ""
    if standing.verdict is None:
        return "people differ", ", ".join(answer.who for answer in standing.conflict)
    return _SAID[standing.verdict], standing.answer.who
