"""Text classifier of the operator: a logistic model over words and pairs of words, in one JSON file.

Inputs: `{"version": "shop-3", "labels": {"sexual": {"bias": -3.2, "weights": {"nude": 2.5, "nude woman": 1.7}}}}`, as
any library trains it on a shop's own verdicts; then one text at a time. Outputs: label -> score, 0 to 1. No model
ships: a useful one needs some thousand labelled prompts of the shop's own kind. Files that run code when they are read,
such as pickles, are not accepted.
"""

import hashlib
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.scanners.text_normalization import WORD, fold

Weight = Annotated[float, Field(allow_inf_nan=False)]


class LabelModel(BaseModel):
    """One label's model."""

    model_config = ConfigDict(extra="forbid")

    bias: Weight = 0.0
    weights: dict[str, Weight]


class _ClassifierFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: str = Field(min_length=1)
    labels: dict[str, LabelModel] = Field(min_length=1)


class LinearClassifier:
    """Scores texts.

    Reads them as `infra.scanners.text_normalization.fold` does: without case, accents and invisible characters.
    """

    def __init__(self, labels: dict[str, LabelModel], version: str) -> None:
        """Take label -> its model, and a version that changes with their content."""
        self._labels = labels
        self.version = version

    def score(self, text: str) -> dict[str, float]:
        """Return label -> score, 0 to 1."""
        words = WORD.findall(fold(text))
        features = {*words, *(f"{first} {second}" for first, second in pairwise(words))}
        return {name: _logistic(label, features) for name, label in self._labels.items()}


def open_classifier(path: Path) -> LinearClassifier:
    """Read a model's file. Raises `ValueError` where it is missing or has another format."""
    try:
        content = path.read_bytes()
        file = _ClassifierFile.model_validate(json.loads(content))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise ValueError(
            f"{str(path)!r} is no text classifier ({reason}); infra/scanners/text_classifier.py describes the format."
        ) from None
    return LinearClassifier(file.labels, f"{file.version}-{hashlib.sha256(content).hexdigest()[:12]}")


def _logistic(label: LabelModel, features: set[str]) -> float:
    total = label.bias + math.fsum(label.weights[feature] for feature in features & label.weights.keys())
    return 1 / (1 + math.exp(-max(-700.0, min(700.0, total))))
