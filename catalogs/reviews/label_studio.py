"""Label Studio tasks: what waits, as the JSON that Label Studio imports.

Inputs: review items. Outputs: one task an item: its picture's address and what a person needs to judge it, as data;
what the gates said, as a prediction. Pure. The names of the answers are those of the columns of
`catalogs.reviews.answer_csv`, so that Label Studio's CSV export is imported as it is.
"""

from typing import Any

from catalogs.reviews.answer_csv import COLUMNS, item_cells
from catalogs.reviews.review_item import ReviewItem

_ANSWERED = ("kind", "reason", "why", "prompt", "seconds", "who", "when", "purpose")
"""Columns that a person fills in."""


def label_studio_task(item: ReviewItem, store_url: str) -> dict[str, Any]:
    """Return the task of an item."""
    cells = item_cells(item, store_url)
    data = {name: cells[name] for name in COLUMNS if name not in _ANSWERED}
    worst = item.worst_reason or next(iter(item.reasons), "")
    prediction = {
        "model_version": "packshot-gates",
        "score": item.severity,
        "result": [
            {"from_name": "why", "to_name": "image", "type": "textarea", "value": {"text": [worst]}},
        ],
    }
    return {"data": data | {"scores": dict(item.scores)}, "predictions": [prediction] if worst else []}
