"""Scanners: measure a prompt or an image. They return scores and matches, never verdicts.

Inputs: text or pixels. Outputs: raw numbers by name, which a policy decides on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.interfaces import Pixels


class TextClassifier(Protocol):
    """The operator's own model that scores prompts. Called by one thread."""

    version: str
    """Changes with the model's content; verdicts record it."""

    def score(self, text: str) -> Mapping[str, float]:
        """Return label -> score, 0 to 1, for every label that the model has."""


@dataclass(frozen=True)
class ScanResult:
    """A scanner's result for one image: raw numbers by name, and what they stand for, as plain JSON values."""

    scores: Mapping[str, float]
    details: Sequence[Mapping[str, object]] = ()


class ImageScanner(Protocol):
    """Measures images. It is opened once per screening process, and works on one thread."""

    version: str
    """Changes when the same pixels would get other numbers; it names code, package, model and settings."""

    def scan(self, image: Pixels) -> ScanResult:
        """Measure one image, which is not modified."""
