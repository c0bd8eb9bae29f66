"""A run's life in its folder: asked for, held, let go, closed."""

import json
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import RefreshJob
from infra.coordination.leases import acquire
from infra.stores.json_objects import read_json, write_json
from tasks.runs import run_state as runs
from tests.fixtures.run_rows import start_run
from tests.fixtures.sample_recipe import RECIPE
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def job(catalogue: str = CATALOGUE) -> RefreshJob:
    return RefreshJob("catalogue.csv", "store", catalogue, RECIPE, built_in_policy())


def run_document(**changed: object) -> bytes:
    document = {
        "run_id": "r1",
        "catalogue": CATALOGUE,
        "scope": "full",
        "fingerprint": "f1",
        "source": "c.csv",
        "started_at": "2026-11-29T08:00:00+00:00",
        **changed,
    }
    return json.dumps(document).encode()


def test_a_run_is_open_from_its_start_until_it_is_closed(scenario: StoreScenario) -> None:
    run = start_run(scenario.store, job(), "f1")
    assert runs.is_run_open(scenario.store, run)
    runs.close_run(scenario.store, run, "superseded", {"reason": "a newer run took its place"})
    assert not runs.is_run_open(scenario.store, run)
    assert runs.load_open_runs(scenario.store, CATALOGUE).runs == []
    closed = read_json(scenario.store, layout.RunFiles(run.run_id).closed)
    assert (closed["state"], closed["reason"]) == ("superseded", "a newer run took its place")


def test_a_run_is_loaded_as_it_was_started(scenario: StoreScenario) -> None:
    run = start_run(scenario.store, job(), "f1")
    found = runs.load_run(scenario.store, run.run_id)
    assert (run.resumed, found.resumed) == (False, True)
    for name in ("run_id", "catalogue", "scope", "fingerprint", "started_at", "source"):
        assert getattr(found, name) == getattr(run, name)
    with pytest.raises(OptionError, match="has no run 'r9'"):
        runs.load_run(scenario.store, "r9")


def test_open_runs_are_those_of_one_catalogue_oldest_first(scenario: StoreScenario) -> None:
    started = [start_run(scenario.store, job(), str(number)).run_id for number in range(5)]
    start_run(scenario.store, job("boots"), "f")
    assert [run.run_id for run in runs.load_open_runs(scenario.store, CATALOGUE).runs] == started


def test_the_rules_of_a_run_are_frozen_into_it(scenario: StoreScenario) -> None:
    run = start_run(scenario.store, job(), "f1")
    recipe, policy = runs.load_frozen_rules(scenario.store, run.run_id)
    assert (recipe.digest, policy.digest) == (RECIPE.digest, built_in_policy().digest)
    assert (recipe, policy) == (RECIPE, built_in_policy())


def test_an_old_marker_whose_folder_was_swept_is_no_run_and_goes(scenario: StoreScenario) -> None:
    marker = layout.open_run(CATALOGUE, "swept")
    write_json(scenario.store, marker, {"run_id": "swept"})
    run = start_run(scenario.store, job(), "f1")
    found = runs.load_open_runs(scenario.store, CATALOGUE)
    assert ([each.run_id for each in found.runs], found.warnings) == ([run.run_id], [])
    assert scenario.store.exists(marker), "it is young: its folder may not be listed yet"
    scenario.backdate(2, marker)
    runs.load_open_runs(scenario.store, CATALOGUE)
    assert not scenario.store.exists(marker)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"run_id": "r1"}',
        b"\xff",
        b"[" * 100_000,
        run_document(run_id="../other"),
        run_document(catalogue=["home"]),
        run_document(started_at="2026-11-29T08:00:00"),
    ],
    ids=["empty", "list", "fields", "no-text", "deep", "of-another-run", "catalogue", "no-zone"],
)
def test_a16_an_open_run_that_cannot_be_read_is_reported_and_keeps_its_marker(
    scenario: StoreScenario, content: bytes
) -> None:
    run = start_run(scenario.store, job(), "f1")
    scenario.store.write(layout.RunFiles(run.run_id).run, content)
    scenario.backdate(30)
    found = runs.load_open_runs(scenario.store, CATALOGUE)
    assert (list(found.runs), len(found.warnings)) == ([], 1)
    assert layout.RunFiles(run.run_id).run in found.warnings[0]
    assert runs.is_run_open(scenario.store, run)
    with pytest.raises(OptionError, match="cannot be read as a run"):
        runs.load_run(scenario.store, run.run_id)


def test_a10_how_a_run_ended_is_written_once(scenario: StoreScenario) -> None:
    run = start_run(scenario.store, job(), "f1")
    assert not runs.is_closed(scenario.store, run)
    runs.close_run(scenario.store, run, "superseded", {"reason": "a newer run took its place"})
    runs.close_run(scenario.store, run, "done", {"version": 3})
    closed = read_json(scenario.store, layout.RunFiles(run.run_id).closed)
    assert (closed["state"], runs.is_closed(scenario.store, run)) == ("superseded", True)


def test_a_lease_that_was_given_back_is_told_from_one_that_lapsed(scenario: StoreScenario) -> None:
    run = start_run(scenario.store, job(), "f1")
    assert not runs.has_released_lease(scenario.store, run), "none was ever held"
    lease = acquire(scenario.store, layout.run_lease(CATALOGUE, run.run_id), "ada", 60)
    assert not runs.has_released_lease(scenario.store, run)
    lease.release()
    assert runs.has_released_lease(scenario.store, run)


def test_a_held_run_names_its_checks(scenario: StoreScenario) -> None:
    run = start_run(scenario.store, job(), "f1")
    assert runs.held_checks(scenario.store, run) == []
    runs.hold_run(scenario.store, run, ["retired-share", "slots-sum"], [{"name": "retired-share"}])
    assert runs.held_checks(scenario.store, run) == ["retired-share", "slots-sum"]


def test_a_run_is_committed_once_the_manifest_names_it(scenario: StoreScenario) -> None:
    run, other = (start_run(scenario.store, job(), name) for name in ("f1", "f2"))
    assert not runs.is_committed(scenario.tables, run)
    scenario.release(run.run_id, {"shirt/front": "red"})
    scenario.release("later", {"mug/front": "blue"})
    assert runs.is_committed(scenario.tables, run)
    assert not runs.is_committed(scenario.tables, other)


def test_a_run_is_alive_while_a_process_holds_its_lease(scenario: StoreScenario) -> None:
    run = start_run(scenario.store, job(), "f1")
    assert not runs.has_live_lease(scenario.store, CATALOGUE, run.run_id)
    lease = acquire(scenario.store, layout.run_lease(CATALOGUE, run.run_id), "ada", 60)
    assert runs.has_live_lease(scenario.store, CATALOGUE, run.run_id)
    lease.release()
    assert not runs.has_live_lease(scenario.store, CATALOGUE, run.run_id)
