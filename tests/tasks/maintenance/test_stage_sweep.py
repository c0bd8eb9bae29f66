"""Stages go when they are refused or retired for long and no image stands on them, and never before."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.photos.kept_request import KeptRequest, KeptResult
from catalogs.stages.library import StageLibrary
from catalogs.stages.stage import StageState
from catalogs.table_schemas import REQUESTS
from infra.interfaces import ObjectInfo
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from infra.testing.faulty_store import FaultyStore
from tasks.maintenance.named_photos import NamedPhotos
from tasks.maintenance.stage_sweep import StageNeeds
from tasks.stages.stage_libraries import change_library, read_library
from tests.fixtures.interleaving import ActsAt
from tests.fixtures.stage_scenes import a_stage
from tests.fixtures.store_scenarios import StoreScenario, asked_about, request_key_of, review_row, run_sweep, swept

LONG_AGO = datetime.now(UTC) - timedelta(days=40)
PHOTO, CUTTERS = "ab" * 32, (("plain-ground", "1"),)


def keep(shop: StoreScenario, *names: str, state: StageState = StageState.PROPOSED, at: datetime = LONG_AGO) -> None:
    """Put stages of this state, answered then, into the library `shop`, with their pictures."""
    for name in names:
        stage = a_stage(name, state=state, answered_at=None if state is StageState.PROPOSED else at)
        shop.store.write(layout.stage_image(stage.sha256), b"x")
        change_library(shop.store, "shop", lambda library, stage=stage: library.add(stage))


def stages(shop: StoreScenario) -> set[str]:
    return {stage.name for stage in read_library(shop.store, "shop").stages}


def pictures(shop: StoreScenario) -> set[str]:
    return shop.keys(layout.STAGE_IMAGES)


def picture(name: str) -> str:
    return layout.stage_image(a_stage(name).sha256)


def result(name: str) -> str:
    return KeptResult("backdrop", PHOTO, "fit", "c", "1", {}, {}, stage=a_stage(name).sha256).text


def plan(shop: StoreScenario, run_id: str, name: str) -> None:
    text = KeptRequest("backdrop", (PHOTO,), CUTTERS, {}, a_stage(name).sha256).text
    row = {"request_key": request_key_of("r"), "attempts_allowed": 1, "verdict": "PASS", "reasons": [], "kept": text}
    write_table(shop.store, layout.RunFiles(run_id).requests("000"), pa.Table.from_pylist([row], REQUESTS))
    write_json(shop.store, layout.RunFiles(run_id).plan, {})


def test_each_that_names_a_retired_stage_keeps_it_and_the_rest_goes(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    keep(shop, "live", "asked", "planned", "outcome", "gone", state=StageState.RETIRED)
    keep(shop, "refused", state=StageState.REFUSED)
    keep(shop, "approved", state=StageState.APPROVED)
    keep(shop, "proposed")
    shop.release("r1", {"shirt/front": "red"}, mode="backdrop", kept=result("live"))
    shop.write_run_folder("open", is_open=True)
    plan(shop, "open", "planned")
    plan(shop, "o1", "outcome")
    shop.commit_outcome("o1", "hat/front", "red", "review")
    asked_about(shop, "q1", review_row("asked", "sample", 9) | {"kept": result("asked")})
    shop.store.write(picture("orphan"), b"x")
    shop.backdate(2)
    shop.store.write(picture("young-orphan"), b"x")
    assert swept(shop, dry_run=True)["stages"] == 3
    assert len(stages(shop)) == 8, "a dry run changes no library"
    assert swept(shop)["stages"] == 3
    left = {"live", "asked", "planned", "outcome", "approved", "proposed"}
    assert stages(shop) == left
    assert pictures(shop) == {picture(name) for name in (*left, "young-orphan")}
    assert "stages" not in swept(shop)


def test_an_older_release_that_is_kept_keeps_its_stage(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    keep(shop, "replaced", state=StageState.RETIRED)
    shop.release("r1", {"shirt/front": "red"}, mode="backdrop", kept=result("replaced"))
    shop.backdate(40)
    shop.release("r2", {"shirt/front": "blue"})
    shop.backdate(2)
    assert "stages" not in swept(shop, keep_releases=2)
    assert swept(shop, keep_releases=1, keep_days=0)["stages"] == 1


def test_a_stage_stays_for_as_long_as_folders_of_runs_do(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    keep(shop, "lately", state=StageState.REFUSED, at=datetime.now(UTC) - timedelta(days=20))
    shop.backdate(20)
    assert "stages" not in swept(shop)
    assert swept(shop, keep_runs_days=15)["stages"] == 1


def test_a_library_that_cannot_be_read_keeps_every_stage_and_other_things_go(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    keep(shop, "gone", state=StageState.REFUSED)
    shop.store.write(layout.source_photo(PHOTO, "jpg"), b"x")
    shop.store.write(layout.stage_change("other", 1), b"{")
    shop.backdate(2)
    done = run_sweep(shop)
    assert "stages are left alone, since a library of them cannot be read" in done.notes
    assert (done.counts["stages"].files, done.counts["sources"].files) == (0, 1)
    assert pictures(shop) == {picture("gone")}


@pytest.mark.parametrize("act", ["approve", "add again"])
def test_who_wants_a_stage_in_the_same_moment_keeps_it(tmp_path: Path, act: str) -> None:
    shop = StoreScenario(tmp_path)
    keep(shop, "wanted", "gone", state=StageState.REFUSED)
    shop.backdate(2)

    def want() -> None:
        if act == "approve":
            now = datetime.now(UTC)
            change_library(
                shop.store,
                "shop",
                lambda library: library.answer(library.find("wanted"), StageState.APPROVED, "a", now),
            )
        else:  # the sweep has taken it out of the library, and its picture is about to go
            keep(shop, "wanted")

    at = "read stages/" if act == "approve" else f"list {layout.SOURCES}"
    if act == "add again":
        change_library(shop.store, "shop", lambda library: StageLibrary("shop", library.number, library.stages[1:]))
    acts = ActsAt(at, want)
    run_sweep(shop, store=FaultyStore(shop.store, acts))
    assert acts.finish()
    assert stages(shop) == {"wanted"}
    assert pictures(shop) == {picture("wanted")}


def test_only_what_ended_long_ago_and_is_not_named_may_leave() -> None:
    named = NamedPhotos()
    named.add_results(pa.table({"kept": [result("named"), None]}))
    needs = StageNeeds(named, LONG_AGO + timedelta(days=1))
    for name, state, at, ended in (
        ("x", StageState.RETIRED, LONG_AGO, True),
        ("x", StageState.REFUSED, LONG_AGO, True),
        ("x", StageState.APPROVED, LONG_AGO, False),
        ("x", StageState.PROPOSED, None, False),
        ("x", StageState.RETIRED, LONG_AGO + timedelta(days=2), False),
        ("named", StageState.RETIRED, LONG_AGO, False),
    ):
        assert needs.is_ended(a_stage(name, state=state, answered_at=at)) is ended


def test_an_object_of_another_origin_is_left_alone() -> None:
    needs = StageNeeds(NamedPhotos(), LONG_AGO)
    infos = [ObjectInfo(key, 1, LONG_AGO) for key in ("stages/images/readme.txt", "stages/images/ab/cd.png", "x")]
    mine = ObjectInfo(picture("oak"), 1, LONG_AGO)
    assert [info for info in needs.unneeded([*infos, mine], []) if info is mine] == [mine]
    assert needs.unneeded(infos[:1], []) == []
