"""Kept images: what an image costs that keeps a photo's product on white, and what its process holds in memory.

Inputs: how many photos of 12 megapixels, and for how many seconds at most. Outputs, by cutters: CPU seconds of an image
of 1024 px by step (`bench.kept_steps`), and as multiples of a plain loop over the same photo; those of the composer
(cutting a photo for the first time, and composing from a stored mask) and of screening with the proof; and the peak
memory of a process after ten photos beside that after all of them. Photos are one drawing under many names, since bytes
after a JPEG's end change its sha256 alone. u2netp is left out where its weights are missing.
"""

import hashlib
import io
import os
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from rich.console import Group
from rich.table import Table

from bench.kept_steps import ALONE, LOOP, time_steps
from bench.process_cost import peak_megabytes, run_in_process
from catalogs import layout
from catalogs.keys import image_key
from catalogs.photos.kept_request import KeptRequest
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.render_settings import Finish
from flows.wiring.kept_images import kept_terms
from infra.composing.composer import Composer
from infra.cutout.cutters import open_cutter
from infra.errors import CutterUnusable
from infra.imaging.codecs import pixel_sha
from infra.integrity.stored_work_trust import UNCHECKED
from infra.interfaces import FinishParameters, Frame, ObjectStore, Prompt, ScreeningRequest
from infra.nano.drawing.photographs import draw_photo
from infra.screening.measure import measure
from infra.stores import open_store
from tasks.runs.staged_images import stage_kept_image

CANVAS = 1024
SMALL, LARGE = (1400, 1400), (4000, 3000)
ROUNDS = {SMALL: 15, LARGE: 5}
DRAWN_SIDE = 1000
FEW = 10
PLACEMENT = {"fill": 0.85, "least_fill": 0.85, "centre": 0.5, "foot": None}


_SUMS = {
    "all steps": "all_steps_ms",
    "plain loop (decode, reduce, encode)": "loop_ms",
    "all steps over plain loop": "over_loop",
    "network alone": "network_ms",
    "composer, first": "first_ms",
    "composer, mask stored": "again_ms",
    "gates, apart": "screening_ms",
}
"""The table's last rows, and their keys in the document."""


