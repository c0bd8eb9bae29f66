"""Stage changes: offer a scene to a library, and keep what people say of its stages.

Inputs: a store, pixels with what their adder says of them; names of stages and a person's answer. Outputs: an
`OfferedStage`, or the stages after the answer. A scene that the gate blocks is not added, and there is no way around
it: where an object stands in the drop zone, every product would be shown with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from catalogs.errors import OptionError
from catalogs.rule_files import first_field_error
from catalogs.stages.library import StageLibrary
from catalogs.stages.stage import Light, Origin, Stage, StageState
from infra.compositing.product_placement import PlacementRule
from infra.errors import InvalidImage, ObjectMissing
from infra.imaging.codecs import pixel_sha
from infra.interfaces import ObjectStore, Pixels
from tasks.stages.stage_gate import StageGate
from tasks.stages.stage_libraries import change_library, read_library
from tasks.stages.stage_pictures import keep_stage_picture, read_stage_picture, restore_stage_picture

STAGE_KNOWN = "stage.known"
"""The reason of a scene whose name or picture the library has already."""
_UNKNOWN_SHA = "0" * 64


@dataclass(frozen=True)
class SceneTerms:
    """What is said of every scene of one command: whence it is, who may stand there and where, and who says so.

    `placement` holds the fields of `Stage.placement` that are given; the others have the stage's defaults.
    """

    origin: Origin
    by: str
    categories: tuple[str, ...] = ()
    light: Light = ""
    placement: Mapping[str, float] = field(default_factory=dict)

    def stage(self, name: str, pixels: Pixels | None = None, **fields: Any) -> Stage:
        """Return the stage of these pixels under a name. Raises `OptionError`, naming the option that is wrong."""
        height, width = (1, 1) if pixels is None else pixels.shape[:2]
        sha256 = _UNKNOWN_SHA if pixels is None else pixel_sha(pixels)
        own = {"origin": self.origin, "categories": self.categories, "light": self.light, "added_by": self.by}
        content = {"sha256": sha256, "name": name, "width": width, "height": height, **own, **self.placement, **fields}
        try:
            return Stage.model_validate(content)
        except ValidationError as error:
            found = first_field_error(error)
            option = f"--{str(found.path[0]).replace('_', '-')}: " if found.path else ""
            raise OptionError(f"{option}{found.message}") from None


@dataclass(frozen=True)
class OfferedStage:
    """What became of one scene: the stage where it was added, else why not."""

    name: str
    stage: Stage | None
    decision: str
    reasons: tuple[str, ...]
    sentences: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        stage = None if self.stage is None else self.stage.model_dump(mode="json")
        return {
            "name": self.name,
            "added": self.stage is not None,
            "decision": self.decision,
            "reasons": list(self.reasons),
            "sentences": list(self.sentences),
            "stage": stage,
        }


@dataclass(frozen=True)
class StageOffers:
    """Offers scenes to one library of a store."""

    store: ObjectStore
    library: str
    gate: StageGate
    terms: SceneTerms

    def offer(self, name: str, pixels: Pixels, source: Mapping[str, str], doubts: Sequence[str] = ()) -> OfferedStage:
        """Judge a scene, and add it unless it is blocked; a person is asked about it in each case.

        `doubts` are reasons that were known before, of its prompt. A picture that the library names and the store has
        lost is put back, whatever name is given. Raises `OptionError` for a name or a picture that the library has.
        """
        stage = self.terms.stage(name, pixels, source=dict(source), added_at=self.store.now())
        library = read_library(self.store, self.library)
        known = library.get(stage.sha256)
        if known is not None and restore_stage_picture(self.store, pixels):
            return OfferedStage(known.name, known, "PASS", (), ("its picture was lost, and is there again",))
        library.add(stage)  # before it is measured: raises where it is there already
        judged = self.gate.judge(pixels, PlacementRule(**stage.placement))  # type: ignore[arg-type]
        reasons = tuple(sorted({*judged.verdict.reasons, *doubts}))
        if judged.is_blocked:
            return OfferedStage(name, None, judged.verdict.decision, reasons, judged.sentences)
        stage = stage.model_copy(update={"scores": dict(judged.scores), "reasons": reasons})
        keep_stage_picture(self.store, pixels)
        change_library(self.store, self.library, lambda library: library.add(stage))
        decision = "REVIEW" if reasons else judged.verdict.decision
        return OfferedStage(name, stage, decision, reasons, judged.sentences)


def not_read(name: str, reason: str, sentence: str) -> OfferedStage:
    """Return what became of a scene that could not be read or generated."""
    return OfferedStage(name, None, "BLOCK", (reason,), (sentence,))


def answer_stages(store: ObjectStore, library: str, names: Sequence[str], state: StageState, by: str) -> list[Stage]:
    """Keep a person's answer on stages, given by names or beginnings of digests; return them as they are after it.

    All or none: raises `OptionError` for a name that is not there, an answer that does not fit a stage's state, and an
    approval of a stage whose picture a sweep has deleted, or that holds other pixels than its name says.
    """
    at = store.now()
    if state is StageState.APPROVED:
        _require_pictures(store, read_library(store, library), names)

    def change(before: StageLibrary) -> StageLibrary:
        after = before
        for name in names:
            after = after.answer(after.find(name), state, by, at)
        return after

    changed = change_library(store, library, change)
    return [changed.find(name) for name in names]


def _require_pictures(store: ObjectStore, library: StageLibrary, names: Sequence[str]) -> None:
    for stage in map(library.find, names):
        try:
            read_stage_picture(store, stage.sha256)
        except ObjectMissing:
            raise OptionError(
                f"The picture of the stage {stage.name!r} is gone: it was {stage.state} for long; add it anew."
            ) from None
        except InvalidImage as error:
            raise OptionError(f"The stage {stage.name!r} cannot be approved: {error}") from None
