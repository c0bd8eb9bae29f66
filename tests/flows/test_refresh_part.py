"""A part of a run is done by somebody else: under the parent's lease, once, and not after it is lost."""

from pathlib import Path

import pytest

from catalogs.errors import OptionError
from catalogs.runs.job import Run
from flows.parameters import PartParameters
from flows.refresh_part import lease_check, run_part
from flows.run.executors import open_thread_executor
from flows.run.leases import hold_run_lease
from infra.errors import LeaseLost
from infra.settings import Settings
from infra.stores.parquet_objects import read_row_groups
from infra.tables import open_tables
from tasks.pipeline.plan import make_plan
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness
from tests.fixtures.run_rows import start_run

SETTINGS = Settings(shard_size=2, screeners=1)


@pytest.fixture
def harness(tmp_path: Path) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(4)]
    return RefreshHarness(tmp_path, rows, STUB_RECIPE)


def started(harness: RefreshHarness) -> Run:
    job, _ = harness.parameters().resolve_job()
    run = start_run(harness.store, job, "fingerprint")
    make_plan(job, harness.store, open_tables(job.store), run.run_id, SETTINGS.shard_size)
    return run


def asked(harness: RefreshHarness, run: Run, part: str = "1-00000") -> PartParameters:
    return PartParameters(store=str(harness.folder / "store"), run=run.run_id, part=part)


def records(harness: RefreshHarness, run: Run) -> list[str]:
    tables = read_row_groups(harness.store, f"runs/{run.run_id}/records/")
    return sorted(how for table in tables for how in table["made"].to_pylist())


def test_a_part_is_done_once_and_recorded_for_its_parent(harness: RefreshHarness) -> None:
    run = started(harness)
    with hold_run_lease(harness.store, run, SETTINGS), open_thread_executor() as hands:
        for _ in range(2):
            run_part(asked(harness, run), SETTINGS, hands)
            assert records(harness, run) == ["generated"] * 4
        with pytest.raises(OptionError, match="has no part '9-00000'"):
            run_part(asked(harness, run, "9-00000"), SETTINGS, hands)


def test_a_part_of_a_run_that_nobody_holds_is_not_begun(harness: RefreshHarness) -> None:
    run = started(harness)
    with open_thread_executor() as hands, pytest.raises(LeaseLost, match="no longer held by the process"):
        run_part(asked(harness, run), SETTINGS, hands)
    assert records(harness, run) == []


def test_a_lease_that_lapses_stops_a_part(harness: RefreshHarness) -> None:
    run = started(harness)
    with hold_run_lease(harness.store, run, SETTINGS):
        check = lease_check(harness.store, run)
        check()
    with pytest.raises(LeaseLost):
        check()