def measure_kept(photos: int, seconds: float, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Time images by the plain-ground cutter and, where it is installed, with u2netp; then compose so many photos.

    Composing ends after `seconds` of wall time in all, however many photos are done by then.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # as composing processes have it
    sets = [("plain-ground",), *([("plain-ground", "u2netp")] if _is_installed("u2netp", progress) else [])]
    rows, memory = [], []
    for names, size in product(sets, ROUNDS):
        progress(f"{' and '.join(names)}: {ROUNDS[size]} photos of {size[0]} x {size[1]}, by steps")
        url = f"file://{folder / f'{len(rows)}'}"
        steps, _ = run_in_process(time_photo, url + "-steps", names, size, ROUNDS[size])
        whole, _ = run_in_process(compose_photos, url, names, size, ROUNDS[size])
        rows.append(_row(names, size, steps, whole))
    for names in sets:
        progress(f"{' and '.join(names)}: {photos} photos of {LARGE[0]} x {LARGE[1]}, for memory")
        url = f"file://{folder / 'memory'}-{len(names)}"
        peaks, cost = run_in_process(find_peaks, url, names, photos, seconds / len(sets))
        memory.append({"cutters": list(names), "start_mb": round(cost.start_mb), "peak_mb": peaks})
    return {"canvas": CANVAS, "rows": rows, "memory": memory}


def time_photo(url: str, names: Sequence[str], size: tuple[int, int], rounds: int) -> dict[str, float]:
    """Return the CPU seconds of a photo by step."""
    cv2.setNumThreads(1)
    return time_steps(_photo_file(size), [open_cutter(name) for name in names], CANVAS, open_store(url), rounds)


def find_peaks(url: str, names: Sequence[str], count: int, seconds: float) -> dict[str, int]:
    """Compose large photos one after another; return the peak memory in MB after `FEW` of them and after the last."""
    cv2.setNumThreads(1)
    ending, store, terms = time.monotonic() + seconds, open_store(url), kept_terms(built_in_policy())
    cutters = tuple((name, open_cutter(name).version) for name in names)
    composer, data, peaks = Composer(store, terms, open_cutter), _photo_file(LARGE), {}
    for number in range(1, count + 1):
        key, prompt = _store_photo(store, data, number, cutters)
        frame = _frame(composer, prompt)
        stage_kept_image(store, key, frame.pixels, frame.kept, composer.name, UNCHECKED)
        store.delete([info.key for info in store.list("")])  # the disk holds one photo, however many are composed
        if number in (FEW, count) or time.monotonic() > ending:
            peaks[str(number)] = round(peak_megabytes())
        if time.monotonic() > ending:
            break
    return peaks


def compose_photos(url: str, names: Sequence[str], size: tuple[int, int], count: int) -> dict[str, float]:
    """Compose and screen photos one after another; return the CPU seconds of each step, of all photos together."""
    cv2.setNumThreads(1)
    store, terms, finish = open_store(url), kept_terms(built_in_policy()), Finish()
    cutters = tuple((name, open_cutter(name).version) for name in names)
    data, composer = _photo_file(size), Composer(store, terms, open_cutter)
    spent = dict.fromkeys(("first", "again", "screening"), 0.0)
    _frame(composer, _store_photo(store, data, count, cutters)[1])  # opens the cutters
    for number in range(count):
        key, prompt = _store_photo(store, data, number, cutters)
        frame = _timed(spent, "first", lambda prompt=prompt: _frame(composer, prompt))
        composer.close()
        _timed(spent, "again", lambda prompt=prompt: _frame(composer, prompt))
        stage_kept_image(store, key, frame.pixels, frame.kept, composer.name, UNCHECKED)
        request = ScreeningRequest(
            key, url, layout.staged_image(key), layout.finished_image(key, finish.digest), f"scores/{key}.json",
            FinishParameters(**finish.model_dump()), ("pixels", "fingerprint"), raw_sha=pixel_sha(frame.pixels),
            kept_key=layout.kept_document(key),
        )  # fmt: skip
        _timed(spent, "screening", lambda request=request: measure(request, store, terms=terms))
    return spent


def kept_table(found: Mapping[str, Any]) -> Group:
    """Return the results as two tables: steps down and cutters across, and memory."""
    costs = Table(title=f"An image of {found['canvas']} px that keeps a product: ms of CPU", title_justify="left")
    rows = found["rows"]
    for name in ("step", *(f"{' and '.join(row['cutters'])}, {row['megapixels']} Mpx" for row in rows)):
        costs.add_column(name, justify="left" if name == "step" else "right")
    for step in dict.fromkeys(step for row in rows for step in row["steps_ms"]):
        costs.add_row(step, *(f"{row['steps_ms'].get(step, '')}" for row in rows))
    for name, key in _SUMS.items():
        costs.add_row(name, *(f"{row.get(key, '')}" for row in rows))
    memory = Table(title=f"Peak memory of a process, {LARGE[0]} x {LARGE[1]} px", title_justify="left")
    for name in ("cutters", "MB before", "MB after photos"):
        memory.add_column(name)
    for row in found["memory"]:
        peaks = ", ".join(f"{peak} after {count}" for count, peak in row["peak_mb"].items())
        memory.add_row(" and ".join(row["cutters"]), str(row["start_mb"]), peaks)
    return Group(costs, memory)


def _store_photo(
    store: ObjectStore, data: bytes, number: int, cutters: tuple[tuple[str, str], ...]
) -> tuple[str, Prompt]:
    """Store a photo under a name of its own; return its image's key and the prompt for it."""
    named = data + number.to_bytes(8, "big")
    sha = hashlib.sha256(named).hexdigest()
    store.write_once(layout.source_photo(sha, "jpg"), named)
    text = KeptRequest("white", (sha,), cutters, PLACEMENT).text
    key = image_key(hashlib.sha256(text.encode()).hexdigest(), 0)
    return key, Prompt(key, "", 0, CANVAS, CANVAS, kept=text)


def _frame(composer: Composer, prompt: Prompt) -> Frame:
    frame = next(composer.generate([prompt]))
    if not isinstance(frame, Frame):
        raise TypeError(f"A drawn photo was not composed: {frame.reason}")
    return frame


def _timed(spent: dict[str, float], step: str, work: Callable[[], Any]) -> Any:
    began = time.process_time()
    result = work()
    spent[step] += time.process_time() - began
    return result


def _row(
    names: Sequence[str], size: tuple[int, int], seconds: Mapping[str, float], whole: Mapping[str, float]
) -> dict[str, Any]:
    steps = {step: spent for step, spent in seconds.items() if step not in (LOOP, ALONE)}
    total = sum(steps.values())
    network = {"network_ms": _milliseconds(seconds[ALONE])} if ALONE in seconds else {}
    return {
        "cutters": list(names),
        "megapixels": round(size[0] * size[1] / 1e6, 1),
        "steps_ms": {step: _milliseconds(spent) for step, spent in steps.items()},
        "all_steps_ms": _milliseconds(total),
        "loop_ms": _milliseconds(seconds[LOOP]),
        "over_loop": round(total / seconds[LOOP], 2),
        **network,
        **{f"{step}_ms": _milliseconds(spent / ROUNDS[size]) for step, spent in whole.items()},
    }


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)


def _photo_file(size: tuple[int, int]) -> bytes:
    """Return a drawn product on white as a JPEG of this size."""
    drawn = draw_photo(2, DRAWN_SIDE).photo.pixels
    side = min(size)
    pixels = np.full((size[1], size[0], 3), 255, np.uint8)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    pixels[top : top + side, left : left + side] = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_CUBIC)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=92)
    return file.getvalue()


def _is_installed(name: str, progress: Callable[[str], None]) -> bool:
    try:
        open_cutter(name)
    except CutterUnusable as error:
        progress(f"without {name}: {error}")
        return False
    return True
