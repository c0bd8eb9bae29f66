"""Prompt samples: a few rows of a plan with their prompts, for a person who looks before anything is made.

Inputs: each batch's accepted rows and its plan. Outputs: `PromptSample`s: the first rows with different prompts, and
for each reason of the prompt gates the first rows that it stops. A dry run may render prompts for its first rows; a run
shows only what it renders anyway, since an unchanged catalogue renders none. A row that keeps a photo's product has no
prompt: its mode and what it names as its photo stand in its place.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from catalogs.indexes.digest_index import split_halves
from catalogs.ingest.photo_fields import fields_of_view
from catalogs.ingest.rows import BatchRows
from catalogs.ingest.source_rows import without_secrets
from catalogs.keys import slot_id_of_bytes, slot_suffix
from catalogs.photos.kept_request import parse_kept_request
from catalogs.photos.photo_tokens import NOT_READ
from catalogs.planning.plan import PlannedBatch, Request, Slot
from catalogs.planning.planner import Planner
from catalogs.planning.request_builder import RequestBuilder
from catalogs.planning.slot_shapes import SlotShape, group_rows_by_shape
from catalogs.recipe.templates import PromptRenderError
from catalogs.verdict import Verdict

DEFAULT_SAMPLES = 5
EXAMPLES_OF_A_REASON = 2
_ROWS_LOOKED_AT = 20
"""Rows for each sample: sizes of one product share a prompt, and stand one after another."""
UNCHANGED, IN_PROGRESS, REVIEW, BLOCKED = "unchanged", "in progress", "review", "blocked"
UNREAD_PHOTO = "photo not read"
"""States of a sample beside those of a planned slot."""


@dataclass
class PromptSample:
    """One row: its views, the prompt of the first of them, what the plan makes of it, and why it waits if it does."""

    row: int
    sku: str
    views: list[str]
    prompt: str
    negative: str
    state: str
    reasons: list[str]
    sharing: int = 0
    """Further rows among those looked at that have the same prompt, or keep the same photo."""
    mode: str = ""
    """How the product of the row's photo is kept; empty for a row with a prompt."""
    photo: str = ""
    """What the row names as the view's photos, without what may be secret in it."""

    @property
    def content(self) -> tuple[str, ...]:
        """Return what rows share that are one sample."""
        return self.prompt, self.mode, self.photo


@dataclass
class PromptSampler:
    """Collects samples batch by batch, in the order of the rows."""

    limit: int = DEFAULT_SAMPLES
    renders: bool = False
    every_view: bool = False
    """Take every view of the first `limit` rows, also where several share a prompt, and keep their requests."""
    samples: list[PromptSample] = field(default_factory=list)
    examples: list[PromptSample] = field(default_factory=list)
    """Rows that wait, for each reason the first few; those among the samples are not repeated."""
    requests: dict[tuple[int, str], Request] = field(default_factory=dict)
    """(Row, view) -> the request, where every view is taken."""

    def __post_init__(self) -> None:
        self._by_content: dict[tuple[str, ...], PromptSample] = {}
        self._reasons: Counter[str] = Counter()

    def add_batch(self, planner: Planner, table: pa.Table, planned: PlannedBatch) -> None:
        """Take what is wanted of a batch; most batches of a large catalogue add nothing."""
        batch = _Batch(planner, table, planned)
        if self.every_view:
            self._add_every_view(batch)
            return
        if len(self.samples) < self.limit:
            rendered = (sample for sample, _ in batch.rendered(self.limit * _ROWS_LOOKED_AT))
            for sample in rendered if self.renders else batch.planned_prompts():
                self._add(sample)
                if len(self.samples) == self.limit:
                    break
        if self.limit and any(self._reasons[reason] < EXAMPLES_OF_A_REASON for reason in planned.prompt_gate_reasons):
            self._add_examples(batch)

    def documents(self) -> list[dict[str, Any]]:
        """Return the samples, then the examples, as plain values."""
        return [asdict(sample) for sample in (*self.samples, *self.examples)]

    def _add_every_view(self, batch: "_Batch") -> None:
        missing = self.limit - len({sample.row for sample in self.samples})
        for sample, request in batch.rendered(missing, every_view=True) if missing > 0 else ():
            self.samples.append(sample)
            if request is not None:
                self.requests[sample.row, sample.views[0]] = request

    def _add(self, sample: PromptSample) -> None:
        known = self._by_content.get(sample.content)
        if known is not None:
            known.sharing += known.sku != sample.sku
            return
        self._by_content[sample.content] = sample
        self.samples.append(sample)
        self._reasons.update(sample.reasons)

    def _add_examples(self, batch: "_Batch") -> None:
        for sample in batch.planned_prompts(refused=True):
            is_new = sample.content not in self._by_content
            if is_new and any(self._reasons[reason] < EXAMPLES_OF_A_REASON for reason in sample.reasons):
                self._by_content[sample.content] = sample
                self._reasons.update(sample.reasons)
                self.examples.append(sample)


@dataclass(frozen=True)
class SampledPlanner:
    """A planner whose batches are looked at by a sampler."""

    planner: Planner
    sampler: PromptSampler

    def plan_batch(self, table: pa.Table) -> PlannedBatch:
        """Return the plan of one batch of accepted rows."""
        planned = self.planner.plan_batch(table)
        self.sampler.add_batch(self.planner, table, planned)
        return planned


