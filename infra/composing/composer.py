"""The composer: makes images that keep a photo's product, where an engine would generate them.

Inputs: prompts that hold a kept request; the store's photos, masks and stages. Outputs: a Frame with its kept record,
or a Failure with a reason's code, for each. Deterministic, without a model that paints and without a GPU: the same
photos, cutters, stage and rules give the same pixels, whatever else is in the batch and whether a mask was stored or is
made now.

The fittest photo is taken by the scores of all; one that cannot be read, placed or proven is left out and the next one
is taken. One photo is in memory at a time. A store that does not answer is nobody's fault here, and ends the work.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from infra.composing.grounds import ImageGround, OnStage, WhiteGround
from infra.composing.kept_terms import ChosenPhoto, KeptOrder, KeptTerms
from infra.composing.photo_masks import CutterChanged, OpenCutter, PhotoMask, PhotoMasks
from infra.composing.stage_grounds import StageGrounds, StageLost, StageUnfit
from infra.composing.stored_photos import PhotoLost, read_stored_photo
from infra.compositing.core_digest import KeptDiffers
from infra.compositing.kept_proof import KeptProof, make_proof
from infra.compositing.placed_product import apply_placement
from infra.compositing.product_placement import Placement, PlacementRefused, PlacementRule, place
from infra.coordination.progress import ON_PROGRESS
from infra.cutout.cutters import FileAlphaCutter
from infra.cutout.refinement import keep_cutout, restore_cutout
from infra.errors import CutterUnusable, ExternalError, StoreError, one_line
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import Failure, Frame, ObjectStore, Photo, Pixels, Prompt
from infra.interfaces.cutouts import Cutout
from infra.photos.invalid_photo import InvalidPhoto

PHOTO_LOST, CUTTER_CHANGED, CUTTER_FAILED = "photo.lost", "cutter-changed", "cutter-failed"
STAGE_LOST = "stage.lost"
MODE_UNKNOWN = "kept-mode"
WHITE, STAGED_MODES = "white", ("backdrop", "stage")


class ComposingRefused(ExternalError):
    """An image cannot be composed; `code` is the reason's."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return (ComposingRefused, (self.code, str(self)))


@dataclass
class _Candidates:
    """The photos of one request: the scores of those that may be taken, and what speaks against the others."""

    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    refused: dict[str, ComposingRefused] = field(default_factory=dict)

    def refuse(self, photo: str, error: ComposingRefused) -> None:
        """Leave a photo out."""
        self.scores.pop(photo, None)
        self.refused[photo] = error

    def ending(self, photos: Iterable[str]) -> ComposingRefused:
        """Return the error where no photo is left: a lost photo's first, since the row is not to blame for it."""
        errors = [self.refused[photo] for photo in photos]
        return next((error for error in errors if error.code == PHOTO_LOST), errors[0])


