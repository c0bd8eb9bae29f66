"""Apply selection: which answered slots a run can decide now, with what is kept of them, and which a refresh must.

Inputs: the store, the answers that stand, the outcomes, what is live. Outputs: an `ApplySelection`. Nothing is written.
Left to a refresh is what would need an engine, a catalogue's row, or a file that is no longer there: each has a code.

It costs one pass over the outcomes and over two columns of what is live, the folders of the runs that judged the
answered slots, and one look at each accepted image: nothing of it grows with the answers ever given.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.keys import digest
from catalogs.photos.kept_request import KEPT_MODEL
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.attempts import RequestFinishKey
from infra.interfaces import ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from tasks.reviews.answered_slots import AnsweredSlot, AnsweredSlots, find_answered_slots
from tasks.reviews.recorded_slots import RecordedRun, RecordedSlots, Row, read_recorded_slots


@dataclass(frozen=True)
class DecidableSlot:
    """An answered slot with what was kept of it, and the sha of the live image that it may replace."""

    answered: AnsweredSlot
    run: RecordedRun
    live_file_sha: bytes | None

    @property
    def key(self) -> RequestFinishKey:
        """Return the slot's request in its finish."""
        return self.answered.outcome["request_key"], self.answered.outcome["finish_digest"]

    @property
    def records(self) -> Sequence[Row]:
        """Return the attempts that were measured."""
        return self.run.records[self.key]

    @property
    def accepted_record(self) -> Row | None:
        """Return the attempt that was accepted; None where the answer is another one."""
        return _answered_record(self.answered, self.run) if self.answered.verdict == AnswerKind.ACCEPT else None


@dataclass
class ApplySelection:
    """What a run that applies answers decides, and what it leaves to the next refresh."""

    catalogue: str
    slots: list[DecidableSlot] = field(default_factory=list)
    left: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """A code of `LEFT_TO_REFRESH` -> SKUs."""
    recipe: Recipe | None = None
    """The newest recipe among those of the runs that judged the slots."""
    live: int = 0
    base_version: int | None = None
    outcomes_version: int | None = None

    def fingerprint(self, policy: Policy) -> str:
        """Return the digest of all that the plan depends on: a killed run with the same one is resumed."""
        slots = [[slot.answered.outcome["slot_id"].hex(), slot.answered.token] for slot in self.slots]
        return digest({"catalogue": self.catalogue, "policy": policy.digest, "answers": sorted(slots)})

    def taken(self) -> dict[str, int]:
        """Return the answers by what they say, each once however many slots show its image, as a plan keeps them."""
        names = {AnswerKind.ACCEPT: "accepted", AnswerKind.REFUSE: "refused", None: "conflicts"}
        standing = {slot.answered.token: slot.answered.verdict for slot in self.slots if slot.answered.token}
        return dict(Counter(names[verdict] for verdict in standing.values()))

    def counts(self) -> dict[str, int]:
        """Return the slots by what stands of them."""
        names = {AnswerKind.ACCEPT: "accepted", AnswerKind.REFUSE: "refused", None: "undone"}
        counted = dict.fromkeys(("accepted", "refused", "differing", "undone"), 0)
        for slot in self.slots:
            differs = slot.answered.standing is not None and slot.answered.verdict is None
            counted["differing" if differs else names[slot.answered.verdict]] += 1
        return counted


def select_answered(store: ObjectStore, tables: TableStore, catalogue: str) -> ApplySelection:
    """Return the slots that can be decided now, and those that are left; nothing is written."""
    found = find_answered_slots(store, tables, catalogue)
    selection = ApplySelection(catalogue, left=found.left, outcomes_version=found.outcomes_version)
    if not found.slots:
        return selection
    recorded = read_recorded_slots(store, [slot.outcome for slot in found.slots])
    live = _read_live(tables, selection, [slot.outcome["slot_id"] for slot in found.slots])
    selection.recipe = _newest_recipe(recorded)
    for slot in found.slots:
        if (code := _why_left(slot, recorded, selection.recipe, found.standing)) is not None:
            found.left[code].append(slot.outcome["sku"])
        elif (run := recorded.run_of(slot.outcome)) is not None:
            selection.slots.append(DecidableSlot(slot, run, live.get(slot.outcome["slot_id"])))
    _leave_lost_images(store, selection, found)
    return selection


