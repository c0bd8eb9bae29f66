"""Kept images: what an image costs that keeps a photo's product on white, and what its process holds in memory.

Inputs: how many photos of 12 megapixels. Outputs: CPU seconds of one image of 1024 px, by step (cutting a photo for the
first time, composing from a stored mask, screening with the proof) and by cutters, beside u2netp by itself; and the
peak memory after a few photos beside that after all of them. Photos are one drawing under many names, since bytes after
a JPEG's end change its sha256 alone; writing them is not timed. u2netp is left out where its weights are missing.
"""

import hashlib
import io
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from rich.table import Table

from bench.process_cost import ProcessCost, run_in_process
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
from infra.interfaces import FinishParameters, Frame, Prompt, ScreeningRequest
from infra.nano.drawing.photographs import draw_photo
from infra.photos.reading import read_photo
from infra.screening.measure import measure
from infra.stores import open_store
from tasks.runs.staged_images import stage_kept_image

CANVAS = 1024
WIDTH, HEIGHT, DRAWN_SIDE = 4000, 3000, 1000
SMALL_SIDE = 1400
FEW = 3
PLACEMENT = {"fill": 0.85, "least_fill": 0.85, "centre": 0.5, "foot": None}


def measure_kept(photos: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Compose and screen this many photos, by the plain-ground cutter and, where it is installed, with u2netp."""
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # as composing processes have it
    sets = [("plain-ground",), *([("plain-ground", "u2netp")] if _is_installed("u2netp", progress) else [])]
    rows: list[dict[str, Any]] = []
    for names in sets:
        for size, count in (((SMALL_SIDE, SMALL_SIDE), max(FEW, photos // 10)), ((WIDTH, HEIGHT), photos)):
            progress(f"{' and '.join(names)}: {count} photos of {size[0]} x {size[1]}")
            url = f"file://{folder / f'{len(rows)}'}"
            _, few = run_in_process(compose_photos, url + "-few", names, size, FEW)
            steps, cost = run_in_process(compose_photos, url, names, size, count)
            rows.append(_row(names, size, count, steps, few, cost))
    return {"canvas": CANVAS, "rows": rows}


def compose_photos(url: str, names: Sequence[str], size: tuple[int, int], count: int) -> dict[str, float]:
    """Compose and screen photos one after another; return the CPU seconds of each step, of all photos together."""
    cv2.setNumThreads(1)
    store, terms, finish = open_store(url), kept_terms(built_in_policy()), Finish()
    cutters = tuple((name, open_cutter(name).version) for name in names)
    data = _photo_file(size)
    spent = dict.fromkeys(("first", "again", "screening", names[-1]), 0.0)
    composer, last = Composer(store, terms, open_cutter), open_cutter(names[-1])
    for number in range(count):
        named = data + number.to_bytes(8, "big")
        sha = hashlib.sha256(named).hexdigest()
        store.write_once(layout.source_photo(sha, "jpg"), named)
        text = KeptRequest("white", (sha,), cutters, PLACEMENT).text
        key = image_key(hashlib.sha256(text.encode()).hexdigest(), 0)
        prompt = Prompt(key, "", 0, CANVAS, CANVAS, kept=text)
        frame = _timed(spent, "first", lambda prompt=prompt: next(composer.generate([prompt])))
        composer.close()
        _timed(spent, "again", lambda prompt=prompt: next(composer.generate([prompt])))
        if not isinstance(frame, Frame):
            raise TypeError(f"A drawn photo was not composed: {frame.reason}")
        stage_kept_image(store, key, frame.pixels, frame.kept, composer.name, UNCHECKED)
        request = ScreeningRequest(
            key, url, layout.staged_image(key), layout.finished_image(key, finish.digest), f"scores/{key}.json",
            FinishParameters(**finish.model_dump()), ("pixels", "fingerprint"), raw_sha=pixel_sha(frame.pixels),
            kept_key=layout.kept_document(key),
        )  # fmt: skip
        _timed(spent, "screening", lambda request=request: measure(request, store, terms=terms))
        photo = read_photo(named)
        _timed(spent, names[-1], lambda photo=photo: last.cut(photo))
    return spent


def kept_table(found: Mapping[str, Any]) -> Table:
    """Return the results as a table."""
    title = f"An image of {found['canvas']} px that keeps a product: CPU seconds"
    table = Table(title=title, title_justify="left")
    for name in ("cutters", "Mpx", "photos", "first", "mask stored", "gates", "cutter alone", "peak MB"):
        table.add_column(name, justify="left" if name == "cutters" else "right")
    for row in found["rows"]:
        seconds, last = row["seconds"], row["cutters"][-1]
        figures = (seconds["first"], seconds["again"], seconds["screening"], seconds[last])
        peaks = ", ".join(f"{peak} after {count}" for count, peak in row["peak_mb"].items())
        table.add_row(", ".join(row["cutters"]), *map(str, (row["megapixels"], row["photos"], *figures)), peaks)
    return table


def _timed(spent: dict[str, float], step: str, work: Callable[[], Any]) -> Any:
    began = time.process_time()
    result = work()
    spent[step] += time.process_time() - began
    return result


def _row(
    names: Sequence[str],
    size: tuple[int, int],
    count: int,
    steps: dict[str, float],
    few: ProcessCost,
    cost: ProcessCost,
) -> dict[str, Any]:
    seconds = {step: round(spent / count, 3) for step, spent in steps.items()}
    return {
        "cutters": list(names),
        "megapixels": round(size[0] * size[1] / 1e6, 1),
        "photos": count,
        "seconds": seconds,
        "over_cutter": round(seconds["first"] / seconds[names[-1]], 2) if seconds[names[-1]] else None,
        "peak_mb": {str(FEW): round(few.peak_mb), str(count): round(cost.peak_mb)},
    }


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
