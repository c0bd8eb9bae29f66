"""Kept terms: what composing and screening need of the catalogue's side to read, judge and store kept images.

Inputs: functions that the composition root hands in. Outputs: the same, in one value that travels to other processes,
so each of them is a function that another process can import by its name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class KeptOrder(Protocol):
    """A kept request, as `catalogs.photos.kept_request` describes it."""

    @property
    def mode(self) -> str:
        """Return `white`, `backdrop`, `stage` or `scene`."""

    @property
    def photos(self) -> tuple[str, ...]:
        """Return the sha256 of the row's photos, in its order."""

    @property
    def cutters(self) -> tuple[tuple[str, str], ...]:
        """Return names and versions, best first."""

    @property
    def cutters_digest(self) -> str:
        """Return what names their masks beside the photo."""

    @property
    def placement(self) -> Mapping[str, float | None]:
        """Return the fields of a `PlacementRule`."""

    @property
    def stage(self) -> str:
        """Return the sha256 of the stage's pixels; empty where the product stands on white."""

    @property
    def light(self) -> str:
        """Return whence the stage's light comes: `left`, `right`, or empty."""


class KeptRecord(Protocol):
    """What was kept in an image."""

    @property
    def mode(self) -> str:
        """Return the request's mode."""

    @property
    def photo(self) -> str:
        """Return the sha256 of the photo that was taken."""

    @property
    def cutters_digest(self) -> str:
        """Return what names its mask beside the photo."""

    @property
    def stage(self) -> str:
        """Return the sha256 of the stage's pixels; empty on white."""

    @property
    def scores(self) -> Mapping[str, float]:
        """Return the scores of the photo and its mask."""

    @property
    def proof(self) -> Mapping[str, Any]:
        """Return the document of `infra.compositing.kept_proof`."""


class ChosenPhoto(NamedTuple):
    """Which of several photos is taken, why, and for each of them the reasons against it."""

    position: int
    reason: str
    refusals: Sequence[Sequence[str]]


@dataclass(frozen=True)
class KeptTerms:
    """The functions. `record_text` writes a record from its fields; `with_findings` adds scores and the JPEG's loss."""

    parse_order: Callable[[str], KeptOrder]
    parse_record: Callable[[str], KeptRecord]
    record_text: Callable[..., str]
    with_findings: Callable[[str, Mapping[str, float], Mapping[str, float]], str]
    choose: Callable[[Sequence[Mapping[str, float]]], ChosenPhoto]
    photo_prefix: Callable[[str], str]
    """What the key of a photo begins with, by its sha256."""
    mask_key: Callable[[str, str], str]
    """The key of a mask, by the photo's sha256 and the cutters' digest; `scores_key` that of its scores."""
    scores_key: Callable[[str, str], str]
    stage_key: Callable[[str], str]
    """The key of a stage's picture, by the sha256 of its pixels."""
