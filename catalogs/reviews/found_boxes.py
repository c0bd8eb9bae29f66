"""Found boxes: the places that scanners found in an image, in one form for all scanners.

Inputs: the details that scanners stored beside their scores, and the image's size; the stored JSON of boxes. Outputs:
`Box`es in shares of the frame. Pure. Details come from libraries and stored files, so what has another shape is left
out: a missing box costs a person a look, and a wrong one misleads.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalogs.reviews.review_item import Box

MAX_BOXES = 40
"""Boxes kept of one image: a poster full of words has hundreds."""
MAX_LABEL_CHARACTERS = 80
MIN_TEXT_CONFIDENCE = 0.8
"""Below it a seam is often read as a letter: see `infra.scanners.overlay_text`."""


def boxes_from_details(details: Mapping[str, Sequence[Mapping[str, Any]]], width: int, height: int) -> list[Box]:
    """Return the places in the scanners' details: lines of text by their corners, detections by their boxes."""
    found = [box for name, entries in sorted(details.items()) for box in _read_entries(name, entries, width, height)]
    return sorted({box for box in found if box.is_inside}, key=lambda box: -(box.confidence or 0))[:MAX_BOXES]


def boxes_to_json(boxes: Iterable[Box]) -> str | None:
    """Return boxes as the index stores them; None without any."""
    rows = [[box.label, *(round(side, 4) for side in box[1:5]), box.confidence] for box in boxes]
    return json.dumps(rows) if rows else None


def boxes_from_json(text: str | None) -> tuple[Box, ...]:
    """Return stored boxes; those of another shape are left out."""
    try:
        rows = json.loads(text or "[]")
        boxes = [Box(str(row[0]), *_four(row[1:5]), row[5]) for row in rows]
    except (ValueError, TypeError, LookupError, RecursionError):
        return ()
    return tuple(box for box in boxes if box.is_inside)


def _read_entries(scanner: str, entries: Any, width: int, height: int) -> Iterator[Box]:
    for entry in entries if isinstance(entries, list | tuple) else ():
        try:
            confidence = float(entry["confidence"])
            if "corners" in entry:
                if confidence < MIN_TEXT_CONFIDENCE:
                    continue
                sides = _bounds(entry["corners"])
                label = f"{scanner}: {entry['text']}"
            else:
                left, top, wide, high = (float(side) for side in entry["box"])
                sides = (left / width, top / height, min(1.0, (left + wide) / width), min(1.0, (top + high) / height))
                label = f"{scanner}: {str(entry['class']).replace('_', ' ').lower()}"
        except (ValueError, TypeError, LookupError, ArithmeticError):
            continue
        yield Box(label[:MAX_LABEL_CHARACTERS], *sides, round(confidence, 3))


def _four(places: Any) -> tuple[float, float, float, float]:
    left, top, right, bottom = map(float, places)
    return left, top, right, bottom


def _bounds(corners: Any) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of some corners, within the frame."""
    across, down = ([min(1.0, max(0.0, float(place))) for place in places] for places in zip(*corners, strict=True))
    return min(across), min(down), max(across), max(down)
