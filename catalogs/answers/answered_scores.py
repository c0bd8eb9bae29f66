"""Answered scores: the scores that an image had when a person answered it, kept with the answer.

Inputs: an answer, or an image's scores and category. Outputs: the other. Pure. A run's records and review index go
after some weeks; thresholds are learned over months, so each answer carries what it needs for that.
"""

import math
from collections.abc import Mapping
from typing import Any

from catalogs.answers.answer import Answer

SCORES, CATEGORY = "scores", "category"


def score_details(scores: Mapping[str, float], category: str) -> dict[str, Any]:
    """Return the details of an answer that keep an image's scores and its product category."""
    return {SCORES: {name: value for name, value in scores.items() if math.isfinite(value)}, CATEGORY: category}


def scores_of(answer: Answer) -> Mapping[str, float]:
    """Return the scores that the answered image had; none where the answer does not keep them."""
    scores = (answer.details or {}).get(SCORES)
    if not isinstance(scores, Mapping):
        return {}
    numbers = (int, float)
    return {name: float(value) for name, value in scores.items() if isinstance(value, numbers) and math.isfinite(value)}


def category_of(answer: Answer) -> str:
    """Return the product category of the answered image; empty where the answer does not keep it."""
    category = (answer.details or {}).get(CATEGORY)
    return category if isinstance(category, str) else ""
