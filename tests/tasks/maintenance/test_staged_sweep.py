"""Staged images go when neither an outcome nor an open run's plan names them, beside runs and not instead of them."""

import threading
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.table_schemas import REQUESTS
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from infra.testing.faulty_store import FaultyStore
from tasks.maintenance.sweep import sweep
from tests.fixtures.interleaving import ActsAt
from tests.fixtures.store_scenarios import StoreScenario, request_key_of, run_sweep, swept


def plan(shop: StoreScenario, run_id: str, label: str) -> None:
    """Write the plan of a run that may make two attempts at a picture."""
    requests = [{"request_key": request_key_of(label), "attempts_allowed": 2, "verdict": "PASS", "reasons": []}]
    write_table(shop.store, layout.RunFiles(run_id).requests("000"), pa.Table.from_pylist(requests, REQUESTS))
    write_json(shop.store, layout.RunFiles(run_id).plan, {})


def test_staged_images_go_after_their_days_and_never_within_one(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    old = shop.stage_image("old")
    shop.backdate(8, "staging/")
    week = shop.stage_image("week")
    for key in week:
        shop.backdate(6, key)
    new = shop.stage_image("new")
    assert swept(shop) == {"staged": 2}
    assert shop.keys("staging/") == {*week, *new}
    assert swept(shop, keep_days=0) == {"staged": 2}
    assert shop.keys("staging/") == {*new}
    assert not shop.keys() & {*old}


def test_what_an_outcome_names_stays_raw_and_finished(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    kept = shop.stage_image("refused")
    shop.stage_image("refused", attempt=1)
    shop.stage_image("published")
    shop.release("r1", {"shirt/front": "published"})
    shop.commit_outcome("o1", "shirt/front", "refused", "review")
    shop.backdate(30)
    assert swept(shop, keep_releases=1)["staged"] == 4
    assert shop.keys("staging/") == {*kept}


def test_what_was_kept_in_an_image_lives_with_it(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for label in ("refused", "published"):
        shop.stage_image(label)
        shop.store.write(layout.kept_document(shop.image_key(label)), b"{}")
    shop.release("r1", {"shirt/front": "published"})
    shop.commit_outcome("o1", "shirt/front", "refused", "review")
    shop.backdate(30)
    assert swept(shop, keep_releases=1)["staged"] == 3
    assert layout.kept_document(shop.image_key("refused")) in shop.keys("staging/")
    assert layout.kept_document(shop.image_key("published")) not in shop.keys("staging/")


def test_every_attempt_of_an_open_runs_plan_stays_held_or_not(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for run_id, opened in (("held", True), ("closed", False)):
        shop.write_run_folder(run_id, is_open=opened, files=["plan.json", *(["held.json"] if opened else [])])
        requests = [{"request_key": request_key_of(run_id), "attempts_allowed": 2, "verdict": "PASS", "reasons": []}]
        write_table(shop.store, layout.RunFiles(run_id).requests("000"), pa.Table.from_pylist(requests, REQUESTS))
    kept = [*shop.stage_image("held", 0), *shop.stage_image("held", 1)]
    shop.stage_image("held", 2)
    shop.stage_image("closed")
    shop.backdate(20)
    assert swept(shop)["staged"] == 4
    assert shop.keys("staging/") == {*kept}


def test_while_a_living_run_is_planning_no_staged_image_goes(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    kept = shop.stage_image("red")
    shop.backdate(20)
    shop.write_run_folder("r9", is_open=True)
    result = run_sweep(shop, dry_run=True)
    assert result.notes == ["staged images are left alone: r9 may be planning to use them"]
    assert swept(shop) == {}
    shop.backdate(0.5, "open/")  # it has no lease, so it died before its plan, and is never continued
    assert swept(shop) == {"staged": 2}
    assert not shop.keys() & {*kept}


def test_a_run_that_is_planning_is_waited_for(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    planned, unnamed = shop.stage_image("planned"), shop.stage_image("unnamed")
    shop.backdate(20)
    shop.write_run_folder("r9", is_open=True)
    timer = threading.Timer(0.3, plan, (shop, "r9", "planned"))
    timer.start()
    assert sweep(shop.store, shop.tables, plan_wait_seconds=20).counts["staged"].files == 2
    timer.join()
    assert shop.keys("staging/") == {*planned}
    assert not shop.keys() & {*unnamed}


def test_a9_beside_runs_that_are_planned_what_they_do_not_name_goes(tmp_path: Path) -> None:
    """A9: beside a run the sweep deleted staged 0, published 0, review 0."""
    shop = StoreScenario(tmp_path)
    planned, unnamed = shop.stage_image("planned"), shop.stage_image("unnamed")
    shop.backdate(20)
    shop.write_run_folder("r9", is_open=True)
    plan(shop, "r9", "planned")
    result = run_sweep(shop)
    assert (result.counts["staged"].files, result.notes) == (2, [])
    assert shop.keys("staging/") == {*planned}
    assert not shop.keys() & {*unnamed}


@pytest.mark.parametrize("ends_as", ["open", "review", "planning"])
def test_a9_a_run_that_begins_after_the_listing_keeps_what_it_names(tmp_path: Path, ends_as: str) -> None:
    shop = StoreScenario(tmp_path)
    wanted, unnamed = shop.stage_image("wanted"), shop.stage_image("unnamed")
    shop.backdate(20)

    def begin() -> None:
        shop.write_run_folder("r9", is_open=ends_as != "review")
        if ends_as != "planning":
            plan(shop, "r9", "wanted")
        if ends_as == "review":  # it is closed again, and its outcome names the old image
            shop.commit_outcome("r9", "shirt/front", "wanted", "review")

    result = run_sweep(shop, store=FaultyStore(shop.store, ActsAt("list staging/", begin)))
    if ends_as == "planning":
        assert result.notes == ["a run is planning, so the rest of the staged images is left for the next sweep"]
        assert shop.keys("staging/") == {*wanted, *unnamed}
    else:
        assert (result.counts["staged"].files, shop.keys("staging/")) == (2, {*wanted})


def test_an_outcomes_table_that_cannot_be_read_keeps_every_staged_image(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "one"})
    kept = shop.stage_image("red")
    shop.commit_outcome("o1", "shirt/front", "red", "review")
    for path in (tmp_path / "outcomes" / "shoes").glob("*.parquet"):
        path.unlink()
    shop.backdate(20)
    assert any("staged images are left alone, since an outcomes table" in note for note in run_sweep(shop).notes)
    assert shop.keys("staging/") == {*kept}
