"""Nights of the small shop in memory: what is live, what was refused, and what tonight's plan makes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pyarrow as pa

from catalogs.planning.current_state import LIVE_COLUMNS, OUTCOME_COLUMNS, CurrentRelease, OutcomeIndex
from catalogs.planning.plan import PlanCounts, PlannedBatch, Request, Slot
from catalogs.planning.planner import Planner
from catalogs.policy.prompt_rules import PromptVerdict
from catalogs.recipe.schema import Recipe
from catalogs.table_schemas import MANIFEST, OUTCOMES
from catalogs.verdict import PASS, Verdict
from tests.catalogs.shop import RECIPE, accepted

Rows = Sequence[Mapping[str, object]]


def part_of(schema: pa.Schema, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Return rows under some columns of a table's schema."""
    arrays = [pa.array([row.get(name) for row in rows], schema.field(name).type) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


@dataclass
class Told:
    """A prompt gate that is told what to say: prompt -> verdict, and word in a prompt -> brands that it names."""

    verdict: Callable[[str], Verdict]
    brands: Mapping[str, tuple[str, ...]]

    def judge(self, prompt: str) -> PromptVerdict:
        found = {brand for word, brands in self.brands.items() if word in prompt for brand in brands}
        return PromptVerdict(self.verdict(prompt), tuple(sorted(found)))

    def judge_brands(self, found: Sequence[str], brand: str) -> Verdict:
        return PASS if {brand}.issuperset(found) else Verdict("REVIEW", ("brand.other",))


@dataclass
class Night:
    """One night's plan."""

    batches: list[PlannedBatch]
    counts: PlanCounts
    retired: int
    recipe: Recipe = RECIPE

    @property
    def slots(self) -> list[Slot]:
        return [slot for batch in self.batches for slot in batch.slots]

    @property
    def requests(self) -> list[Request]:
        return [request for batch in self.batches for request in batch.requests]

    @property
    def refreshed(self) -> list[tuple[bytes, str, bytes, bytes]]:
        return [row for batch in self.batches for row in batch.refreshed]

    @property
    def kinds(self) -> dict[str, str]:
        """Return what each slot counts as, by its name."""
        return {name_of(slot): slot.kind for slot in self.slots}


def name_of(slot: Slot) -> str:
    return f"{slot.sku} {slot.view} {slot.variant} {slot.index}"


@dataclass
class Shop:
    """A store between two nights."""

    live: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    outcomes: dict[tuple[bytes, bytes], dict[str, Any]] = field(default_factory=dict)

    def night(
        self,
        rows: Rows,
        recipe: Recipe = RECIPE,
        policy: str = "policy 1",
        judge: Callable[[str], Verdict] = lambda _: PASS,
        rows_a_batch: int = 1000,
        brands: Mapping[str, tuple[str, ...]] | None = None,
        backfill: int | None = None,
    ) -> Night:
        """Plan a catalogue whose rows must all be accepted."""
        live = CurrentRelease([part_of(MANIFEST, LIVE_COLUMNS, list(self.live.values()))])
        refused = OutcomeIndex([part_of(OUTCOMES, OUTCOME_COLUMNS, list(self.outcomes.values()))])
        planner = Planner(recipe, live, refused, policy, Told(judge, brands or {}), backfill)
        table = accepted(rows, recipe)
        starts = range(0, table.num_rows, rows_a_batch)
        batches = [planner.plan_batch(table.slice(start, rows_a_batch)) for start in starts]
        return Night(batches, planner.counts, int((~live.requested).sum()), recipe)

    def publish(self, night: Night) -> None:
        """Make every slot of the night visible, and write its refreshed digests."""
        made_by = {request.key: night.recipe.provenance_by_name[request.model].model for request in night.requests}
        for slot in night.slots:
            self.live[slot.slot_id] = {
                "slot_id": slot.slot_id,
                "source_digest": slot.source_digest,
                "request_key": slot.request_key,
                "finish_digest": slot.finish_digest,
                "file_sha": sha256(slot.slot_id + slot.request_key + slot.finish_digest.encode()).digest(),
                "model": made_by.get(slot.request_key, "stub@0"),
            }
        self.refresh(night)

    def refuse(
        self, night: Night, state: str, attempts: int = 0, policy: str = "policy 1", pictured: bool = True
    ) -> None:
        """Remember every slot of the night as refused, by its picture or by its prompt."""
        for slot in night.slots:
            self.outcomes[slot.slot_id, slot.request_key] = {
                "slot_id": slot.slot_id,
                "request_key": slot.request_key,
                "state": state,
                "attempts": attempts,
                "source_digest": slot.source_digest,
                "finish_digest": slot.finish_digest,
                "policy_digest": policy,
                "image_key": slot.request_key if pictured else None,
            }
        self.refresh(night)

    def refresh(self, night: Night) -> None:
        """Write the night's refreshed digests."""
        for slot_id, table, source, key in night.refreshed:
            row = self.live[slot_id] if table == "manifest" else self.outcomes[slot_id, key]
            assert row["request_key"] == key
            row["source_digest"] = source
