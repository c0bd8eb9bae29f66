"""A10: taking a run over is a commit, so that a commit already under way loses its race."""

from pathlib import Path

import pytest

from catalogs import layout
from infra.errors import CommitConflict
from tasks.runs import run_state as runs
from tasks.runs.fencing import fence_run
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario
from tests.tasks.runs.test_commit_guard import run_of

TABLE = layout.manifest_table(CATALOGUE)


def test_a_commit_under_way_loses_its_race_and_the_run_does_not_count_as_committed(tmp_path: Path) -> None:
    scenario = StoreScenario(tmp_path)
    scenario.release("r1", {"shirt/front": "red"})
    shown = scenario.published_objects()
    fence_run(scenario.store, scenario.tables, run_of("r2"))
    newest = scenario.tables.history(TABLE)[0]
    assert (newest.version, newest.metadata["kind"], newest.metadata["fenced"]) == (2, "fence", "r2")
    assert (scenario.published_objects(), runs.is_committed(scenario.tables, run_of("r2"))) == (shown, False)
    with pytest.raises(CommitConflict):
        scenario.tables.mark(TABLE, base_version=1, metadata={"run_id": "r2"})


def test_a_catalogue_without_a_manifest_gets_one_so_that_a_first_commit_loses_too(tmp_path: Path) -> None:
    scenario = StoreScenario(tmp_path, "other")
    table = layout.manifest_table("shoes")
    assert scenario.tables.version(table) is None
    fence_run(scenario.store, scenario.tables, run_of("r1"))
    assert scenario.tables.version(table) == 1


def test_outcomes_under_way_lose_their_race_too(tmp_path: Path) -> None:
    scenario = StoreScenario(tmp_path)
    table = layout.outcomes_table(CATALOGUE)
    fence_run(scenario.store, scenario.tables, run_of("r2"))
    with pytest.raises(CommitConflict):
        scenario.tables.mark(table, base_version=0, metadata={"run_id": "r2"})
