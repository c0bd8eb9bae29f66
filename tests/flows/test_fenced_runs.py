"""A10: a process that stood still while its run was taken over writes nothing any more, wherever it stood.

The sleeper and the run that takes its place are two refreshes in this process: where the sleeper shall stand still, its
store lets the other one go first. Its leases are deleted then, as if their term had ended; it does not know yet.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from catalogs import layout
from catalogs.runs.commit_kinds import FENCE_KIND
from infra.errors import LeaseLost
from infra.stores.json_objects import read_json
from infra.testing.faulty_store import FaultInjector
from tests.fixtures.crash_harness import (
    CATALOGUE,
    CrashHarness,
    JsonObject,
    assert_store_consistent,
    catalogue_row,
    plain_rows,
    published_slots,
    recorded_outcomes,
)

pytestmark = pytest.mark.usefixtures("reduced_audit")

T = TypeVar("T")
MANIFEST, OUTCOMES = layout.manifest_table(CATALOGUE), layout.outcomes_table(CATALOGUE)
X, BANNED = catalogue_row("x", "Plain Thing X"), catalogue_row("banned", "Toy Revolver")


class StandsStill(FaultInjector):
    """Kills nobody: lets somebody else go first where the first operation of a name is about to begin."""

    def __init__(self, before: str, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._before, self._meanwhile = before, meanwhile
        self.has_slept = False

    def call(self, description: str, operation: Callable[[], T]) -> T:
        """Let the other one go first, once, then do it."""
        if description.startswith(self._before) and not self.has_slept:
            self.has_slept = True
            self._meanwhile()
        return super().call(description, operation)


@pytest.fixture
def harness(tmp_path: Path) -> CrashHarness:
    """Return a shop of thirty SKUs, x among them."""
    shop = CrashHarness(tmp_path, [*plain_rows(29), X])
    shop.refresh()
    return shop


def skus(harness: CrashHarness) -> set[str]:
    return {slot.split("/")[0] for slot in published_slots(harness.tables)}


def sleep_without_x(
    harness: CrashHarness, before: str, other_rows: list[Any] | None = None, **more: Any
) -> tuple[str, JsonObject]:
    """Let a full run without x stand still, and a run with x take its place; return the sleeper's id, the report."""
    reports: list[JsonObject] = []
    sleepers: list[str] = []

    def take_over() -> None:
        [sleeper] = [info.key for info in harness.store.list(layout.open_runs_prefix(CATALOGUE))]
        sleepers.append(sleeper.rsplit("/", 1)[1].removesuffix(".json"))
        harness.clear_dead_leases()
        harness.rows = [*plain_rows(29), X] if other_rows is None else other_rows
        reports.append(harness.refresh())

    harness.rows = [*plain_rows(29), *more.get("extra", [])]
    with pytest.raises(LeaseLost, match="was taken over"):
        harness.refresh(StandsStill(before, take_over))
    return sleepers[0], reports[0]


def closed(harness: CrashHarness, run_id: str) -> dict[str, Any]:
    return read_json(harness.store, layout.RunFiles(run_id).closed)


@pytest.mark.parametrize("before", ["history of manifest", "merge into manifest"])
def test_a_sleeper_does_not_retire_what_the_newer_run_keeps(harness: CrashHarness, before: str) -> None:
    shown = published_slots(harness.tables)
    sleeper, report = sleep_without_x(harness, before)
    # The newer run changes nothing, so only the mark of its taking over stands between the sleeper and its commit.
    assert (report["slots"]["unchanged"], report["slots"]["published"]) == (len(shown), 0)
    assert published_slots(harness.tables) == shown
    assert closed(harness, sleeper)["state"] == "superseded"
    newest = harness.tables.history(MANIFEST)[0]
    assert (newest.metadata["kind"], newest.metadata["fenced"]) == (FENCE_KIND, sleeper)
    assert harness.refresh()["slots"]["unchanged"] == len(shown), "the next night has nothing to mend"
    assert_store_consistent(harness.store, harness.tables)


def test_a_sleeper_does_not_publish_beside_the_newer_run(harness: CrashHarness) -> None:
    late = catalogue_row("late", "Plain Thing Late")
    sleeper, report = sleep_without_x(harness, "merge into manifest", extra=[late])
    assert "late" not in skus(harness)
    assert closed(harness, sleeper)["state"] == "superseded"
    assert report["run_id"] != sleeper


def test_a_sleeper_that_refused_only_writes_no_outcome_over_a_newer_one(harness: CrashHarness) -> None:
    sleeper, _ = sleep_without_x(harness, "merge into outcomes", extra=[X, BANNED])
    assert recorded_outcomes(harness.tables) == {}
    assert closed(harness, sleeper)["state"] == "superseded"


def test_a_sleeper_after_its_manifest_commit_is_completed_once_and_closed_by_the_other(harness: CrashHarness) -> None:
    late = catalogue_row("late", "Plain Thing Late")
    rows = [*plain_rows(29), X, late, BANNED]
    sleeper, report = sleep_without_x(harness, "merge into outcomes", other_rows=rows, extra=[X, late, BANNED])
    assert "late" in skus(harness)
    assert (closed(harness, sleeper)["state"], report["slots"]["published"]) == ("done", 0)
    assert [state for state, *_ in recorded_outcomes(harness.tables).values()] == ["blocked"]
    committed = [commit.run_id for commit in harness.tables.history(OUTCOMES)]
    assert committed.count(sleeper) == 1


def test_a_run_that_is_taken_over_and_resumed_is_committed_once(harness: CrashHarness) -> None:
    late = catalogue_row("late", "Plain Thing Late")
    rows = [*plain_rows(29), late]
    sleeper, report = sleep_without_x(harness, "merge into manifest", other_rows=rows, extra=[late])
    assert (report["run_id"], report["resumed"], report["images"]["generated"]) == (sleeper, True, 1)
    assert (skus(harness) & {"x", "late"}, closed(harness, sleeper)["state"]) == ({"late"}, "done")
    assert [commit.run_id for commit in harness.tables.history(MANIFEST)].count(sleeper) == 1
