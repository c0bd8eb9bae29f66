"""What measures a prompt or an image: scanners give numbers and hits, never verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.interfaces import Pixels


class TextClassifier(Protocol):
    """A model of the operator's own that scores prompts. Asked by one thread."""

    version: str
    """Moves with the model's content: verdicts are decided under it."""

    def score(self, text: str) -> Mapping[str, float]:
        """Return label -> score, 0 to 1, for every label that the model has."""


@dataclass(frozen=True)
class ScanResult:
    """What a scanner makes of one picture: raw numbers by name, and what they stand for, as plain JSON values."""

    scores: Mapping[str, float]
    details: Sequence[Mapping[str, object]] = ()


class ImageScanner(Protocol):
    """Gives numbers about a picture. It is opened in a measuring process, for its life, and works on one thread."""

    version: str
    """Moves when the same pixels would get other numbers: it names code, package, model and settings."""

    def scan(self, image: Pixels) -> ScanResult:
        """Return what is seen in a picture; it is not changed."""
