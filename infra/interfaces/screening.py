"""Finishing and measuring of staged images.

Inputs: requests of keys and plain values, which travel between processes. Outputs: raw measurements, or a `Failure`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from infra.interfaces.engines import Failure

Canvas = Literal["none", "square", "portrait"]
"""White is added around the image until it is square, or upright 1 : 1.44 (`infra.imaging.finishing.CANVASES`)."""


@dataclass(frozen=True)
class FinishParameters:
    """How `infra.imaging.finishing` turns generated pixels into the published JPEG. The recipe has validated them.

    `quality` is the JPEG's, `enlarge` the long side in pixels that smaller images are brought to, `mark` whether the
    file says that a model made it, and `watermark` a watermark's name.
    """

    quality: int = 90
    whiten: bool = False
    canvas: Canvas = "none"
    enlarge: int | None = None
    mark: bool = True
    watermark: str | None = None


@dataclass(frozen=True)
class ScreeningRequest:
    """One staged image to finish and to measure in another process: only keys and plain values travel.

    `deadline_seconds` is how long measuring may take before its process is killed. Where the finish names a watermark,
    `watermark` is the code that embeds it (module:factory).
    """

    key: str
    store_url: str
    raw_key: str
    finished_key: str
    scores_key: str
    finish: FinishParameters
    scanners: Sequence[str]
    deadline_seconds: float = 60.0
    watermark: str | None = None
    scanner_settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By scanner, where a scanner has settings."""
    raw_sha: str = ""
    """The sha256 of the raw image's pixels, in hex, as they were generated or found. Compared where there are keys."""
    scores_prefix: str = ""
    """What the keys of all scores of these pixels in this finish begin with, whatever the scanners."""
    kept_key: str = ""
    """The key of the image's `KeptResult`, where it keeps a photo's product: then the proof is made again."""


@dataclass(frozen=True)
class Screened:
    """The measurements of one image. Scores are raw numbers; a policy decides on them elsewhere.

    `finished_sha` is the digest of the finished image's pixels, `file_sha` of its file's bytes, both in hex. `crop` and
    `looks` come from `infra.imaging.metrics.appearance`; they are empty where no product was seen, or none was looked
    for. `mark` is the source type that the file declares, "" where it declares none.
    """

    key: str
    finished_sha: str
    file_sha: str
    file_bytes: int
    width: int
    height: int
    scores: Mapping[str, float]
    fingerprint: bytes
    fingerprint_quality: float
    crop: bytes = b""
    looks: Sequence[float] = ()
    scanners: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    mark: str | None = None
    details: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    """By scanner, what its numbers stand for: boxes, lines of text. Shown to people; no decision reads it."""
    refused: Sequence[str] = ()
    """Stored work that was found, not believed and made anew: `file`, `scores`. It is not stored with the rest."""
    kept: str = ""
    """The `KeptResult` as JSON, with what the finished file lost; empty where no photo's product was kept."""


class Screener(Protocol):
    """Measures images in separate processes, and kills a process whose image exceeds its deadline."""

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        """Yield one result per request, in any order. A killed or crashed process is a Failure, never an exception."""

    def close(self) -> None:
        """End the processes. Callers that wait for results get `ExternalError`, which says nothing about the images."""
