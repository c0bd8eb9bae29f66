"""Steps of a kept image: CPU seconds of each, beside a plain loop over the same photo, in the same process.

Inputs: a photo file, open cutters, the canvas, how many rounds. Outputs: CPU seconds an image by step (the median of
the rounds), those of the plain loop, and of the network by itself.
The steps are those of `infra.composing.composer` for a photo before a plain ground whose mask is not stored, called one
by one; a test compares their image and scores with the composer's, so that no step is left out. The plain loop is what
a script does without a product to keep: decode, reduce by areas, encode as a PNG. Both are measured in turn, since the
machine is slower while others use it: the ratio holds where seconds do not.
"""

import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import cv2
import numpy as np

from infra.compositing.composite import compose, white_ground
from infra.compositing.contact_shadow import ShadowRule, contact_shadow
from infra.compositing.kept_proof import KeptProof, make_proof, mask_sha
from infra.compositing.placed_product import apply_placement
from infra.compositing.product_placement import Placement, PlacementRule, place
from infra.cutout.cutters import Cutter
from infra.cutout.cutting import CutPhoto
from infra.cutout.mask_scores import measure_mask
from infra.cutout.photo_scores import measure_photo
from infra.cutout.plain_ground import PlainGroundCutter
from infra.cutout.reduced_photo import reduce_mask, reduce_photo
from infra.cutout.refinement import refine_mask, restore_cutout
from infra.imaging.codecs import encode_grey_png, encode_png
from infra.interfaces import ObjectStore, Photo, Pixels
from infra.photos.reading import read_photo

Parameters = ParamSpec("Parameters")
T = TypeVar("T")

LOOP, ALONE = "plain loop", "network alone"


class StepSeconds:
    """Collects the CPU seconds of steps, round by round; a step may be done twice in a round."""

    def __init__(self) -> None:
        self._rounds: list[dict[str, float]] = [{}]

    def begin_round(self) -> None:
        """Count what comes to a round of its own."""
        if self._rounds[-1]:
            self._rounds.append({})

    def run(
        self, step: str, call: Callable[Parameters, T], *arguments: Parameters.args, **options: Parameters.kwargs
    ) -> T:
        """Return what the call returns."""
        began = time.process_time()
        answer = call(*arguments, **options)
        spent = self._rounds[-1]
        spent[step] = spent.get(step, 0.0) + time.process_time() - began
        return answer

    def medians(self) -> dict[str, float]:
        """Return the median over the rounds of each step."""
        return {step: statistics.median(spent[step] for spent in self._rounds) for step in self._rounds[0]}


def time_steps(
    data: bytes, cutters: Sequence[Cutter], canvas: int, store: ObjectStore, rounds: int
) -> dict[str, float]:
    """Return CPU seconds by step, and those of `LOOP` and, where there is a second cutter, of `ALONE`."""
    clock = StepSeconds()
    for number in range(rounds):
        clock.begin_round()
        clock.run(LOOP, plain_loop, data, canvas)
        if len(cutters) > 1:
            clock.run(ALONE, cutters[1].cut, read_photo(data))
        compose_by_steps(clock, data, cutters, canvas, store, f"round-{number}")
    return clock.medians()


def plain_loop(data: bytes, canvas: int) -> bytes:
    """Return a PNG of a photo at the canvas's size: decoded, reduced by areas, encoded."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None
    return encode_png(np.asarray(cv2.resize(pixels, (canvas, canvas), interpolation=cv2.INTER_AREA), np.uint8))


def compose_by_steps(
    clock: StepSeconds, data: bytes, cutters: Sequence[Cutter], canvas: int, store: ObjectStore, name: str
) -> tuple[Pixels, KeptProof, CutPhoto]:
    """Return the image of a photo, its proof and its mask with the scores, every step timed."""
    photo = clock.run("read", read_photo, data)
    cut = cut_by_steps(clock, photo, cutters)
    mask = clock.run("encode mask", encode_grey_png, cut.alpha)
    clock.run("store", store.write_once, f"{name}/mask.png", mask)
    clock.run("digest mask", mask_sha, cut.alpha)
    cutout = clock.run("edge colours", restore_cutout, photo, cut.alpha, cut.cutter, cut.version)
    placement = clock.run("place", place, cutout.alpha, (canvas, canvas), PlacementRule())
    assert isinstance(placement, Placement), placement
    placed = clock.run("resample", apply_placement, cutout, placement)
    shadow = clock.run("shadow", contact_shadow, placed.alpha, ShadowRule())
    pixels = clock.run("compose", compose, white_ground(canvas, canvas), placed, shadow)
    proof = clock.run("proof", make_proof, photo, cutout, placement, placed)
    assert isinstance(proof, KeptProof), proof
    png = clock.run("encode image", encode_png, pixels)
    clock.run("store", store.write_once, f"{name}/{hashlib.sha256(png).hexdigest()}.png", png)
    return pixels, proof, cut


def cut_by_steps(clock: StepSeconds, photo: Photo, cutters: Sequence[Cutter]) -> CutPhoto:
    """Return what `cut_photo` returns for a photo before a plain ground, every step timed."""
    reduced = clock.run("reduce", reduce_photo, photo)
    clock.run("ground", lambda: (reduced.ground, reduced.ground_colours, reduced.difference))
    first, others = PlainGroundCutter(), cutters[1:2]
    mask = clock.run(first.name, first.cut_reduced, reduced, *photo.pixels.shape[:2])
    masks = {first.name: mask, **{cutter.name: clock.run(cutter.name, cutter.cut, photo) for cutter in others}}
    alpha = clock.run("refine", refine_mask, photo, mask)
    small = clock.run("reduce masks", reduce_mask, alpha)
    other = clock.run("reduce masks", reduce_mask, masks[others[0].name]) if others else None
    scores = clock.run("mask scores", lambda: measure_mask(reduced, small, other).values)
    scores |= clock.run("photo scores", measure_photo, reduced, alpha, small)
    return CutPhoto(alpha, first.name, first.version, scores, masks)