def _read_live(tables: TableStore, selection: ApplySelection, slot_ids: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """Return slot -> sha of its live file, and keep the release's version and size in the selection."""
    table = layout.manifest_table(selection.catalogue)
    selection.base_version = tables.version(table)
    live: dict[bytes, bytes] = {}
    if selection.base_version is None:
        return live
    chosen = pa.array(sorted(slot_ids), pa.binary())
    for rows in tables.batches(table, ("slot_id", "file_sha"), version=selection.base_version):
        selection.live += rows.num_rows
        found = rows.filter(pc.is_in(rows.column("slot_id"), chosen))
        live |= dict(zip(found["slot_id"].to_pylist(), found["file_sha"].to_pylist(), strict=True))
    return live


def _newest_recipe(recorded: RecordedSlots) -> Recipe | None:
    runs = {run.run_id: run for run in recorded.runs.values()}
    return runs[max(runs)].recipe if runs else None  # run ids sort by time


def _why_left(
    slot: AnsweredSlot, recorded: RecordedSlots, recipe: Recipe | None, standing: StandingAnswers
) -> str | None:
    """Return the code of why a slot is left to the next refresh; None where it can be decided now."""
    run = recorded.run_of(slot.outcome)
    if run is None or recipe is None:
        return "no-record"
    key = (slot.outcome["request_key"], slot.outcome["finish_digest"])
    model = str(run.requests[key]["model"])
    provenance = recipe.provenance_by_name.get(model)
    same_model = model == KEPT_MODEL or (  # of a photo: no model makes its pixels, so none has moved
        provenance is not None and provenance == run.recipe.provenance_by_name.get(model)
    )
    if not same_model or slot.outcome["finish_digest"] not in recipe.finishes_by_digest:
        return "recipe-moved"
    if slot.verdict is not None and _answered_record(slot, run) is None:
        return "image-lost"
    return "retry" if _owes_attempt(run.records[key], standing) else None


def _owes_attempt(records: Sequence[Row], standing: StandingAnswers) -> bool:
    """Tell whether a person asked for another attempt in the place of one of these, and it is not made yet."""
    made = {row["attempt"] for row in records}
    for row in records:
        found = standing.of_image(row["image_key"], row["finish_digest"], row["finished_sha"] or b"")
        if found is not None and found.verdict == AnswerKind.RETRY and row["attempt"] + 1 not in made:
            return True
    return False


def _answered_record(slot: AnsweredSlot, run: RecordedRun) -> Row | None:
    """Return the attempt that was answered: this image, with these pixels; None where it was never measured."""
    image = slot.standing.answer.image if slot.standing is not None else None
    if image is None:
        return None
    records = run.records[slot.outcome["request_key"], slot.outcome["finish_digest"]]
    measured = (row for row in records if row["image_key"] == image.image_key)
    return next((row for row in measured if row["finished_sha"] == image.pixel_sha), None)


def _leave_lost_images(store: ObjectStore, selection: ApplySelection, found: AnsweredSlots) -> None:
    """Leave the slots whose accepted image is neither staged nor kept for review any more."""
    kept = []
    for slot, is_stored in zip(
        selection.slots,
        concurrent_map(store, lambda slot: _has_image(store, selection.catalogue, slot), selection.slots),
        strict=True,
    ):
        if is_stored:
            kept.append(slot)
        else:
            found.left["image-lost"].append(slot.answered.outcome["sku"])
    selection.slots = kept


def _has_image(store: ObjectStore, catalogue: str, slot: DecidableSlot) -> bool:
    """Tell whether the accepted image can be published: a staged file is compared when it is, its copy here."""
    record = slot.accepted_record
    if record is None:
        return True
    image, finish = record["image_key"].hex(), record["finish_digest"]
    if store.exists(layout.finished_image(image, finish)):
        return True
    copy = store.find(layout.review_image(catalogue, image, finish))
    return copy is not None and sha256(copy).digest() == record["file_sha"]