def named_photos(rows: BatchRows, position: int, view: str) -> str:
    """Return what a row names as a view's photos, without what may be secret in it; empty where it names none."""
    cells = (rows.column(field)[position] for field in fields_of_view(view))
    return without_secrets(next(filter(None, cells), ""))


class _Batch:
    """One batch's rows, and what was planned for their slots."""

    def __init__(self, planner: Planner, table: pa.Table, planned: PlannedBatch) -> None:
        self._planner = planner
        self._table = table
        self._planned = planned

    @cached_property
    def _slots(self) -> dict[bytes, Slot]:
        return {slot.slot_id: slot for slot in self._planned.slots}

    def planned_prompts(self, *, refused: bool = False) -> Iterator[PromptSample]:
        """Yield the SKUs whose requests this batch's plan has first; only those that a gate stops, if `refused`."""
        requests = {request.key: request for request in self._planned.requests}
        views: dict[str, list[str]] = {}
        first: dict[str, Slot] = {}
        for slot in self._planned.slots:
            views.setdefault(slot.sku, []).append(slot.view)
            if slot.request_key in requests and not (refused and not self._verdict(slot).reasons):
                first.setdefault(slot.sku, slot)
        rows = BatchRows(self._table)
        for position, sku in enumerate(rows.column("sku") if first else ()):
            if sku in first:
                slot, request = first[sku], requests[first[sku].request_key]
                state, reasons = self._planned_state(slot)
                mode = parse_kept_request(request.kept).mode if request.kept is not None else ""
                kept = (mode, named_photos(rows, position, slot.view)) if mode else ("", "")
                shown, number = [*dict.fromkeys(views[sku])], rows.row_number(position)
                yield PromptSample(number, sku, shown, request.prompt, request.negative, state, reasons, 0, *kept)

    def rendered(self, limit: int, *, every_view: bool = False) -> Iterator[tuple[PromptSample, Request | None]]:
        """Yield the first rows with their requests, whatever the plan makes of them: of the first view, or of each.

        A row with a photo has none here: what is asked for is in the sample.
        """
        rows = BatchRows(self._table.slice(0, limit))
        shapes = {
            position: shape
            for shape, positions in group_rows_by_shape(self._planner.recipe, rows).items()
            for position in positions
        }
        builders: dict[tuple[SlotShape, str], RequestBuilder] = {}
        for position, sku in enumerate(rows.column("sku")):
            shape = shapes[position]
            if shape.mode:
                yield from ((sample, None) for sample in self._kept(rows, position, shape, every_view))
                continue
            for view in shape.views if every_view else shape.views[:1]:
                if (shape, view) not in builders:
                    builders[shape, view] = self._builder(rows, shape, view)
                try:
                    request = builders[shape, view].build_request(position)
                except PromptRenderError:
                    continue  # it is among the rejects
                views = [view] if every_view else [*shape.views]
                state, reasons = self._state(rows, position, view, shape.variant)
                row = rows.row_number(position)
                yield PromptSample(row, sku, views, request.prompt, request.negative, state, reasons), request

    def _kept(self, rows: BatchRows, position: int, shape: SlotShape, every_view: bool) -> Iterator[PromptSample]:
        sku, row = rows.column("sku")[position], rows.row_number(position)
        for view in shape.views if every_view else shape.views[:1]:
            state, reasons = self._state(rows, position, view, shape.variant)
            views, photo = [view] if every_view else [*shape.views], named_photos(rows, position, view)
            yield PromptSample(row, sku, views, "", "", state, reasons, mode=shape.mode, photo=photo)

    def _builder(self, rows: BatchRows, shape: SlotShape, view: str) -> RequestBuilder:
        """Return the builder of a view's first image; a model's versions have the same prompt."""
        recipe = self._planner.recipe
        model = next(iter(recipe.models[shape.model].weights_by_name(shape.model)))
        effective = self._planner.effective_recipes.get(shape.category, view, shape.variant, shape.tier, model)
        return RequestBuilder(rows, effective, 0, self._planner.outcomes)

    def _state(self, rows: BatchRows, position: int, view: str, variant: str) -> tuple[str, list[str]]:
        slot_id = slot_id_of_bytes(rows.joined_bytes(("sku",))[position], slot_suffix(view, variant, 0))
        slot = self._slots.get(slot_id)
        if slot is not None:
            return self._planned_state(slot)
        outcome = next(iter(self._planner.outcomes.slot_outcomes(slot_id)), None)
        if outcome is not None:
            return str(outcome.state), list(outcome.reasons or ())
        live: Any = self._planner.live.index.find(*split_halves([slot_id]))
        return (UNCHANGED if bool(np.any(live >= 0)) else IN_PROGRESS), []

    def _planned_state(self, slot: Slot) -> tuple[str, list[str]]:
        verdict = self._verdict(slot)
        if NOT_READ in verdict.reasons:
            return UNREAD_PHOTO, []
        states = {"REVIEW": REVIEW, "BLOCK": BLOCKED}
        return states.get(verdict.decision, slot.kind), list(verdict.reasons)

    def _verdict(self, slot: Slot) -> Verdict:
        return self._planner.verdict_on(slot)
