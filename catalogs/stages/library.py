"""Library of stages: the empty scenes that recipes choose from, and which of them a SKU is shown on.

Inputs: the library's document, a change by a person, a SKU. Outputs: the library after the change, or a stage.
Invariant: a SKU's stage follows from the SKU and the approved stages alone, so it is the same in every run. With one
more stage among n, one SKU in n + 1 is assigned another stage; with one less, only those that had it are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from catalogs.errors import OptionError
from catalogs.keys import hash_fraction
from catalogs.near_matches import near_match
from catalogs.stages.stage import Stage, StageState

_SHORTEST_PREFIX = 6
_STATES_BEFORE = {
    StageState.APPROVED: (StageState.PROPOSED, StageState.REFUSED, StageState.RETIRED),
    StageState.REFUSED: (StageState.PROPOSED,),
    StageState.RETIRED: (StageState.APPROVED,),
}


class LibraryUnreadable(ValueError):
    """A stored library is no library."""


@dataclass(frozen=True)
class StageLibrary:
    """The stages of one library, in the order in which they were added. `number` is that of its last change."""

    name: str
    number: int = 0
    stages: tuple[Stage, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the library as plain values."""
        return {"library": self.name, "stages": [stage.model_dump(mode="json") for stage in self.stages]}

    def find(self, text: str) -> Stage:
        """Return the stage of this name, or of a digest that begins so. Raises `OptionError`."""
        found = [stage for stage in self.stages if stage.name == text]
        if not found and len(text) >= _SHORTEST_PREFIX:
            found = [stage for stage in self.stages if stage.sha256.startswith(text)]
        if len(found) == 1:
            return found[0]
        if found:
            raise OptionError(f"{text} begins the digests of {len(found)} stages of {self.name!r}; give a name.")
        meant = near_match(text, [stage.name for stage in self.stages])
        hint = f"did you mean {meant!r}?" if meant is not None else "`packshot stage list` shows them."
        raise OptionError(f"The library {self.name!r} has no stage {text!r}; {hint}")

    def get(self, sha256: str) -> Stage | None:
        """Return the stage of this digest."""
        return self._by_digest.get(sha256)

    def add(self, stage: Stage) -> "StageLibrary":
        """Return the library with one more stage. Raises `OptionError` where its name or its picture is there."""
        for known in self.stages:
            if known.sha256 == stage.sha256:
                raise OptionError(f"The picture of {stage.name!r} is in the library already, as {known.name!r}.")
            if known.name == stage.name:
                raise OptionError(f"The library {self.name!r} has a stage {stage.name!r} already; give another name.")
        return replace(self, stages=(*self.stages, stage))

    def answer(self, stage: Stage, state: StageState, by: str, at: datetime) -> "StageLibrary":
        """Return the library after a person's answer: approved, refused or retired. Raises `OptionError`."""
        if stage.state is state:
            return self
        if stage.state not in _STATES_BEFORE[state]:
            before = " or ".join(_STATES_BEFORE[state])
            raise OptionError(f"The stage {stage.name!r} is {stage.state}; what is {state} was {before} before.")
        answered = stage.model_copy(update={"state": state, "answered_by": by, "answered_at": at})
        stages = tuple(answered if each.sha256 == stage.sha256 else each for each in self.stages)
        return replace(self, stages=stages)

    def usable(self, category: str, least_size: tuple[int, int] = (1, 1)) -> list[Stage]:
        """Return the approved stages of at least this width and height on which this category's products may stand."""
        width, height = least_size
        return [
            stage
            for stage in self.stages
            if stage.is_usable and stage.takes(category) and stage.width >= width and stage.height >= height
        ]

    @cached_property
    def _by_digest(self) -> dict[str, Stage]:
        return {stage.sha256: stage for stage in self.stages}


def parse_library(name: str, number: int, document: object) -> StageLibrary:
    """Return the library of its document. Raises `LibraryUnreadable` for any other."""
    stages = document.get("stages") if isinstance(document, dict) and document.get("library") == name else None
    if not isinstance(stages, list):
        raise LibraryUnreadable(f"This is no document of the library {name!r}.")
    try:
        return StageLibrary(name, number, tuple(Stage.model_validate(values) for values in stages))
    except ValidationError as error:
        raise LibraryUnreadable(f"A stage of the library {name!r} cannot be read: {error}") from error


def choose_stage(sku: str, stages: Sequence[Stage]) -> int:
    """Return the position of the stage that a SKU is assigned: the one with the highest hash of both.

    Rendezvous hashing (Thaler and Ravishankar 1998, "Using name-based mappings to increase hit rates"). Raises
    ValueError without stages.
    """
    return max(range(len(stages)), key=lambda position: hash_fraction(sku, f"stage {stages[position].sha256}"))
