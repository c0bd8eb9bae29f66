"""Planner: joins the catalogue with the live manifest and the outcomes to find new, changed and waiting slots.

Inputs: accepted rows, batch by batch; the current release; the outcomes; a recipe. Outputs: for each batch the slots to
decide, the requests to generate and the source digests to refresh.

A slot whose source digest equals the live one is unchanged, and no prompt is rendered for it, so an unchanged catalogue
costs two hashes a slot. A slot with an outcome of the same source waits in the same way.

The join is a Python loop over sorted arrays rather than a table join: each batch probes the arrays in one vectorised
search, only the slots that differ are handled one by one, and 2,000,000 live rows take about 160 MB. A table join would
need the rendered slots as a table first, and a slot is compared under the model version that made it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
import pyarrow as pa

from catalogs.answers.answer_index import AnswerIndex
from catalogs.indexes.digest_index import split_halves
from catalogs.ingest.rows import BatchRows
from catalogs.keys import slot_id_of_bytes, slot_suffix
from catalogs.planning.answered_requests import begin_at_answer
from catalogs.planning.batch_in_progress import BatchInProgress
from catalogs.planning.caption_length import CaptionLengths
from catalogs.planning.current_state import CurrentRelease, Outcome, OutcomeIndex
from catalogs.planning.edited_prompts import EditedPrompts
from catalogs.planning.former_requests import FormerRequests
from catalogs.planning.holding_outcomes import HoldingRules, OutcomeMatch
from catalogs.planning.kept_requests import open_request_builder
from catalogs.planning.kept_rows import KeptRows
from catalogs.planning.lapsed_reviews import LapsedReviews
from catalogs.planning.other_attempts import OtherAttempts
from catalogs.planning.plan import CHANGED, NEW, WAITING, PlanCounts, PlannedBatch, Request, Slot
from catalogs.planning.planned_elsewhere import PlannedElsewhere
from catalogs.planning.prompt_syntax import PromptSyntax
from catalogs.planning.related_slots import RelatedSlots
from catalogs.planning.request_deduplication import SharedRequests
from catalogs.planning.resolved_photos import PhotoResolver, UnreadPhotos, restore_photos
from catalogs.planning.retry_rules import RetryClock
from catalogs.planning.stage_selection import open_selector
from catalogs.planning.version_selection import StaleSlot, VersionedRequestBuilders
from catalogs.planning.waiting_slots import WaitingSlots
from catalogs.policy.brands.shop_brands import ShopBrands
from catalogs.policy.prompt_rules import PromptGate
from catalogs.recipe.effective_recipe import EffectiveRecipes
from catalogs.recipe.schema import Recipe
from catalogs.recipe.templates import PromptRenderError
from catalogs.slot_states import SlotState
from catalogs.stages.library import StageLibrary
from catalogs.verdict import Verdict


@dataclass
class Planner:
    """Plans a catalogue batch by batch. Batches may have any size; their order is the plan's order."""

    recipe: Recipe
    live: CurrentRelease
    outcomes: OutcomeIndex
    policy_digest: str
    prompt_gate: PromptGate
    clock: RetryClock
    review_days: int
    backfill: int | None = None
    elsewhere: PlannedElsewhere = field(default_factory=PlannedElsewhere)
    read_negatives: Callable[[], Sequence[str]] = tuple
    """The negative prompts of the recipes that made what is live."""
    captions: CaptionLengths = field(default_factory=CaptionLengths)
    shop_brands: ShopBrands | None = None
    answers: AnswerIndex = field(default_factory=AnswerIndex)
    photos: PhotoResolver = field(default_factory=UnreadPhotos)
    stages: Mapping[str, StageLibrary] = field(default_factory=dict)
    counts: PlanCounts = field(default_factory=PlanCounts)

    def __post_init__(self) -> None:
        self.waiting = WaitingSlots(self.clock, self.review_days)
        self.lapsed = LapsedReviews(self.live, self.outcomes)
        self.rules = HoldingRules(self.live, self.policy_digest, self.clock, self.shop_brands, self.answers)
        self._edits = EditedPrompts(self.answers)
        self._others = OtherAttempts(self.live, self.answers)
        self.effective_recipes = EffectiveRecipes(self.recipe, self.photos.cutters, self.stages)
        self.kept_rows = KeptRows(self.recipe, self.photos)
        self._selector_of = cache(partial(open_selector, self.recipe, self.stages, self.live, self.backfill))
        self._former = FormerRequests(self.recipe, self.live, self.outcomes, self.read_negatives)
        self.syntax = PromptSyntax()
        self._shared_requests = SharedRequests(self.prompt_gate, self.counts, self.answers)

    def plan_batch(self, table: pa.Table) -> PlannedBatch:
        """Return the plan of one batch of accepted rows."""
        batch = BatchInProgress(BatchRows(table))
        for shape, positions in self.kept_rows.group_rows(batch.rows).items():
            self.syntax.add_rows(self.recipe, shape, batch.rows, positions)
            selector = self._selector_of(shape)
            for view in shape.views:
                recipes = [
                    self.effective_recipes.get(shape.category, view, shape.variant, shape.tier, name)
                    for name in selector.version_names
                ]
                for index in range(shape.num_images):
                    builders = [open_request_builder(batch.rows, recipe, index, self.outcomes) for recipe in recipes]
                    self._compare_slots(batch, positions, VersionedRequestBuilders(selector, builders))
        self._shared_requests.begin_batch()
        brands, own_prompts = batch.rows.column("brand"), batch.rows.column("prompt")
        for position, slot, request in batch.slots:
            batch.presence.decided[position] = True
            if position in batch.failed_positions:
                continue
            if self.elsewhere.has(slot):
                self.counts.in_progress += 1
                continue
            if not own_prompts[position]:  # those were looked at as they came
                self.syntax.add_prompt(slot.sku, request.prompt)
            request.for_new_sku = not batch.presence.live[position]
            self._shared_requests.add_slot(slot, request, brands[position], batch.planned)
        restore_photos(self.photos, batch.planned.requests)
        batch.planned.source_rows = self.kept_rows.select_source_rows(table, {position for position, *_ in batch.slots})
        self.waiting.add_rows(batch.rows.column("sku"), batch.presence)
        return batch.planned

    def verdict_on(self, slot: Slot) -> Verdict:
        """Return the prompt gates' verdict on a slot that was planned to be decided."""
        return self._shared_requests.verdict_on(slot)

    def _compare_slots(
        self, batch: BatchInProgress, positions: Sequence[int], builders: VersionedRequestBuilders
    ) -> None:
        """Compare one slot of each of these rows with the live manifest by its source digest."""
        recipe, skus = builders.common_recipe, batch.rows.column("sku")
        names, content = batch.rows.joined_bytes(("sku",)), batch.rows.joined_bytes(recipe.fields)
        suffix = slot_suffix(recipe.view, recipe.variant, builders.index)
        slot_ids = [slot_id_of_bytes(names[position], suffix) for position in positions]
        high, low = split_halves(slot_ids)
        live = self.live.index.find(high, low)
        self.live.requested[live[live >= 0]] = True
        related = RelatedSlots(self.live, batch.rows, batch.planned, positions, slot_ids)
        live = related.find_renamed(suffix, live)
        replacing = related.find_replaced(recipe.view, recipe.variant, builders.index)
        batch.presence.live[np.asarray(positions)[live >= 0]] = True
        batch.presence.live[replacing] = True
        versions = builders.comparison_indices(skus, positions, live)
        digests = builders.source_digests(content, positions, versions)
        same = self._edits.same_source(self.live, live, split_halves(digests)) & ~self._others.select(live)
        self.counts.unchanged += int(same.sum())

        def slot_at(index: int) -> StaleSlot:
            row, live_position = positions[index], int(live[index])
            return StaleSlot(builders, row, skus[row], slot_ids[index], content[row], live_position, versions[index])

        for index in self.lapsed.select(live, same):
            self._end_lapsed(slot_at(index))
        stale = np.flatnonzero(~same)
        self.outcomes.mark_requested(high[stale], low[stale])
        has_outcome = self.outcomes.has_outcome(high[stale], low[stale])
        for index, known in zip(stale.tolist(), has_outcome.tolist(), strict=True):
            slot = slot_at(index)
            outcomes = list(self.outcomes.slot_outcomes(slot.slot_id)) if known else []
            try:
                self._classify(slot, outcomes, batch)
            except PromptRenderError as error:
                batch.reject(slot.row_position, error)

    def _end_lapsed(self, slot: StaleSlot) -> None:
        """End the reviews of an unchanged slot that its row asks for under none of the versions it may wait with."""
        asked = set()
        with suppress(PromptRenderError):  # then nobody knows what it asks for
            for version in {*slot.candidate_indices, slot.comparison_index}:
                request = self._build_request(slot, version)
                asked |= {each.key for each in (request, *self._former.variants(slot, version, request))}
            self.lapsed.end(slot.slot_id, slot.live_position, asked)

    def _classify(self, slot: StaleSlot, outcomes: list[Outcome], batch: BatchInProgress) -> None:
        """Add a stale slot to those to decide, unless it waits or only its source digest has moved.

        Four exits, in this order: an outcome of this very source still holds (waiting, nothing rendered); the live
        image shows the rendered request (unchanged, its digest is refreshed); an outcome of the rendered request still
        holds (waiting, its digest is refreshed); else the slot is decided.
        """
        holding = self._find_holding_outcome(slot, outcomes)
        if holding is not None:
            self._wait(slot, holding, batch)
            return
        self.rules.take_new_answers(outcomes, slot.sku, self._others.find(slot.live_position))
        self.counts.rendered += 1
        version, request = slot.comparison_index, self._build_request(slot, slot.comparison_index)
        kind, outcome_versions = (CHANGED if slot.is_live else NEW), slot.candidate_indices
        if not self._is_live_request(slot, request.key):
            request = self._former.find_live(slot, version, request) or request
        if self._is_live_request(slot, request.key):
            if self._others.keeps(slot.live_position, request):
                self.counts.unchanged += 1
                source, finish = slot.source_digest(version, request.edit), request.finish_digest
                batch.planned.refreshed.append((slot.slot_id, "manifest", source, request.key, finish))
                if outcomes:
                    self._end_lapsed(slot)
                return
            # Another attempt, or the same image in another finish: only an outcome of that finish holds it back.
            outcomes = [outcome for outcome in outcomes if outcome.finish_digest == request.finish_digest]
            outcome_versions = [version]
        elif slot.assigned_index != version:
            version = slot.assigned_index
            request = self._build_request(slot, version)
        version, match = self._match_outcome(slot, outcomes, outcome_versions, (version, request)) or (version, None)
        if match is not None and match.waits:
            self._wait(slot, match.outcome, batch)
            source = slot.source_digest(version, match.request.edit)
            finish = match.outcome.finish_digest
            batch.planned.refreshed.append((slot.slot_id, "outcomes", source, match.request.key, finish))
            return
        if match is not None:
            kind, request = WAITING, match.request
        elif not self._is_live_request(slot, request.key):
            request = self._former.share(slot, version, request)
        begin_at_answer(request, self.answers.of_request(request.key))
        self.captions.require_short(request)
        batch.slots.append((slot.row_position, self._build_slot(slot, version, kind, request), request))

    def _wait(self, slot: StaleSlot, outcome: Outcome, batch: BatchInProgress) -> None:
        """Count a slot that an outcome holds back."""
        self.counts.waiting += 1
        self.waiting.add_slot(outcome)
        batch.presence.waiting[slot.row_position] = True

    def _match_outcome(
        self, slot: StaleSlot, outcomes: Sequence[Outcome], versions: Sequence[int], rendered: tuple[int, Request]
    ) -> tuple[int, OutcomeMatch] | None:
        """Return the first of these versions under which an outcome binds the slot, with the outcome, or None.

        `rendered` is a version with its request, so that it is not rendered twice.
        """
        for version in versions if outcomes else ():
            request = rendered[1] if version == rendered[0] else self._build_request(slot, version)
            keyed = (request, *self._former.variants(slot, version, request))
            if (match := self.rules.match_rendered(keyed, outcomes, slot.attempts, slot.sku)) is not None:
                return version, match
        return None

    def _build_request(self, slot: StaleSlot, version: int) -> Request:
        """Return the slot's request under a version, with the prompt that a person wrote for it."""
        request = slot.build_request(version)
        if not len(self._edits) or request.kept is not None:
            return request
        others = partial(self._former.other_keys, slot, version)
        return self._edits.replace(request, lambda prompt: slot.build_request(version, prompt), others)

    def _build_slot(self, slot: StaleSlot, version: int, kind: str, request: Request) -> Slot:
        file_sha = self.live.file_sha(slot.live_position) if slot.is_live else None
        return slot.builders.builders[version].build_slot(
            slot.row_position, slot.slot_id, slot.source_digest(version, request.edit), kind, request.key, file_sha
        )

    def _is_live_request(self, slot: StaleSlot, request_key: bytes) -> bool:
        return slot.is_live and self.live.has_request_key(slot.live_position, request_key)

    def _find_holding_outcome(self, slot: StaleSlot, outcomes: Sequence[Outcome]) -> Outcome | None:
        """Return an outcome of the slot's very source that holds: then its prompt need not be rendered.

        An outcome of what is live, the same request in the same finish, does not hold, unless it is a withdrawal.
        """
        if not outcomes:
            return None
        sources = {slot.source_digest(version) for version in slot.candidate_indices}
        of_live = {*sources, slot.source_digest(slot.comparison_index)}
        holding = (
            outcome
            for outcome in outcomes
            if self._edits.is_of_source(
                outcome.source_digest,
                of_live if self._is_live_request(slot, outcome.request_key) else sources,
                outcome.request_key,
            )
            and self.rules.still_holds(outcome, slot.attempts, slot.sku)
            and (outcome.state == SlotState.WITHDRAWN or not self._others.shows(slot.live_position, outcome))
        )
        return next(holding, None)
