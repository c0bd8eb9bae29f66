"""Plain loops: what a shop's engineer would write in an afternoon, for comparison.

Inputs: a catalogue. Outputs: the number of images to make, or the images.
Of Packshot they use the backend, so that both generate the same images, the wording of the built-in recipe, and, with
`checks`, its checks.
"""

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cv2
import pandas as pd
from PIL import Image

from infra.engines.stub.stub_backend import StubBackend
from infra.imaging.codecs import decode
from infra.imaging.finishing import finish
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pdq import pdq
from infra.imaging.metrics.pixels import measure_pixels
from infra.interfaces import FinishParameters, Frame, Prompt

PHRASES = {
    "front": "front view",
    "three-quarter": "three-quarter view",
    "side": "side view",
    "back": "seen from the back",
}


def plan_first_run_plainly(folder: Path) -> int:
    """Render, hash and store every prompt; return their number."""
    rows = [
        (sku, view, prompt, sha256(prompt.encode()).hexdigest()) for sku, view, prompt in _prompts(folder, "before")
    ]
    pd.DataFrame(rows, columns=["sku", "view", "prompt", "sha"]).to_parquet(folder / "loop.parquet")
    return len(rows)


def plan_later_run_plainly(folder: Path, catalogue: str) -> int:
    """Render and hash every prompt, and store those whose hash changed since the first run; return their number."""
    previous = pd.read_parquet(folder / "loop.parquet", columns=["sku", "view", "sha"])
    hashes = {(sku, view): sha for sku, view, sha in previous.itertuples(index=False)}
    changed = [
        (sku, view, prompt)
        for sku, view, prompt in _prompts(folder, catalogue.removesuffix(".parquet"))
        if hashes.get((sku, view)) != sha256(prompt.encode()).hexdigest()
    ]
    pd.DataFrame(changed, columns=["sku", "view", "prompt"]).to_parquet(folder / "loop-changed.parquet")
    return len(changed)


def _prompts(folder: Path, catalogue: str) -> Iterator[tuple[str, str, str]]:
    for row in pd.read_parquet(folder / f"{catalogue}.parquet").itertuples(index=False):
        for view, phrase in PHRASES.items():
            prompt = (
                f"Studio product photograph of {row.title}, {row.color}, made of {row.material}, {phrase},"
                " centred on a pure white background, soft even light, sharp focus"
            )
            yield str(row.sku), view, prompt


def generate_and_save(folder: Path, side: int, seconds: float, checks: bool = False) -> dict[str, float]:
    """Generate every prompt and save the image as PNG, one by one; with `checks`, finish and measure it too.

    Returns the number of images, the backend's CPU and wall seconds, and the seconds from the start of the first image
    to the end of the last.
    """
    cv2.setNumThreads(1)
    backend, target = StubBackend(seconds), folder / f"loop-{checks}"
    target.mkdir()
    count, cpu, busy, first, last = 0, 0.0, 0.0, 0.0, 0.0
    for sku, view, text in _prompts(folder, "before"):
        began, spent = time.monotonic(), time.thread_time()
        (frame,) = backend.generate_batch([Prompt(sku, text, count, side, side)])
        last = time.monotonic()
        first = first or began
        count, cpu, busy = count + 1, cpu + time.thread_time() - spent, busy + last - began
        assert isinstance(frame, Frame)
        Image.fromarray(frame.pixels).save(target / f"{sku}-{view}.png")
        if checks:
            data = finish(frame.pixels, FinishParameters())
            finished = decode(data)
            measure_pixels(frame.pixels), measure_background(finished), pdq(finished)
            (target / f"{sku}-{view}.jpg").write_bytes(data)
    return {"images": count, "cpu_seconds": cpu, "busy_seconds": busy, "first_to_last_seconds": last - first}
