"""Planning: what it reads from a catalogue, writes into a run's folder, and retires."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalogs import layout
from catalogs.errors import CatalogueError
from catalogs.keys import slot_id
from catalogs.planning.budget import BudgetLimits, CostModel
from catalogs.planning.plan import Plan
from catalogs.planning.sharding import SHARDS_PER_PART
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import RefreshJob
from catalogs.table_schemas import DEFERRALS, ENDED_SLOTS, REJECTS, REQUESTS, RETIRED_SLOTS, SLOTS
from infra.stores.parquet_objects import read_row_group, read_row_groups, read_table
from infra.testing.memory_photos import MemoryPhotos
from tasks.gates.prompt_gate import PlanGates, PolicyPromptGate
from tasks.pipeline.plan import make_plan
from tasks.pipeline.stored_plan import load_plan
from tests.fixtures.refresh_harness import write_csv
from tests.fixtures.run_rows import RUN_ID
from tests.fixtures.sample_recipe import RECIPE
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

MUG = {"sku": "mug", "title": "Red mug"}
BOOT = {"sku": "boot", "title": "Winter boot", "category": "boots"}
GUN = {"sku": "gun", "title": "Cocaine in a bag"}
LONG = {"sku": "long", "title": "so " * 3000}
"""Its field is short enough and its prompt is not: accepted at first, rejected when it is rendered."""
WIDE = {"sku": "wide", "title": "Wide mug", "width": "70"}
NAMELESS = {"sku": "", "title": "Nameless"}
COLUMNS = dict.fromkeys(("sku", "title", "category", "width"), "")


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path / "store")


def job(scenario: StoreScenario, rows: Sequence[Mapping[str, str]], **other: Any) -> RefreshJob:
    source = scenario.folder.parent / "catalogue.csv"
    write_csv(source, [COLUMNS | dict(row) for row in rows] or [COLUMNS])
    if not rows:
        source.write_text(",".join(COLUMNS) + "\n")
    return RefreshJob(str(source), str(scenario.folder), CATALOGUE, RECIPE, built_in_policy(), **other)


def plan_of(scenario: StoreScenario, *rows: Mapping[str, str], run_id: str | None = RUN_ID, **other: Any) -> Plan:
    terms = other.pop("terms", CostModel(seconds_per_megapixel=2.0))
    return make_plan(job(scenario, rows, **other), scenario.store, scenario.tables, run_id, 2, terms)


def retired(scenario: StoreScenario) -> set[str]:
    return set(read_table(scenario.store, layout.RunFiles(RUN_ID).retired, RETIRED_SLOTS)["sku"].to_pylist())


def test_a_plan_counts_every_row_and_keeps_each_slot_and_each_request(scenario: StoreScenario) -> None:
    plan = plan_of(scenario, MUG, BOOT, GUN, LONG, WIDE)
    assert asdict(plan.rows) == {"input": 5, "accepted": 3, "rejected": 2, "ignored": 0}
    assert (plan.slots.new, plan.slots.blocked, plan.slots.requests, plan.images) == (4, 1, 4, 3)
    assert plan.reasons == {"words.drugs": 1}
    assert plan.gpu_seconds == pytest.approx(3 * 512 * 512 / 1e6 * 2.0)
    slots = read_table(scenario.store, layout.RunFiles(RUN_ID).slots, SLOTS).to_pylist()
    assert sorted((row["sku"], row["view"]) for row in slots) == [
        ("boot", "front"),
        ("boot", "side"),
        ("gun", "front"),
        ("mug", "front"),
    ]
    rejects = read_table(scenario.store, layout.RunFiles(RUN_ID).rejects, REJECTS).to_pylist()
    assert {row["sku"]: (row["row"], row["column"]) for row in rejects} == {"long": (4, "prompt"), "wide": (5, "width")}


def test_a_shard_is_a_row_group_and_refused_prompts_are_in_none(scenario: StoreScenario) -> None:
    plan = plan_of(scenario, MUG, BOOT, GUN)
    assert [shard.requests for shard in plan.shards] == [2, 1]
    groups = [
        read_row_group(scenario.store, layout.RunFiles(RUN_ID).requests(shard.part), shard.row_group, REQUESTS)
        for shard in plan.shards
    ]
    assert [set(group["shard"].to_pylist()) for group in groups] == [{shard.name} for shard in plan.shards]
    assert {word for group in groups for word in group["verdict"].to_pylist()} == {"PASS"}
    [refused] = read_row_groups(scenario.store, layout.RunFiles(RUN_ID).requests("refused"))
    assert refused["prompt"].to_pylist() == ["Photo of Cocaine in a bag, front view"]


def test_a_plan_says_how_many_prompts_are_refused_and_why(scenario: StoreScenario) -> None:
    rows = [MUG, GUN, {"sku": "nude", "title": "Nude print"}, {"sku": "mokka", "title": "Kanne mit Deckel und Henkel"},
            {"sku": "swoosh", "title": "Nike mug"}, {"sku": "swoosh-2", "title": "Nike mug"}]  # fmt: skip
    plan = plan_of(scenario, *rows)
    assert (plan.slots.new, plan.slots.blocked, plan.slots.review, plan.images) == (6, 1, 4, 1)
    assert plan.reasons == {"brand.other": 2, "language.unexpected": 1, "words.drugs": 1, "words.nudity": 1}


def test_another_gate_may_be_given(scenario: StoreScenario) -> None:
    gates = PolicyPromptGate(built_in_policy(), ["en", "de"])
    german = {"sku": "mokka", "title": "Kanne mit Deckel und Henkel"}
    terms = CostModel(seconds_per_megapixel=2.0)
    plan = make_plan(job(scenario, [german]), scenario.store, scenario.tables, None, 2, terms, PlanGates(gates))
    assert (plan.slots.review, plan.images) == (0, 1)


def test_a_dry_run_says_the_same_and_writes_nothing(scenario: StoreScenario) -> None:
    scenario.release("r0", {"gone/front": "red"})
    before = scenario.keys()
    dry = plan_of(scenario, MUG, BOOT, GUN, WIDE, run_id=None)
    assert scenario.keys() == before
    assert dry == plan_of(scenario, MUG, BOOT, GUN, WIDE)
    assert dry.retired == 1


def test_an_empty_catalogue_is_refused_before_it_retires_the_shop(scenario: StoreScenario) -> None:
    scenario.release("r0", {"mug/front": "red"})
    with pytest.raises(CatalogueError, match="has no rows; nothing was planned and nothing is retired"):
        plan_of(scenario)
    assert load_plan(scenario.store, RUN_ID) is None
    assert retired(scenario) == set()


@pytest.mark.parametrize("reject", [WIDE, LONG])
def test_what_the_catalogue_dropped_is_retired_and_a_rejected_row_keeps_its_images(
    scenario: StoreScenario, reject: dict[str, str]
) -> None:
    live = {"mug/front": "red", "mug/side": "green", "gone/front": "blue", f"{reject['sku']}/front": "grey"}
    scenario.release("r0", live)
    plan = plan_of(scenario, MUG, reject)
    assert (plan.live, plan.retired, retired(scenario)) == (4, 2, {"mug", "gone"})
    rows = read_table(scenario.store, layout.RunFiles(RUN_ID).retired, RETIRED_SLOTS).to_pylist()
    shown = {
        row["slot_id"]: row["file_sha"] for row in scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    }
    assert all(row["live_file_sha"] == shown[row["slot_id"]] for row in rows)


def test_nothing_is_retired_where_a_row_has_no_readable_sku(scenario: StoreScenario) -> None:
    scenario.release("r0", {"mug/front": "red", "gone/front": "blue"})
    plan = plan_of(scenario, MUG, NAMELESS)
    assert (plan.retired, retired(scenario)) == (0, set())
    assert plan.warnings == ["1 rejected rows have no readable SKU: nothing is retired in this run"]


def test_a_damaged_row_is_a_reject_by_its_row_in_the_file_and_an_empty_one_is_ignored(scenario: StoreScenario) -> None:
    given = job(scenario, [MUG, BOOT])
    path = Path(given.source)
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text[:2], "torn,Red pot", ",,,", "", *text[2:]]) + "\n")
    plan = make_plan(given, scenario.store, scenario.tables, RUN_ID, 2, CostModel(seconds_per_megapixel=2.0))
    assert asdict(plan.rows) == {"input": 5, "accepted": 2, "rejected": 1, "ignored": 2}
    (reject,) = plan.rejects
    assert (reject.row, reject.sku) == (2, None)
    assert reject.reason.startswith("row 3 of 'catalogue.csv' has 2 values and the header has 4")
    assert plan.source_notes[0] == "UTF-8, separated by commas, header in row 1"
    assert any("nothing is retired" in warning for warning in plan.warnings)


def test_a_partial_run_retires_nothing_and_skus_alike_are_warned_of(scenario: StoreScenario) -> None:
    scenario.release("r0", {"mug/front": "red", "gone/front": "blue"})
    plan = plan_of(scenario, MUG, MUG | {"sku": "MUG"}, scope="partial")
    assert (plan.retired, retired(scenario)) == (0, set())
    assert plan.warnings == [
        "1 × SKUs that differ from another one by upper and lower case only; they are kept apart: 'MUG' in row 2"
    ]


def test_every_shard_stands_where_the_plan_says_also_in_a_second_part(scenario: StoreScenario) -> None:
    skus = [f"sku-{number}" for number in range(SHARDS_PER_PART + 5)]
    rows = [{"sku": sku, "title": f"Mug {sku}", "priority": "high" if sku == "sku-9" else ""} for sku in skus]
    pq.write_table(pa.Table.from_pylist(rows), scenario.folder.parent / "catalogue.parquet")
    large = replace(job(scenario, [MUG]), source=str(scenario.folder.parent / "catalogue.parquet"))
    plan = make_plan(large, scenario.store, scenario.tables, RUN_ID, 1)
    assert [shard.part for shard in plan.shards[:2]] == ["0-00000", "1-00000"]
    assert plan.shards[-1].part == "1-00001"
    for shard in (*plan.shards[:3], *plan.shards[-7:]):
        [row] = read_row_group(
            scenario.store, layout.RunFiles(RUN_ID).requests(shard.part), shard.row_group, REQUESTS
        ).to_pylist()
        assert row["shard"] == shard.name
    parts = read_row_groups(scenario.store, layout.RunFiles(RUN_ID).requests_prefix)
    assert len({prompt for part in parts for prompt in part["prompt"].to_pylist()}) == len(skus)


def test_a_budget_leaves_requests_out_and_says_why(scenario: StoreScenario) -> None:
    half = CostModel(stub_seconds=1.0, budget=BudgetLimits(engine_seconds=2.0))
    plan = plan_of(scenario, MUG, BOOT, {**MUG, "sku": "twin"}, GUN, terms=half)
    assert (plan.images, plan.gpu_seconds, plan.deferred) == (2, 2.0, {"over-budget": 1})
    [row] = read_table(scenario.store, layout.RunFiles(RUN_ID).deferrals, DEFERRALS).to_pylist()
    assert row == {"shard": "1-000001", "codes": b"\x01"}
    assert load_plan(scenario.store, RUN_ID) == plan
    assert plan_of(scenario, MUG, BOOT, {**MUG, "sku": "twin"}, GUN, terms=half, run_id=None) == plan
    nothing = plan_of(
        scenario,
        MUG,
        {**MUG, "sku": "twin"},
        terms=CostModel(stub_seconds=1.0, budget=BudgetLimits(engine_seconds=0.0)),
    )
    assert (nothing.images, nothing.shards, nothing.deferred) == (0, [], {"over-budget": 2})


def refuse_planned_slots(scenario: StoreScenario, **columns: Any) -> None:
    """Remember the slots of the plan in the run's folder as reviews."""
    for number, slot in enumerate(read_table(scenario.store, layout.RunFiles(RUN_ID).slots, SLOTS).to_pylist()):
        source = {name: slot[name] for name in ("slot_id", "request_key", "source_digest", "finish_digest")}
        policy = {"policy_digest": built_in_policy().digest}
        place = f"{slot['sku']}/{slot['view']}"
        scenario.commit_outcome(f"o{number}", place, slot["sku"], "review", **source, **policy, **columns)