class Composer:
    """Composes one image at a time, whoever asks; its cutters are opened at their first photo."""

    name = "compositor-1"

    def __init__(
        self, store: ObjectStore, terms: KeptTerms, open_cutter: OpenCutter, trust: StoredWorkTrust = UNCHECKED
    ) -> None:
        self._store, self._terms = store, terms
        self._masks = PhotoMasks(store, terms, trust, open_cutter)
        self._grounds = StageGrounds(store, terms.stage_key)
        self._last: tuple[str, Photo, PhotoMask] | None = None
        self._busy_seconds = 0.0
        self._lock = threading.Lock()

    def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
        """Yield one Frame or Failure per prompt, in their order. Raises `StoreError`."""
        for prompt in prompts:
            with self._lock:
                answer = self._answer(prompt)
            yield answer

    def busy_seconds(self) -> float:
        """Return the seconds spent composing."""
        return self._busy_seconds

    def close(self) -> None:
        """Forget the last photo and the last grounds."""
        self._last = None
        self._grounds.clear()

    def _answer(self, prompt: Prompt) -> Frame | Failure:
        started = time.perf_counter()
        try:
            pixels, record = self._compose(prompt)
        except StoreError:
            raise
        except ComposingRefused as error:
            return Failure(prompt.key, str(error), time.perf_counter() - started, code=error.code)
        except CutterChanged as error:
            return Failure(prompt.key, str(error), time.perf_counter() - started, code=CUTTER_CHANGED)
        except CutterUnusable as error:
            return Failure(prompt.key, str(error), time.perf_counter() - started, code=CUTTER_FAILED)
        except Exception as error:  # a defect on one image costs no other
            return Failure(prompt.key, f"{type(error).__name__}: {one_line(error)}", time.perf_counter() - started)
        finally:
            self._busy_seconds += time.perf_counter() - started
        return Frame(prompt.key, pixels, time.perf_counter() - started, record)

    def _compose(self, prompt: Prompt) -> tuple[Pixels, str]:
        order = self._terms.parse_order(prompt.kept)
        ground = self._ground(order, (prompt.width, prompt.height))
        candidates = self._measure(order)
        while candidates.scores:
            photos = list(candidates.scores)
            choice = self._terms.choose(list(candidates.scores.values()))
            try:
                pixels, fields = self._compose_photo(ground, order, photos[choice.position])
            except ComposingRefused as error:
                candidates.refuse(photos[choice.position], error)
                continue
            refused = _refusals(candidates, photos, choice)
            return pixels, self._terms.record_text(**fields, choice=choice.reason, refused=refused)
        raise candidates.ending(order.photos)

    def _ground(self, order: KeptOrder, canvas: tuple[int, int]) -> ImageGround:
        """Return what the product is set on; that is at fault or fit whatever the photos are."""
        if order.mode == WHITE:
            return WhiteGround(*canvas)
        if order.mode not in STAGED_MODES:
            raise ComposingRefused(
                MODE_UNKNOWN, f"No product is kept in the mode {order.mode!r}; there is white, backdrop and stage."
            )
        centre, foot = (0.5 if share is None else share for share in map(order.placement.get, ("centre", "foot")))
        try:
            return OnStage(order.stage, self._grounds.ground(order.stage, canvas, centre, foot), order.light)
        except StageLost as error:
            raise ComposingRefused(STAGE_LOST, str(error)) from error
        except StageUnfit as error:
            raise ComposingRefused(error.code, str(error)) from error

    def _measure(self, order: KeptOrder) -> _Candidates:
        """Return the scores of each photo: those that are stored, without reading the photo, or measured now."""
        candidates = _Candidates()
        for sha256 in order.photos:
            stored = self._masks.find_scores(order, sha256) if len(order.photos) > 1 else None
            try:
                candidates.scores[sha256] = dict(stored or self._load(order, sha256)[1].scores)
            except ComposingRefused as error:
                candidates.refuse(sha256, error)
        return candidates

    def _load(self, order: KeptOrder, sha256: str) -> tuple[Photo, PhotoMask]:
        """Return a photo and its mask; the one that was read last is still in memory."""
        name = f"{sha256}-{order.cutters_digest}"
        if self._last is not None and self._last[0] == name:
            return self._last[1:]
        self._last = None
        ON_PROGRESS.get()()
        try:
            photo = read_stored_photo(self._store, self._terms.photo_prefix(sha256), sha256)
        except PhotoLost as error:
            raise ComposingRefused(PHOTO_LOST, str(error)) from error
        except InvalidPhoto as error:
            raise ComposingRefused(error.reason, str(error)) from error
        self._last = (name, photo, self._masks.of(photo, order))
        return self._last[1:]

    def _compose_photo(self, ground: ImageGround, order: KeptOrder, sha256: str) -> tuple[Pixels, dict[str, object]]:
        photo, mask = self._load(order, sha256)
        rule = PlacementRule(**order.placement)  # type: ignore[arg-type]
        placement = place(mask.alpha, ground.size, rule)
        if isinstance(placement, PlacementRefused):
            raise ComposingRefused(placement.reason, placement.detail)
        pixels, proof = _place(photo, _cutout(photo, mask), placement, ground)
        fields: dict[str, object] = {
            "mode": order.mode,
            "photo": sha256,
            "cutter": mask.cutter,
            "cutter_version": mask.version,
            "scores": dict(mask.scores),
            "proof": proof.document(),
            "cutters_digest": order.cutters_digest,
            "stage": order.stage,
        }
        return pixels, fields


def _cutout(photo: Photo, mask: PhotoMask) -> Cutout:
    """Return the product with its own colours at its edge; a mask that came with the photo has them already."""
    make = keep_cutout if mask.cutter == FileAlphaCutter.name else restore_cutout
    return make(photo, mask.alpha, mask.cutter, mask.version)


def _place(photo: Photo, cutout: Cutout, placement: Placement, ground: ImageGround) -> tuple[Pixels, KeptProof]:
    placed = apply_placement(cutout, placement)
    pixels = ground.compose(placed)
    proof = make_proof(photo, cutout, placement, placed)
    if isinstance(proof, KeptDiffers):
        raise ComposingRefused(
            proof.reason,
            "No pixel of the product is opaque, so nothing could be proven of it; cut it out again."
            if proof.reason == "core.empty"
            else f"{proof.count} pixels of the cut-out are not the photo's, the first at ({proof.left}, {proof.top}).",
        )
    return pixels, replace(proof, ground=ground.prove(placed, pixels))


def _refusals(candidates: _Candidates, photos: list[str], choice: ChosenPhoto) -> dict[str, list[str]]:
    """Return what speaks against each photo that was not taken, by its sha256; nothing may."""
    against = {photo: [error.code] for photo, error in candidates.refused.items()}
    for position, (photo, reasons) in enumerate(zip(photos, choice.refusals, strict=True)):
        if position != choice.position and reasons:
            against[photo] = list(reasons)
    return against
