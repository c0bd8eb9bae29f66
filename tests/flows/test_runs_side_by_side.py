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


class FailingAtGenerate(NullObserver):
    """Lets the store die once the plan is written."""

    def __init__(self, faults: FaultInjector) -> None:
        self._faults = faults

    def on_stage(self, name: str) -> None:
        """Have the next operation fail."""
        if name == "generate":
            self._faults.fail_at = self._faults.operation_count + 1
