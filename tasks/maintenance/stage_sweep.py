"""The sweep of stages: what is refused or retired for long, and under no image, leaves its library and the store.

Inputs: the libraries, and what releases, questions and plans name. Outputs: which pictures must stay; libraries without
what ended. A proposed or approved stage always stays. A refused or retired one stays for `PACKSHOT_KEEP_RUNS_DAYS`
after the answer, and for as long as any image stands on it.
A stage leaves its library before its picture goes, by a change that looks at its state again: whoever approves it in
the same moment either keeps it, or is told that it is gone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from catalogs import layout
from catalogs.stages.library import StageLibrary
from catalogs.stages.stage import Stage, StageState
from infra.interfaces import ObjectInfo, ObjectStore
from tasks.maintenance.named_photos import NamedPhotos
from tasks.stages.stage_libraries import change_library, list_libraries, read_library

_ENDING = (StageState.REFUSED, StageState.RETIRED)


def read_libraries(store: ObjectStore) -> list[StageLibrary]:
    """Return every library of a store. Raises `DocumentUnreadable` for one that is damaged."""
    return [read_library(store, name) for name in list_libraries(store)]


@dataclass(frozen=True)
class StageNeeds:
    """Which stages must stay: all of the libraries but those that ended before `cutoff` and that nothing names."""

    named: NamedPhotos
    cutoff: datetime

    def is_ended(self, stage: Stage) -> bool:
        """Tell whether a stage may leave its library."""
        is_old = stage.answered_at is not None and stage.answered_at < self.cutoff
        return stage.state in _ENDING and is_old and not self.named.names_stage(stage.sha256)

    def drop_ended(self, store: ObjectStore, libraries: Iterable[StageLibrary]) -> None:
        """Take what ended out of its libraries."""
        for library in libraries:
            if any(map(self.is_ended, library.stages)):
                change_library(store, library.name, self._without_ended)

    def unneeded(self, infos: Iterable[ObjectInfo], libraries: Iterable[StageLibrary]) -> list[ObjectInfo]:
        """Return the stage pictures among these that nothing needs; objects of another origin are left out."""
        kept = {stage.sha256 for library in libraries for stage in library.stages if not self.is_ended(stage)}
        return [
            info
            for info in infos
            if (sha256 := _stage_of(info)) and sha256 not in kept and not self.named.names_stage(sha256)
        ]

    def _without_ended(self, library: StageLibrary) -> StageLibrary:
        stages = tuple(stage for stage in library.stages if not self.is_ended(stage))
        return StageLibrary(library.name, library.number, stages)


def _stage_of(info: ObjectInfo) -> str:
    """Return the sha256 in the name of a stage's picture; empty for an object of another origin."""
    sha256 = info.key.rpartition("/")[2].removesuffix(".png")
    return sha256 if info.key == layout.stage_image(sha256) else ""
