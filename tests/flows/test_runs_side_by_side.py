"""A6: two runs of one catalogue that overlap paint each image once: the younger leaves out what the other has planned.

Before: 60 images painted for 30 new SKUs, 53 where the second began at 40 % of the first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalogs.runs.job import Scope
from flows.run.observers import NullObserver
from infra.settings import Settings
from infra.testing.faulty_store import FaultInjector, InjectedFault
from tests.fixtures.crash_harness import (
    CrashHarness,
    JsonObject,
    assert_slots_accounted_for,
    assert_store_consistent,
    catalogue_row,
    published_slots,
)

NEW_SKUS = [catalogue_row(f"new-{number:02d}", f"Plain Thing {number}") for number in range(30)]
OVERLAPS: list[tuple[Scope, Scope]] = [("full", "partial"), ("partial", "full"), ("partial", "partial")]


@dataclass
class InterruptedHarness(CrashHarness):
    """A shop in which something else happens before the n-th image is painted."""

    happens: Callable[[], None] = lambda: None
    at_image: int = 1

    def record_generated(self, key: str) -> None:
        """Count an image, and let the other thing happen before it."""
        super().record_generated(key)
        if self.generated.total() == self.at_image:
            self.happens()


@pytest.mark.parametrize(("first", "second"), OVERLAPS, ids=["+".join(pair) for pair in OVERLAPS])
@pytest.mark.parametrize("at_image", [1, 12], ids=["at once", "at 40 %"])
def test_thirty_new_skus_are_painted_thirty_times(tmp_path: Path, first: Scope, second: Scope, at_image: int) -> None:
    settings = Settings(shard_size=8)
    world = InterruptedHarness(tmp_path / "world", NEW_SKUS, settings=settings, at_image=at_image)
    beside = CrashHarness(
        tmp_path / "beside", NEW_SKUS, settings=settings, url_override=world.url, generated=world.generated
    )
    reports: list[JsonObject] = []
    world.happens = lambda: reports.append(beside.refresh(scope=second))
    reports.insert(0, world.refresh(scope=first))
    names = ("new", "changed", "in_progress", "published", "superseded", "retired")
    assert [[report["slots"][name] for name in names] for report in reports] == [
        [30, 0, 0, 30, 0, 0],
        [0, 0, 30, 0, 0, 0],
    ]
    assert (world.generated.total(), len(world.generated)) == (30, 30), "images were painted twice"
    for report in reports:
        assert_slots_accounted_for(report)
    assert len(published_slots(world.tables)) == 30
    assert_store_consistent(world.store, world.tables)


def test_what_has_changed_since_is_not_left_to_the_run_that_planned_it_before(tmp_path: Path) -> None:
    world = InterruptedHarness(tmp_path / "world", NEW_SKUS[:6])
    edited = [{**row, "title": f"{row['title']} in red"} for row in NEW_SKUS[:2]]
    beside = CrashHarness(tmp_path / "beside", [*edited, *NEW_SKUS[2:8]], url_override=world.url)
    reports: list[JsonObject] = []
    world.happens = lambda: reports.append(beside.refresh(scope="partial"))
    behind = world.refresh()
    (report,) = reports
    assert [report["slots"][name] for name in ("new", "in_progress", "published")] == [4, 4, 4]
    assert [behind["slots"][name] for name in ("published", "superseded")] == [4, 2]
    assert len(published_slots(world.tables)) == 8


def test_what_a_dead_run_has_planned_is_made_by_the_next_one(tmp_path: Path) -> None:
    world = CrashHarness(tmp_path, NEW_SKUS[:4])
    faults = FaultInjector()
    with pytest.raises(InjectedFault):
        world.refresh(faults, observer=FailingAtGenerate(faults))
    world.clear_dead_leases()
    report = world.refresh(scope="partial")
    assert [report["slots"][name] for name in ("new", "in_progress", "published")] == [4, 0, 4]


class BeforeStage(NullObserver):
    """Lets something happen before a stage."""

    def __init__(self, stage: str, happens: Callable[[], object]) -> None:
        self.stage, self.happens = stage, happens

    def on_stage(self, name: str) -> None:
        """Have it happen."""
        if name == self.stage:
            self.happens()


def test_two_runs_that_decide_before_either_commits_publish_one_of_two_copies(tmp_path: Path) -> None:
    """A7. Before: both were published, and every later run called them unchanged."""
    rows = [catalogue_row("ball", "Yoga Ball", note="[copycat]"), catalogue_row("copy", "Gym Ball", note="[copycat]")]
    world = CrashHarness(tmp_path / "world", [*NEW_SKUS[:2], rows[0]])
    beside = CrashHarness(tmp_path / "beside", [*NEW_SKUS[2:4], rows[1]], url_override=world.url)
    reports: list[JsonObject] = []
    other = BeforeStage("publish", lambda: reports.append(beside.refresh(scope="partial")))
    reports.append(world.refresh(observer=other))
    assert [[report["slots"][name] for name in ("published", "superseded")] for report in reports] == [[3, 0], [2, 1]]
    for report in reports:
        assert_slots_accounted_for(report)
    world.rows = [*NEW_SKUS[:4], *rows]
    report = world.refresh()
    assert [report["slots"][name] for name in ("new", "published", "blocked")] == [1, 0, 1]
    assert "copy/front/a/0" in published_slots(world.tables)
    assert "ball/front/a/0" not in published_slots(world.tables)


def test_a_held_batch_is_compared_with_what_is_live_when_it_is_released(tmp_path: Path) -> None:
    """Before: a copy was published of what a partial run had published while the batch was held."""
    world = CrashHarness(tmp_path / "world", NEW_SKUS[:6])
    world.refresh()
    world.rows = [*NEW_SKUS[:4], catalogue_row("ball", "Yoga Ball", note="[copycat]")]
    held = world.refresh()
    assert held["held"] == ["retired-share"]
    copy = [catalogue_row("copy", "Gym Ball", note="[copycat]")]
    beside = CrashHarness(tmp_path / "beside", copy, url_override=world.url)
    assert beside.refresh(scope="partial")["slots"]["published"] == 1
    report = world.release(held["run_id"], held["held"])
    assert [report["slots"][name] for name in ("new", "published", "superseded", "retired")] == [1, 0, 1, 2]
    assert {slot.split("/")[0] for slot in published_slots(world.tables)} == {*(r["sku"] for r in NEW_SKUS[:4]), "copy"}


def test_what_a_killed_run_left_to_one_that_died_too_is_made_when_the_command_is_given_again(tmp_path: Path) -> None:
    """Before: the run was resumed with its old plan, and the slots that it had left waited for another night."""
    dies, dies_too = FaultInjector(), FaultInjector()
    world = CrashHarness(tmp_path / "world", NEW_SKUS[:4])
    beside = InterruptedHarness(tmp_path / "beside", NEW_SKUS[:4], url_override=world.url)

    def both_die() -> None:
        with pytest.raises(InjectedFault):
            world.refresh(dies, observer=FailingAtGenerate(dies))
        dies_too.fail_at = dies_too.operation_count + 1

    beside.happens = both_die
    with pytest.raises(InjectedFault):
        beside.refresh(dies_too, scope="partial")
    world.clear_dead_leases()
    report = world.refresh()
    assert [report["slots"][name] for name in ("new", "in_progress", "published")] == [4, 0, 4]


class FailingAtGenerate(NullObserver):
    """Lets the store die once the plan is written."""

    def __init__(self, faults: FaultInjector) -> None:
        self._faults = faults

    def on_stage(self, name: str) -> None:
        """Have the next operation fail."""
        if name == "generate":
            self._faults.fail_at = self._faults.operation_count + 1