def test_reviews_that_expired_are_counted_and_reported(scenario: StoreScenario) -> None:
    """A15: one of a SKU that is gone, or of what is live by now, is not counted."""
    plan_of(scenario, MUG)
    refuse_planned_slots(scenario, decided_at=scenario.store.now() - timedelta(days=30, minutes=1))
    scenario.commit_outcome("gone", "hat/front", "red", "review", decided_at=datetime(2026, 1, 1, tzinfo=UTC))
    plan = plan_of(scenario, MUG, run_id=None)
    assert (plan.expired, plan.reasons["review-expired"], plan.slots.waiting) == (1, 1, 1)
    assert plan.warnings == ["1 × no answer from a person in 30 days: blocked, review-expired"]
    assert (plan.skus_without_image, plan.first_skus_without_image) == (1, ["mug"])


def ended(scenario: StoreScenario) -> list[bytes]:
    rows = read_table(scenario.store, layout.RunFiles(RUN_ID).ended, ENDED_SLOTS).to_pylist()
    scenario.store.delete([layout.RunFiles(RUN_ID).ended])
    return [row["slot_id"] for row in rows]


def test_a15_outcomes_end_with_the_slots_that_a_full_run_no_longer_asks_for(scenario: StoreScenario) -> None:
    plan_of(scenario, MUG, BOOT)
    refuse_planned_slots(scenario)
    plan_of(scenario, MUG, BOOT)
    assert ended(scenario) == []
    plan_of(scenario, MUG, scope="partial")
    assert ended(scenario) == []
    plan_of(scenario, MUG, NAMELESS)
    assert ended(scenario) == [], "a row without a SKU may be any of them"
    plan_of(scenario, MUG, {**BOOT, "width": "wide"})
    assert ended(scenario) == [], "a rejected row is about to be mended"
    plan_of(scenario, MUG)
    assert sorted(ended(scenario)) == sorted(slot_id("boot", view, "a", 0) for view in ("front", "side"))


