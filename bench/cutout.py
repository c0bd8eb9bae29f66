"""Cut-outs: how well each cutter, and the gated pair, finds 64 drawn products with exact masks; and what it costs.

Inputs: how many photos, their side, a seed. Outputs: by ground and cutter the overlap (IoU, mean and worst), the
outline's F-measure within 2 px, and the opacity's error (SAD, in thousand pixels); what the built-in rules make of the
gated cut-outs; and the CPU seconds of one photo of 1024 px.

A cut-out that passes and overlaps by less than 0.9 is passed wrongly. u2netp is left out where its weights are not
installed: every cut-out is then for a person, as one cutter alone is.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from catalogs.photos.mask_rules import judge_mask
from catalogs.photos.photo_rules import built_in_photo_rules
from infra.cutout.cutters import Cutter, open_cutter
from infra.cutout.cutting import cut_photo
from infra.cutout.refinement import refine_mask
from infra.errors import CutterUnusable
from infra.interfaces import AlphaMask
from infra.nano.drawing.photographs import PLAIN_GROUNDS, DrawnPhoto, draw_photos

SIDE, TIMED_SIDE, TIMED_ROUNDS = 512, 1024, 5
WRONG_BELOW = 0.9
BOUNDARY_PIXELS = 2


def measure_cutout(photos: int, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Cut drawn photos by each cutter alone, and by all of them as a run does."""
    cutters = {name: cutter for name in ("plain-ground", "u2netp") if (cutter := _opened(name, progress))}
    rows: list[dict[str, Any]] = []
    for number, drawn in enumerate(draw_photos(photos, SIDE, seed)):
        if number % 16 == 0:
            progress(f"cutting {drawn.ground}: photos {number + 1} to {min(number + 16, photos)}")
        for name, cutter in cutters.items():
            alpha = refine_mask(drawn.photo, cutter.cut(drawn.photo))
            rows.append({"cutter": name, **_errors(drawn, alpha)})
        cut = cut_photo(drawn.photo, list(cutters.values()))
        verdict = judge_mask(cut.scores, built_in_photo_rules()).verdict
        rows.append({"cutter": "gated", **_errors(drawn, cut.alpha), "decision": verdict.decision})
    return {
        "photos": photos,
        "side": SIDE,
        "seed": seed,
        "cutters": [
            {"cutter": name, "ground": ground, **_summary([row for row in of_cutter if row["ground"] == ground])}
            for name in cutters
            if (of_cutter := [row for row in rows if row["cutter"] == name])
            for ground in dict.fromkeys(row["ground"] for row in of_cutter)
        ],
        "gated": _gated([row for row in rows if row["cutter"] == "gated"]),
        "seconds": _timed(cutters),
    }


def _opened(name: str, progress: Callable[[str], None]) -> Cutter | None:
    try:
        return open_cutter(name)
    except CutterUnusable as error:
        progress(f"without {name}: {error}")
        return None


def _errors(drawn: DrawnPhoto, alpha: AlphaMask) -> dict[str, Any]:
    found, exact = alpha >= 128, drawn.mask >= 128
    return {
        "name": drawn.name,
        "ground": drawn.ground,
        "iou": float((found & exact).sum() / max(1, (found | exact).sum())),
        "boundary": boundary_f(found, exact, BOUNDARY_PIXELS),
        "sad": float(np.abs(alpha.astype(np.int32) - drawn.mask).sum() / 255_000),
    }


def boundary_f(found: npt.NDArray[np.bool_], exact: npt.NDArray[np.bool_], pixels: int) -> float:
    """Return the F-measure of two outlines, of which points within so many pixels of each other are the same."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1,) * 2)
    outlines = [
        cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        for mask in (found, exact)
    ]
    near = [cv2.dilate(outline, kernel) for outline in outlines]
    shares = [
        cv2.countNonZero(outline & other) / max(1, cv2.countNonZero(outline))
        for outline, other in zip(outlines, reversed(near), strict=True)
    ]
    return 2 * shares[0] * shares[1] / max(1e-9, sum(shares))


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    worst = min(rows, key=lambda row: row["iou"])
    return {
        "photos": len(rows),
        "iou_mean": round(float(np.mean([row["iou"] for row in rows])), 4),
        "iou_min": round(worst["iou"], 4),
        "worst": worst["name"],
        "boundary": round(float(np.mean([row["boundary"] for row in rows])), 4),
        "sad": round(float(np.mean([row["sad"] for row in rows])), 2),
    }


def _gated(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    passed = [row for row in rows if row["decision"] == "PASS"]
    plain = [row for row in rows if row["ground"] in PLAIN_GROUNDS]
    return {
        "all": _summary(rows),
        "passed": _summary(passed) if passed else None,
        "passed_wrongly": sum(row["iou"] < WRONG_BELOW for row in passed),
        "decisions": {
            ground: {
                decision: sum(row["ground"] == ground and row["decision"] == decision for row in rows)
                for decision in ("PASS", "REVIEW", "BLOCK")
            }
            for ground in dict.fromkeys(row["ground"] for row in rows)
        },
        "plain_not_passed": round(sum(row["decision"] != "PASS" for row in plain) / max(1, len(plain)), 3),
    }


def _timed(cutters: Mapping[str, Cutter]) -> dict[str, float]:
    """Return the CPU seconds of one photo, the fastest of some rounds: the machine's other work slows the rest."""
    [drawn] = draw_photos(1, TIMED_SIDE)
    mask = cutters["plain-ground"].cut(drawn.photo)
    parts: dict[str, Callable[[], object]] = {
        **{name: lambda cutter=cutter: cutter.cut(drawn.photo) for name, cutter in cutters.items()},  # type: ignore[misc]
        "refinement": lambda: refine_mask(drawn.photo, mask),
        "cut, refined and measured": lambda: cut_photo(drawn.photo, list(cutters.values())),
    }
    return {name: round(min(_cpu_seconds(work) for _ in range(TIMED_ROUNDS)), 3) for name, work in parts.items()}


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
