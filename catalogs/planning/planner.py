"""What is new, what has changed, what waits: the catalogue joined with what is published and what was refused.

Comes in: accepted rows, batch by batch; the live manifest and the outcomes; a recipe. Goes out: for each batch the
slots to decide, the requests to make and the digests to refresh. A slot whose source digest is live is left alone
before anything is rendered, so an unchanged catalogue costs two hashes a slot and no prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from catalogs.indexes.digest_index import split_halves
from catalogs.ingest.overrides import PRIORITIES, parse_whole_number, split_views
from catalogs.ingest.row_validation import Reject
from catalogs.ingest.rows import BatchRows
from catalogs.keys import hash_fraction
from catalogs.planning.current_state import CurrentRelease, Outcome, OutcomeIndex
from catalogs.planning.plan import CHANGED, NEW, WAITING, PlanCounts, PlannedBatch, Request, Slot
from catalogs.planning.request_builder import RequestBuilder
from catalogs.planning.schedule import to_epoch_us
from catalogs.planning.version_selection import StaleSlot, VersionedRequestBuilders, VersionSelector
from catalogs.policy.prompt_rules import PromptGate
from catalogs.recipe.effective_recipe import EffectiveRecipes
from catalogs.recipe.schema import Recipe
from catalogs.recipe.templates import PromptRenderError
from catalogs.slot_states import REFUSED_BY_GATES, SlotState
from catalogs.verdict import PASS, Verdict, combine_verdicts


@dataclass
class Planner:
    """Joins batches of accepted rows with what is there. Batches may come in any size; their order is the plan's."""

    recipe: Recipe
    live: CurrentRelease
    outcomes: OutcomeIndex
    policy_digest: str
    prompt_gate: PromptGate
    backfill: int | None = None
    counts: PlanCounts = field(default_factory=PlanCounts)

    def __post_init__(self) -> None:
        self.effective_recipes = EffectiveRecipes(self.recipe)
        self._selector_of = cache(lambda model: VersionSelector(self.recipe, model, self.live, self.backfill))
        self._requested: dict[bytes, _PlannedRequest] = {}  # by half a key
        self._interned: dict[_PlannedRequest, _PlannedRequest] = {}  # one object for all that are asked for alike
        self._batch_requests: dict[bytes, Request] = {}  # this batch's, which nobody has taken yet

    def plan_batch(self, table: pa.Table) -> PlannedBatch:
        """Plan one batch of accepted rows."""
        rows = BatchRows(table)
        planned = PlannedBatch()
        self._batch_requests = {}
        failed: set[int] = set()
        found: list[tuple[int, Slot, Request]] = []
        for (category, variant, tier, model, views, count), positions in self._group_rows(rows).items():
            lineup = self._selector_of(model)
            for view in views:
                parts = [
                    self.effective_recipes.get(category, view, variant, tier, name) for name in lineup.version_names
                ]
                for index in range(count):
                    choices = VersionedRequestBuilders(
                        lineup, [RequestBuilder(rows, part, index, self.outcomes) for part in parts]
                    )
                    self._compare_slots(rows, positions, choices, planned, found, failed)
        brands = rows.column("brand")
        for position, slot, request in found:
            if position not in failed:
                self._add_slot(slot, request, brands[position], planned)
        return planned

    def _group_rows(self, rows: BatchRows) -> dict[tuple[str, str, str, str, tuple[str, ...], int], list[int]]:
        """Group rows whose slots are alike: same slices, views and number of images."""
        recipe = self.recipe
        names = ("sku", "category", "quality", "model", "views", "num_images")
        cells = zip(
            *(rows.column(name) for name in names),
            strict=True,
        )
        resolved: dict[tuple[str, ...], tuple[str, str, str, str, tuple[str, ...], int]] = {}
        shapes: dict[tuple[str, str, str, str, tuple[str, ...], int], list[int]] = {}
        only = next(iter(recipe.variants)) if len(recipe.variants) == 1 else None
        for position, (sku, *words_) in enumerate(cells):
            variant = only or self._variant(sku)
            cell = (variant, *words_)
            shape = resolved.get(cell)
            if shape is None:
                shape = resolved[cell] = self._slot_shape(*cell)
            shapes.setdefault(shape, []).append(position)
        return shapes

    def _slot_shape(
        self, variant: str, category: str, quality: str, model: str, views: str, count: str
    ) -> tuple[str, str, str, str, tuple[str, ...], int]:
        rule = self.recipe.resolve_rule
        known = category if category in self.recipe.categories else ""
        return (
            known,
            variant,
            quality or rule("quality", known, variant) or self.recipe.default_tier,
            model or rule("model", known, variant) or self.recipe.default_model,
            split_views(views) if views else tuple(rule("views", known, variant)),
            (parse_whole_number(count) if count else None) or rule("num_images", known, variant) or 1,
        )

    def _variant(self, sku: str) -> str:
        place = hash_fraction(sku, "variant")
        for name, variant in self.recipe.variants.items():
            place -= variant.share
            if place < 0:
                return name
        return name

    def _compare_slots(
        self,
        rows: BatchRows,
        positions: Sequence[int],
        builders: VersionedRequestBuilders,
        planned: PlannedBatch,
        found: list[tuple[int, Slot, Request]],
        failed: set[int],
    ) -> None:
        part, skus = builders.common_recipe, rows.column("sku")
        names, content = rows.joined_bytes(("sku",)), rows.joined_bytes(part.fields)
        suffix = f"\x1f{part.view}\x1f{part.variant}\x1f{builders.builders[0].index}".encode()
        ids = [sha256(names[p] + suffix).digest()[:16] for p in positions]
        high, low = split_halves(ids)
        live = self.live.index.find(high, low)
        self.live.requested[live[live >= 0]] = True
        under = builders.selector.comparison_indices(skus, positions, live)
        digests = builders.source_digests(content, positions, under)
        same = self.live.same_source(live, *split_halves(digests))
        self.counts.unchanged += int(same.sum())
        moved = np.flatnonzero(~same)
        known = self.outcomes.has_outcome(high[moved], low[moved])
        for place, has_outcome in zip(moved.tolist(), known.tolist(), strict=True):
            row = positions[place]
            candidate = StaleSlot(builders, row, skus[row], ids[place], content[row], int(live[place]), under[place])
            try:
                self._classify(candidate, has_outcome, planned, found)
            except PromptRenderError as fault:
                if candidate.row_position not in failed:
                    failed.add(candidate.row_position)
                    planned.rejects.append(self._reject(rows, candidate.row_position, fault))

    def _reject(self, rows: BatchRows, position: int, fault: PromptRenderError) -> Reject:
        sku = rows.column("sku")[position]
        return Reject(rows.row_number(position), sku, "prompt", f"the prompt cannot be made: {fault}"[:300])

    def _classify(
        self,
        candidate: StaleSlot,
        has_outcome: bool,
        planned: PlannedBatch,
        found: list[tuple[int, Slot, Request]],
    ) -> None:
        outcomes = list(self.outcomes.slot_outcomes(candidate.slot_id)) if has_outcome else []
        if outcomes:
            sources = {candidate.source_digest(place) for place in candidate.candidate_indices}
            if any(
                refusal.source_digest in sources and self._outcome_holds(refusal, candidate) for refusal in outcomes
            ):
                self.counts.waiting += 1
                return
        self.counts.rendered += 1
        place, request = candidate.comparison_index, candidate.build_request(candidate.comparison_index)
        kind, waits_under = (CHANGED if candidate.live_position >= 0 else NEW), candidate.candidate_indices
        if candidate.live_position >= 0 and self.live.has_request_key(candidate.live_position, request.key):
            if self.live.finish_digest(candidate.live_position) == request.finish_digest:
                self.counts.unchanged += 1
                planned.refreshed.append((candidate.slot_id, "manifest", candidate.source_digest(place), request.key))
                return
            # The same picture in another finish: only a person's word against that finish holds it back.
            outcomes, waits_under = [refusal for refusal in outcomes if refusal.state == SlotState.WITHDRAWN], [place]
        elif candidate.assigned_index != place:
            place = candidate.assigned_index
            request = candidate.build_request(place)
        for other in waits_under if outcomes else ():
            asked = request if other == place else candidate.build_request(other)
            refusal = next((refusal for refusal in outcomes if refusal.request_key == asked.key), None)
            if refusal is None:
                continue
            same_finish = refusal.finish_digest == asked.finish_digest
            if same_finish and self._keeps_waiting(refusal, candidate) and not _is_prompt_outcome(refusal):
                self.counts.waiting += 1
                planned.refreshed.append((candidate.slot_id, "outcomes", candidate.source_digest(other), asked.key))
                return
            if refusal.state in REFUSED_BY_GATES:
                kind, place, request = WAITING, other, asked
                break
        file_sha = self.live.file_sha(candidate.live_position) if candidate.live_position >= 0 else None
        slot = candidate.builders.builders[place].build_slot(
            candidate.row_position, candidate.slot_id, candidate.source_digest(place), kind, request.key, file_sha
        )
        found.append((candidate.row_position, slot, request))

    def _outcome_holds(self, outcome: Outcome, candidate: StaleSlot) -> bool:
        """Tell whether a refusal of this very source holds: one of a key that is live does not, save a withdrawal."""
        live = candidate.live_position >= 0 and self.live.has_request_key(candidate.live_position, outcome.request_key)
        return self._keeps_waiting(outcome, candidate) and (outcome.state == SlotState.WITHDRAWN or not live)

    def _keeps_waiting(self, outcome: Outcome, candidate: StaleSlot) -> bool:
        if outcome.state == SlotState.WITHDRAWN:
            return True
        if outcome.state in REFUSED_BY_GATES:
            return outcome.policy_digest == self.policy_digest
        return outcome.state == SlotState.FAILED and outcome.attempts >= candidate.builders.common_recipe.tier.attempts

    def _add_slot(self, slot: Slot, request: Request, brand: str, planned: PlannedBatch) -> None:
        half = slot.request_key[:16] + slot.finish_digest[:8].encode()
        rank, deadline = PRIORITIES.index(request.priority), to_epoch_us(request.deadline)
        before = known = self._requested.get(half)
        if known is None:
            known = _PlannedRequest(
                *self.prompt_gate.evaluate_prompt(request.prompt), is_made=False, rank=rank, deadline=deadline
            )
            self.counts.requests += 1
        elif rank < known.rank or deadline < known.deadline:
            known = known._replace(rank=min(rank, known.rank), deadline=min(deadline, known.deadline))
            self._raise_priority(half, request, known, planned)
        verdict = known.verdict
        if known.brands:
            own = self.prompt_gate.evaluate_brands(known.brands, brand)
            slot.verdict, slot.reasons = own.decision, own.reasons
            verdict = combine_verdicts((verdict, own))
        if before is None or (verdict == PASS and not known.is_made):
            self._add_request(half, request, verdict, planned)
            known = known._replace(is_made=verdict == PASS)
        if known is not before:
            self._requested[half] = self._interned.setdefault(known, known)
        planned.slots.append(slot)
        self._count_slot(slot, verdict, planned)

    def _add_request(self, half: bytes, request: Request, verdict: Verdict, planned: PlannedBatch) -> None:
        """Ask for a request, or let one of this batch that was refused for its first slots be made after all."""
        refused = self._batch_requests.get(half)
        if refused is not None:
            refused.verdict = verdict
            return
        request.verdict = verdict
        planned.requests.append(request)
        self._batch_requests[half] = request

    def _count_slot(self, slot: Slot, verdict: Verdict, planned: PlannedBatch) -> None:
        if verdict.reasons:
            planned.prompt_gate_reasons.update(verdict.reasons)
        if slot.kind == WAITING:
            self.counts.waiting += 1
            self.counts.decided_anew += 1
            return
        self.counts.new += slot.kind == NEW
        self.counts.changed += slot.kind == CHANGED
        self.counts.blocked += verdict.decision == "BLOCK"
        self.counts.review += verdict.decision == "REVIEW"

    def _raise_priority(
        self, half: bytes, request: Request, planned_request: "_PlannedRequest", planned: PlannedBatch
    ) -> None:
        """Let a shared request have the highest priority and the earliest deadline of its rows."""
        first = self._batch_requests.get(half)
        if first is None:
            planned.priority_raises.append((request.key, planned_request.rank, planned_request.deadline))
            return
        first.priority = PRIORITIES[planned_request.rank]
        if to_epoch_us(request.deadline) == planned_request.deadline:
            first.deadline = request.deadline


def _is_prompt_outcome(outcome: Outcome) -> bool:
    """Tell whether the prompt gates refused it: what they look at may have moved without moving the prompt."""
    return outcome.state in REFUSED_BY_GATES and outcome.image_key is None


class _PlannedRequest(NamedTuple):
    """What the prompt gates said of a request, whether any slot may have it, and the urgency of its most urgent row."""

    verdict: Verdict
    brands: tuple[str, ...]
    is_made: bool
    rank: int
    deadline: int