def test_a5_a_plan_says_what_faults_of_our_own_keep_and_until_when(scenario: StoreScenario) -> None:
    plan_of(scenario, MUG)
    retry_at = scenario.store.now() + timedelta(hours=20)
    refuse_planned_slots(scenario, reasons=["scanner-failed.pixels"], tries=1, retry_at=retry_at)
    plan = plan_of(scenario, MUG)
    kept = {"slots": 1, "reasons": {"scanner-failed.pixels": 1}, "next_try": retry_at.isoformat()}
    assert (plan.slots.waiting, plan.retries) == (1, kept)
    assert load_plan(scenario.store, RUN_ID) == plan


def test_a_plan_counts_photos_and_stores_what_their_requests_ask_for_and_costs_no_gpu(scenario: StoreScenario) -> None:
    rows = [{**MUG, "photo": "mug.jpg"}, {**BOOT, "photo": "gone.jpg"}, {"sku": "lamp", "title": "Lamp"}]
    source = scenario.folder.parent / "catalogue.csv"
    given = replace(job(scenario, []), source=str(source))
    write_csv(source, [dict.fromkeys(("sku", "title", "category", "photo"), "") | row for row in rows])
    photos, terms = MemoryPhotos({"mug.jpg": "1" * 64}), CostModel(seconds_per_megapixel=2.0)
    plan = make_plan(given, scenario.store, scenario.tables, RUN_ID, 2, terms, photos=photos)
    missing = {"slots": 2, "waiting": 2, "row": 2, "sku": "boot"}
    assert plan.photos == {"slots": {"white": 3}, "reasons": {"photo.missing": missing}}
    assert (plan.images, plan.slots.blocked, plan.reasons) == (2, 2, {"photo.missing": 2})
    assert plan.gpu_seconds == pytest.approx(CostModel(seconds_per_megapixel=2.0).seconds_per_image(512, 512, 8))
    assert load_plan(scenario.store, RUN_ID) == plan
    requests = [
        row
        for shard in plan.shards
        for row in read_row_group(
            scenario.store, layout.RunFiles(RUN_ID).requests(shard.part), shard.row_group, REQUESTS
        ).to_pylist()
    ]
    assert {row["model"]: row["kept"] is not None for row in requests} == {"@photo": True, "stub": False}
    assert all(len({row["model"] for row in requests if row["shard"] == shard.name}) == 1 for shard in plan.shards)
