"""Compositing: what it costs to place a photo's product on white and to prove it, beside a plain loop.

Inputs: how many photos. Outputs: CPU seconds and peak memory of both, milliseconds of each step, and the peak after a
few photos beside that after all of them.
The plain loop does what a script would: Pillow reduces the cut-out by Lanczos and pastes it on white, without shadow or
proof. Photos have 12 megapixels; they are drawn and not decoded, each another picture, and drawing is not timed.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import numpy as np
from PIL import Image

from bench.process_cost import ProcessCost, run_in_process
from infra.compositing.composite import compose, white_ground
from infra.compositing.contact_shadow import ShadowRule, contact_shadow
from infra.compositing.core_digest import prove
from infra.compositing.kept_proof import KeptProof, make_proof
from infra.compositing.placed_product import apply_placement
from infra.compositing.product_placement import Placement, PlacementRule, place
from infra.interfaces.cutouts import Cutout, Photo

SIDE = 1024
PHOTO_WIDTH, PHOTO_HEIGHT = 4000, 3000
PRODUCT_WIDTH, PRODUCT_HEIGHT = 2600, 2400
FEW = 3
Parameters = ParamSpec("Parameters")
T = TypeVar("T")


def measure_compositing(photos: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Place, compose and prove this many photos, and let a plain loop paste as many."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as measuring processes have it, in the processes that are started here
    progress(f"placing {photos} photos of {PHOTO_WIDTH} x {PHOTO_HEIGHT}")
    _, few = run_in_process(compose_photos, FEW)
    steps, ours = run_in_process(compose_photos, photos)
    progress("the same by a plain loop")
    pasted, loop = run_in_process(paste_photos, photos)
    return {
        "photos": photos,
        "megapixels": PHOTO_WIDTH * PHOTO_HEIGHT / 1e6,
        "side": SIDE,
        "packshot": _document(sum(steps.values()), ours),
        "plain_loop": _document(pasted, loop),
        "steps_ms": {name: round(1000 * seconds, 1) for name, seconds in steps.items()},
        "few": {"photos": FEW, "peak_mb": round(few.peak_mb)},
    }


class _StepClock:
    """Adds up the CPU seconds of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def run(
        self, step: str, call: Callable[Parameters, T], *arguments: Parameters.args, **options: Parameters.kwargs
    ) -> T:
        began = time.process_time()
        answer = call(*arguments, **options)
        self.seconds[step] = self.seconds.get(step, 0.0) + time.process_time() - began
        return answer


def compose_photos(photos: int) -> dict[str, float]:
    """Return the CPU seconds a photo of each step."""
    clock = _StepClock()
    for cutout in _drawn_cutouts(photos):
        placement = clock.run("place", place, cutout.alpha, (SIDE, SIDE), PlacementRule())
        assert isinstance(placement, Placement)
        placed = clock.run("resample", apply_placement, cutout, placement)
        shadow = clock.run("shadow", contact_shadow, placed.alpha, ShadowRule())
        staged = clock.run("compose", compose, white_ground(SIDE, SIDE), placed, shadow)
        photo = Photo(cutout.pixels, None, "0" * 64)
        assert isinstance(clock.run("proof", make_proof, photo, cutout, placement, placed), KeptProof)
        assert clock.run("compare", prove, placed, staged) is None
    return {step: seconds / photos for step, seconds in clock.seconds.items()}


def paste_photos(photos: int) -> float:
    """Return the CPU seconds a photo of the plain loop."""
    spent = 0.0
    for cutout in _drawn_cutouts(photos):
        began = time.process_time()
        image = Image.fromarray(np.dstack([cutout.pixels, cutout.alpha]))
        product = image.crop(image.getchannel("A").getbbox())
        product.thumbnail((int(SIDE * 0.85), int(SIDE * 0.85)), Image.Resampling.LANCZOS)
        canvas = Image.new("RGB", (SIDE, SIDE), "white")
        canvas.paste(product, ((SIDE - product.width) // 2, (SIDE - product.height) // 2), product)
        spent += time.process_time() - began
    return spent / photos


def _document(cpu_seconds: float, cost: ProcessCost) -> dict[str, float]:
    return {"cpu_seconds_an_image": round(cpu_seconds, 4), "peak_mb": round(cost.peak_mb)}


def _drawn_cutouts(photos: int) -> Iterator[Cutout]:
    """Yield ovals of noise with a soft edge, each shifted from the one before."""
    across = (np.arange(PHOTO_WIDTH, dtype=np.float32) - PHOTO_WIDTH / 2) * 2 / PRODUCT_WIDTH
    down = (np.arange(PHOTO_HEIGHT, dtype=np.float32) - PHOTO_HEIGHT / 2) * 2 / PRODUCT_HEIGHT
    distance = np.hypot(across[None, :], down[:, None])
    alpha = np.clip((1 - distance) * 255 * 200, 0, 255).astype(np.uint8)
    pixels = np.random.default_rng(0).integers(0, 256, (PHOTO_HEIGHT, PHOTO_WIDTH, 3), dtype=np.uint8)
    for shift in range(photos):
        yield Cutout(np.roll(pixels, shift, axis=1), np.roll(alpha, shift, axis=1), "drawn", "1")
