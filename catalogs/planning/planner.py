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

from catalogs.indexes.digest_index import words
from catalogs.ingest.overrides import PRIORITIES, split_views, whole_number
from catalogs.ingest.row_validation import Reject
from catalogs.ingest.rows import Rows
from catalogs.keys import share_of
from catalogs.planning.current_state import Live, Refusal, Refused
from catalogs.planning.plan import CHANGED, NEW, WAITING, PlanCounts, PlannedBatch, Request, Slot
from catalogs.planning.request_builder import Drafts
from catalogs.planning.schedule import moment
from catalogs.planning.version_selection import Candidate, Choices, Lineup
from catalogs.policy.prompt_rules import PromptGate
from catalogs.recipe.effective_recipe import Slices
from catalogs.recipe.schema import Recipe
from catalogs.recipe.templates import PromptFault
from catalogs.verdict import PASS, Verdict, worst


@dataclass
class Planner:
    """Joins batches of accepted rows with what is there. Batches may come in any size; their order is the plan's."""

    recipe: Recipe
    live: Live
    refused: Refused
    policy_digest: str
    gate: PromptGate
    backfill: int | None = None
    counts: PlanCounts = field(default_factory=PlanCounts)

    def __post_init__(self) -> None:
        self.slices = Slices(self.recipe)
        self._lineup = cache(lambda model: Lineup(self.recipe, model, self.live, self.backfill))
        self._requested: dict[bytes, _Asked] = {}  # by half a key
        self._asked: dict[_Asked, _Asked] = {}  # one object for all that are asked for alike
        self._fresh: dict[bytes, Request] = {}  # this batch's, which nobody has taken yet

    def batch(self, table: pa.Table) -> PlannedBatch:
        """Plan one batch of accepted rows."""
        rows = Rows(table)
        planned = PlannedBatch()
        self._fresh = {}
        failed: set[int] = set()
        found: list[tuple[int, Slot, Request]] = []
        for (category, variant, tier, model, views, count), positions in self._shapes(rows).items():
            lineup = self._lineup(model)
            for view in views:
                parts = [self.slices.get(category, view, variant, tier, name) for name in lineup.names]
                for index in range(count):
                    choices = Choices(lineup, [Drafts(rows, part, index, self.refused) for part in parts])
                    self._compare(rows, positions, choices, planned, found, failed)
        brands = rows.column("brand")
        for position, slot, request in found:
            if position not in failed:
                self._accept(slot, request, brands[position], planned)
        return planned

    def _shapes(self, rows: Rows) -> dict[tuple[str, str, str, str, tuple[str, ...], int], list[int]]:
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
                shape = resolved[cell] = self._shape(*cell)
            shapes.setdefault(shape, []).append(position)
        return shapes

    def _shape(
        self, variant: str, category: str, quality: str, model: str, views: str, count: str
    ) -> tuple[str, str, str, str, tuple[str, ...], int]:
        rule = self.recipe.rule
        known = category if category in self.recipe.categories else ""
        return (
            known,
            variant,
            quality or rule("quality", known, variant) or self.recipe.default_tier,
            model or rule("model", known, variant) or self.recipe.default_model,
            split_views(views) if views else tuple(rule("views", known, variant)),
            (whole_number(count) if count else None) or rule("num_images", known, variant) or 1,
        )

    def _variant(self, sku: str) -> str:
        place = share_of(sku, "variant")
        for name, variant in self.recipe.variants.items():
            place -= variant.share
            if place < 0:
                return name
        return name

    def _compare(
        self,
        rows: Rows,
        positions: Sequence[int],
        choices: Choices,
        planned: PlannedBatch,
        found: list[tuple[int, Slot, Request]],
        failed: set[int],
    ) -> None:
        part, skus = choices.part, rows.column("sku")
        names, content = rows.bytes_of(("sku",)), rows.bytes_of(part.fields)
        suffix = f"\x1f{part.view}\x1f{part.variant}\x1f{choices.drafts[0].index}".encode()
        ids = [sha256(names[p] + suffix).digest()[:16] for p in positions]
        high, low = words(ids)
        live = self.live.index.find(high, low)
        self.live.seen[live[live >= 0]] = True
        under = choices.lineup.under(skus, positions, live)
        digests = choices.sources(content, positions, under)
        same = self.live.same_source(live, *words(digests))
        self.counts.unchanged += int(same.sum())
        moved = np.flatnonzero(~same)
        known = self.refused.known(high[moved], low[moved])
        for place, has_outcome in zip(moved.tolist(), known.tolist(), strict=True):
            row = positions[place]
            candidate = Candidate(choices, row, skus[row], ids[place], content[row], int(live[place]), under[place])
            try:
                self._classify(candidate, has_outcome, planned, found)
            except PromptFault as fault:
                if candidate.position not in failed:
                    failed.add(candidate.position)
                    planned.rejects.append(self._reject(rows, candidate.position, fault))

    def _reject(self, rows: Rows, position: int, fault: PromptFault) -> Reject:
        sku = rows.column("sku")[position]
        return Reject(rows.number(position), sku, "prompt", f"the prompt cannot be made: {fault}"[:300])

    def _classify(
        self,
        candidate: Candidate,
        has_outcome: bool,
        planned: PlannedBatch,
        found: list[tuple[int, Slot, Request]],
    ) -> None:
        outcomes = list(self.refused.of_slot(candidate.slot_id)) if has_outcome else []
        if outcomes:
            sources = {candidate.source(place) for place in candidate.open}
            if any(refusal.source_digest in sources and self._binds(refusal, candidate) for refusal in outcomes):
                self.counts.waiting += 1
                return
        self.counts.rendered += 1
        place, request = candidate.under, candidate.request(candidate.under)
        kind, waits_under = (CHANGED if candidate.live >= 0 else NEW), candidate.open
        if candidate.live >= 0 and self.live.has_key(candidate.live, request.key):
            if self.live.finish(candidate.live) == request.finish_digest:
                self.counts.unchanged += 1
                planned.refreshed.append((candidate.slot_id, "manifest", candidate.source(place), request.key))
                return
            # The same picture in another finish: only a person's word against that finish holds it back.
            outcomes, waits_under = [refusal for refusal in outcomes if refusal.state == "withdrawn"], [place]
        elif candidate.gets != place:
            place = candidate.gets
            request = candidate.request(place)
        for other in waits_under if outcomes else ():
            asked = request if other == place else candidate.request(other)
            refusal = next((refusal for refusal in outcomes if refusal.request_key == asked.key), None)
            if refusal is None:
                continue
            same_finish = refusal.finish_digest == asked.finish_digest
            if same_finish and self._waits(refusal, candidate) and not _of_prompt(refusal):
                self.counts.waiting += 1
                planned.refreshed.append((candidate.slot_id, "outcomes", candidate.source(other), asked.key))
                return
            if refusal.state in ("review", "blocked"):
                kind, place, request = WAITING, other, asked
                break
        file_sha = self.live.file_sha(candidate.live) if candidate.live >= 0 else None
        slot = candidate.choices.drafts[place].slot(
            candidate.position, candidate.slot_id, candidate.source(place), kind, request.key, file_sha
        )
        found.append((candidate.position, slot, request))

    def _binds(self, refusal: Refusal, candidate: Candidate) -> bool:
        """Tell whether a refusal of this very source holds: one of a key that is live does not, save a withdrawal."""
        live = candidate.live >= 0 and self.live.has_key(candidate.live, refusal.request_key)
        return self._waits(refusal, candidate) and (refusal.state == "withdrawn" or not live)

    def _waits(self, refusal: Refusal, candidate: Candidate) -> bool:
        if refusal.state == "withdrawn":
            return True
        if refusal.state in ("review", "blocked"):
            return refusal.policy_digest == self.policy_digest
        return refusal.state == "failed" and refusal.attempts >= candidate.choices.part.tier.attempts

    def _accept(self, slot: Slot, request: Request, brand: str, planned: PlannedBatch) -> None:
        half = slot.request_key[:16] + slot.finish_digest[:8].encode()
        rank, deadline = PRIORITIES.index(request.priority), moment(request.deadline)
        before = known = self._requested.get(half)
        if known is None:
            known = _Asked(*self.gate.judge(request.prompt), made=False, rank=rank, deadline=deadline)
            self.counts.requests += 1
        elif rank < known.rank or deadline < known.deadline:
            known = known._replace(rank=min(rank, known.rank), deadline=min(deadline, known.deadline))
            self._raise(half, request, known, planned)
        verdict = known.verdict
        if known.brands:
            own = self.gate.judge_brands(known.brands, brand)
            slot.verdict, slot.reasons = own.word, own.reasons
            verdict = worst((verdict, own))
        if before is None or (verdict == PASS and not known.made):
            self._emit(half, request, verdict, planned)
            known = known._replace(made=verdict == PASS)
        if known is not before:
            self._requested[half] = self._asked.setdefault(known, known)
        planned.slots.append(slot)
        self._count(slot, verdict, planned)

    def _emit(self, half: bytes, request: Request, verdict: Verdict, planned: PlannedBatch) -> None:
        """Ask for a request, or let one of this batch that was refused for its first slots be made after all."""
        refused = self._fresh.get(half)
        if refused is not None:
            refused.verdict = verdict
            return
        request.verdict = verdict
        planned.requests.append(request)
        self._fresh[half] = request

    def _count(self, slot: Slot, verdict: Verdict, planned: PlannedBatch) -> None:
        if verdict.reasons:
            planned.reasons.update(verdict.reasons)
        if slot.kind == WAITING:
            self.counts.waiting += 1
            self.counts.decided_anew += 1
            return
        self.counts.new += slot.kind == NEW
        self.counts.changed += slot.kind == CHANGED
        self.counts.blocked += verdict.word == "BLOCK"
        self.counts.review += verdict.word == "REVIEW"

    def _raise(self, half: bytes, request: Request, asked: "_Asked", planned: PlannedBatch) -> None:
        """Let a shared request have the highest priority and the earliest deadline of its rows."""
        first = self._fresh.get(half)
        if first is None:
            planned.raised.append((request.key, asked.rank, asked.deadline))
            return
        first.priority = PRIORITIES[asked.rank]
        if moment(request.deadline) == asked.deadline:
            first.deadline = request.deadline


def _of_prompt(refusal: Refusal) -> bool:
    """Tell whether the prompt gates refused it: what they look at may have moved without moving the prompt."""
    return refusal.state in ("review", "blocked") and refusal.image_key is None


class _Asked(NamedTuple):
    """What the prompt gates said of a request, whether any slot may have it, and the urgency of its most urgent row."""

    verdict: Verdict
    brands: tuple[str, ...]
    made: bool
    rank: int
    deadline: int
