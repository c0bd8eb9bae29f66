"""A sweep deletes what is unreferenced, and every reference counts: of releases, outcomes, open runs, and young age."""

import shutil
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.keys import image_key
from catalogs.table_schemas import REQUESTS, REVIEW_INDEX, WITHDRAWALS
from infra.coordination.leases import acquire
from infra.errors import TableError
from infra.stores import open_store
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.rollback import rollback
from tasks.maintenance.batch_deletion import SweepResult
from tasks.maintenance.compact_fingerprints import MAX_UNCOMPACTED_FILES
from tasks.maintenance.sweep import sweep
from tasks.maintenance.verify import verify
from tasks.runs.release_history import list_releases
from tests.fixtures.store_scenarios import StoreScenario, request_key_of

NOTHING = {kind: {"files": 0, "bytes": 0} for kind in asdict(SweepResult(False))["counts"]}


def swept(shop: StoreScenario, **options: Any) -> dict[str, int]:
    """Sweep, and return the files of each kind that went."""
    result = sweep(shop.store, shop.tables, **options)
    return {kind: count.files for kind, count in result.counts.items() if count.files}


def notes(shop: StoreScenario, **options: Any) -> str:
    return "; ".join(sweep(shop.store, shop.tables, dry_run=True, **options).notes)


def test_a_new_store_has_nothing_to_sweep(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red"})
    shop.stage_image("red")
    shop.store.write("probe/x", b"x")
    there = shop.keys()
    assert asdict(sweep(shop.store, shop.tables, keep_days=0, keep_releases=1))["counts"] == NOTHING
    assert shop.keys() == there


# Staged images


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


def test_while_a_run_is_planning_no_staged_image_goes(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    kept = shop.stage_image("red")
    shop.backdate(20)
    shop.write_run_folder("r9", is_open=True)
    assert "staged images are left alone: r9 may be planning" in notes(shop)
    assert swept(shop) == {}
    shop.backdate(2, "open/")
    assert swept(shop) == {"staged": 2}
    assert not shop.keys() & {*kept}


def test_a_run_that_begins_meanwhile_ends_the_deleting(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    kept = shop.stage_image("red")
    shop.backdate(20)

    class Begins(FaultyTables):
        def batches(self, table: str, *arguments: Any, **words: Any) -> Any:
            if table == "outcomes/shoes" and not shop.keys("open/"):
                shop.write_run_folder("r9", is_open=True)
            return super().batches(table, *arguments, **words)

    result = sweep(shop.store, Begins(shop.tables, FaultInjector()))
    assert result.counts["staged"].files == 0
    assert result.notes == ["a run began, so the rest of the staged images is left for the next sweep"]
    assert shop.keys("staging/") == {*kept}


def test_files_of_another_origin_are_not_touched(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    strange = {"staging/readme.txt", "staging/ab/notes.png", "published/bags/x.jpg", "other/x.parquet", "codes/x"}
    for key in strange:
        shop.store.write(key, b"x")
    shop.backdate(100)
    assert swept(shop) == {}
    assert strange <= shop.keys()


# Published pictures and the tables


def three_releases(folder: Path) -> StoreScenario:
    """A shop whose releases are 90, 60 and 30 days old; one picture is in all of them."""
    shop = StoreScenario(folder)
    shop.release("r1", {"shirt/front": "one", "hat/front": "same"})
    shop.backdate(30)
    shop.release("r2", {"shirt/front": "two"})
    shop.backdate(30)
    shop.release("r3", {"shirt/front": "three"})
    shop.backdate(30)
    return shop


def test_images_of_kept_releases_stay_and_those_of_no_release_go(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    orphan = shop.publish_image("sock/front", "orphan", "killed")["object"]
    assert swept(shop) == {}  # it is too young
    shop.backdate(2, "published/")
    assert swept(shop) == {"published": 1}
    assert not shop.store.exists(orphan)
    for version in (1, 2, 3):
        assert set(shop.published_objects(version).values()) <= shop.keys("published/")


@pytest.mark.parametrize("keep", [1, 2])
def test_releases_that_are_not_kept_lose_their_images_and_files_and_the_kept_ones_nothing(
    tmp_path: Path, keep: int
) -> None:
    shop = three_releases(tmp_path)
    shown = {version: shop.published_objects(version) for version in (1, 2, 3)}
    kept = range(4 - keep, 4)
    counts = swept(shop, keep_releases=keep)
    assert counts["published"] == 3 - keep
    assert counts["tables"] > 0
    assert shop.keys("published/") == {key for version in kept for key in shown[version].values()}
    for version in kept:
        assert shop.published_objects(version) == shown[version]
    with pytest.raises(TableError):
        shop.published_objects(3 - keep)
    lines = list_releases(shop.tables, "shoes", shop.store)
    assert [line.version for line in lines if line.kept] == sorted(kept, reverse=True)
    assert verify(shop.store, shop.tables, "shoes", deep=True).sound
    with pytest.raises(OptionError, match=f"has no release {3 - keep}; "):
        rollback(shop.store, shop.tables, "shoes", 3 - keep)
    if keep == 2:
        assert rollback(shop.store, shop.tables, "shoes", 2).version == 4
    again = sweep(shop.store, shop.tables, keep_releases=1 + keep)
    assert asdict(again) == {"dry_run": False, "counts": NOTHING, "notes": []}  # what went earlier is not looked for


def test_a_kept_release_stays_readable_when_a_checkpoint_has_forgotten_its_files(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    DeltaTable(str(tmp_path / "manifest" / "shoes")).create_checkpoint()
    shown = shop.published_objects(2)
    assert swept(shop, keep_releases=2)["tables"] > 0
    assert shop.published_objects(2) == shown
    assert [row["object"] for row in shop.tables.changes("manifest/shoes", 3).to_pylist()]


def test_a_release_that_was_shown_this_week_is_kept_however_old_it_is(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    shop.release("r4", {"shirt/front": "four"})
    shop.backdate(6)
    assert swept(shop, keep_releases=1)["published"] == 2
    assert set(shop.published_objects(3).values()) <= shop.keys("published/")
    assert swept(shop, keep_releases=1, keep_days=3)["published"] == 1


def test_while_a_run_is_open_its_catalogues_images_are_left_alone(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    shop.write_run_folder("r9", is_open=True, files=["plan.json"])
    assert "shoes: published images are left alone while a run is open" in notes(shop, keep_releases=1)
    assert "published" not in swept(shop, keep_releases=1)
    assert len(shop.keys("published/")) == 4


def test_what_an_open_run_has_committed_can_be_compared_again(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    shop.write_run_folder("r2", is_open=True, files=["plan.json"])  # killed after its commit, never closed
    shown = shop.published_objects(1)
    sweep(shop.store, shop.tables, keep_releases=1, keep_days=0)
    assert shop.published_objects(1) == shown


def test_what_an_open_amendment_goes_back_to_stays(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    write_json(shop.store, layout.open_manifest_change("shoes", "b1"), {"target": 1, "asked": None})
    shop.backdate(5, "open-amendments/")
    shown = shop.published_objects(1)
    sweep(shop.store, shop.tables, keep_releases=1)
    assert shop.published_objects(1) == shown
    assert set(shown.values()) <= shop.keys("published/")


def test_a_release_that_comes_meanwhile_ends_the_deleting(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)

    class Races(FaultyTables):
        def version(self, table: str) -> int | None:
            if shop.tables.version("manifest/shoes") == 3:
                shop.release("racer", {"shirt/front": "one"})  # publishes again what is about to go
            return super().version(table)

    result = sweep(shop.store, Races(shop.tables, FaultInjector()), keep_releases=1)
    assert "shoes: a run began, so the rest of its published images is left for the next sweep" in result.notes
    assert result.counts["published"].files == 0
    assert verify(shop.store, shop.tables, "shoes", deep=True).sound


def test_a_catalogue_whose_releases_cannot_be_read_keeps_everything_and_the_others_are_swept(tmp_path: Path) -> None:
    shop, hats = three_releases(tmp_path), StoreScenario(tmp_path, "hats")
    hats.release("h1", {"hat/front": "one"})
    hats.publish_image("hat/front", "orphan", "killed")
    shop.backdate(30)
    for path in (tmp_path / "manifest" / "shoes").glob("*.parquet"):
        path.unlink()
    there = shop.keys("published/shoes/") | shop.keys("codes/shoes/")
    result = sweep(shop.store, shop.tables, keep_releases=1)
    assert result.notes[0].startswith("shoes: left as it is, since its kept releases cannot be read: ")
    assert there <= shop.keys()
    assert result.counts["published"].files == 1


def test_fingerprints_of_kept_releases_survive_and_files_of_open_runs_are_not_touched(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    for number, word in enumerate(("one", "two", "three"), start=1):
        shop.write_fingerprints(f"r{number}", {"shirt/front": word, "hat/front": "same"})
    for number in range(MAX_UNCOMPACTED_FILES):
        shop.write_fingerprints(f"x{number}", {f"gone{number}/front": "gone"})
    busy = shop.write_fingerprints("open", {"shirt/front": "four"})
    shop.backdate(5, "codes/")
    young = shop.write_fingerprints("young", {"shirt/front": "five"})
    shop.write_run_folder("open", is_open=True, files=["plan.json"])
    assert swept(shop, keep_releases=2)["codes"] == MAX_UNCOMPACTED_FILES + 3
    (compacted,) = shop.keys("codes/shoes/") - {busy, young}
    table = shop.folder / compacted
    rows = pq.read_table(table).to_pylist()
    assert sorted(row["sku"] for row in rows) == ["hat", "shirt", "shirt"]
    assert swept(shop, keep_releases=2).get("codes") is None


# What people look at


def review_row(word: str, why: str, days: float, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    key = bytes.fromhex(image_key(request_key_of(word).hex(), 0))
    row = {"sku": word, "why": why, "image_key": key, "asked_at": now, "expires_at": now + timedelta(days=days)}
    return row | changes


def asked_about(shop: StoreScenario, run_id: str, *rows: dict[str, Any]) -> str:
    """Write an index and its copies, days ago."""
    for row in rows:
        if row["image_key"] is not None:
            shop.store.write(layout.review_image("shoes", row["image_key"].hex(), "f" * 12), b"jpeg")
    key = layout.review_index("shoes", run_id)
    write_table(shop.store, key, pa.Table.from_pylist(list(rows), REVIEW_INDEX))
    shop.backdate(3, "review/")
    return key


def copies(shop: StoreScenario) -> int:
    return len(shop.keys(layout.review_images_prefix("shoes")))


def test_a_copy_stays_until_its_question_is_answered_or_over_and_a_sample_for_its_days(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r0", {"shirt/front": "green"})
    waits = asked_about(shop, "r1", review_row("red", "review", -9))
    sample = asked_about(shop, "r2", review_row("blue", "sample", 5))
    shop.commit_outcome("o1", "shirt/front", "red", "review")
    assert "review" not in swept(shop)
    assert shop.keys("review/") >= {waits, sample}
    shop.commit_outcome("o2", "shirt/front", "red", "blocked")
    assert swept(shop)["review"] == 2
    assert (shop.keys(layout.review_index_prefix("shoes")), copies(shop)) == ({sample}, 1)
    assert swept(shop, now=datetime.now(UTC) + timedelta(days=6))["review"] == 2
    assert shop.keys("review/") == set()


def test_what_is_asked_about_a_prompt_alone_stays_for_its_days(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    key = asked_about(shop, "r1", review_row("red", "review", 5, image_key=None))
    assert "review" not in swept(shop)
    assert shop.keys("review/") == {key}
    assert swept(shop, now=datetime.now(UTC) + timedelta(days=6))["review"] == 1


def test_copies_are_left_alone_while_a_run_may_be_about_to_name_them(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    asked_about(shop, "r1", review_row("red", "review", -1))
    shop.write_run_folder("r1", is_open=True, files=["plan.json"])
    assert "review" not in swept(shop)
    assert copies(shop) == 1


# Runs, leases, probes


def test_scores_of_live_and_waiting_images_outlive_the_rest_of_their_run(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red"})
    shop.commit_outcome("r2", "hat/front", "blue", "review")
    shop.commit_outcome("a1", "sock/front", "grey", "blocked")
    files = ["slots.parquet", "requests/0.parquet", "records/a.parquet"]
    for run_id in ("r1", "r2", "r3", "r4"):
        shop.write_run_folder(run_id, is_open=False, files=files)
    key = layout.RunFiles("a1").withdrawals
    write_table(shop.store, key, pa.Table.from_pylist([{"slot_id": b"s" * 16, "run_id": "r3"}], WITHDRAWALS))
    shop.backdate(31, "runs/")
    assert swept(shop)["runs"] == 3 + 3  # all of r4, and the slots of the others
    left = {name for name in shop.keys("runs/") if name.endswith(".parquet")}
    assert left == {key, *(f"{layout.RunFiles(run).prefix}{name}" for run in ("r1", "r2", "r3") for name in files[1:])}


def test_tables_of_runs_that_closed_long_ago_are_deleted_and_their_documents_stay(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    files = ["plan.json", "report.json", "report.html", "slots.parquet", "requests/000.parquet", "records/a.parquet"]
    shop.write_run_folder("r0-closed", is_open=False, files=files)
    shop.write_run_folder("r1-open", is_open=True, files=files[:4])
    shop.write_run_folder("r2-closed-lately", is_open=False, files=files)
    shop.backdate(31)
    shop.write_run_folder("r2-closed-lately", is_open=False)
    assert swept(shop) == {"runs": 3}
    assert {key.rpartition("/")[2] for key in shop.keys("runs/r0-closed/")} == {
        "plan.json", "report.json", "report.html", "run.json", "closed.json",
    }  # fmt: skip
    assert shop.store.exists(layout.RunFiles("r1-open").slots)
    assert shop.store.exists(layout.RunFiles("r2-closed-lately").slots)


def test_leases_of_closed_runs_and_probes_go(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for prefix in (layout.run_lease("shoes", "gone"), layout.run_lease("shoes", "r9"), layout.full_lease("shoes")):
        acquire(shop.store, prefix, "somebody", 60)
    shop.store.write("probe/old", b"x")
    shop.write_run_folder("r9", is_open=True, files=["plan.json"])
    shop.backdate(2)
    young = acquire(shop.store, layout.run_lease("shoes", "new"), "somebody", 60)
    assert swept(shop) == {"leases": 1, "probes": 1}
    assert {key.rsplit("/", 2)[1] for key in shop.keys("leases/")} == {"run-r9", "full", "run-new"}
    young.check()


def test_what_killed_writers_left_goes(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for name in ("old", "new"):
        (tmp_path / "staging").mkdir(exist_ok=True)
        (tmp_path / "staging" / f".tmp-{name}").write_bytes(b"half")
    shop.backdate(2, "staging/.tmp-old")
    sweep(shop.store, shop.tables, dry_run=True)
    assert (tmp_path / "staging" / ".tmp-old").exists()
    sweep(shop.store, shop.tables)
    assert [path.name for path in (tmp_path / "staging").iterdir()] == [".tmp-new"]


# The whole


def everything(folder: Path) -> StoreScenario:
    """A shop with something old of every kind."""
    shop = three_releases(folder)
    shop.stage_image("one")
    shop.stage_image("refused")
    shop.commit_outcome("o1", "shirt/front", "refused", "review")
    for number in range(MAX_UNCOMPACTED_FILES + 1):
        shop.write_fingerprints(f"x{number}", {"shirt/front": "three"})
    shop.write_run_folder("r1", is_open=False, files=["report.html", "slots.parquet"])
    acquire(shop.store, layout.run_lease("shoes", "r1"), "somebody", 60)
    shop.store.write("probe/x", b"xx")
    asked_about(shop, "r1", review_row("one", "sample", -2))
    shop.backdate(40)
    return shop


def test_a_dry_run_reports_the_same_numbers_and_deletes_nothing(tmp_path: Path) -> None:
    shop = everything(tmp_path)
    there = shop.keys()
    dry = sweep(shop.store, shop.tables, keep_releases=1, dry_run=True)
    assert shop.keys() == there
    wet = sweep(shop.store, shop.tables, keep_releases=1)
    assert asdict(dry) | {"dry_run": False} == asdict(wet)
    assert all(count.files for count in wet.counts.values()), wet.counts
    assert wet.counts["probes"].bytes == 2
    assert asdict(sweep(shop.store, shop.tables, keep_releases=1))["counts"] == NOTHING


def test_ages_are_taken_by_the_clock_that_is_given(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.stage_image("red")
    now = datetime.now(UTC)
    assert swept(shop, now=now + timedelta(days=6)) == {}
    assert swept(shop, now=now + timedelta(days=8)) == {"staged": 2}


@pytest.mark.slow
def test_killed_at_any_operation_nothing_that_is_named_is_lost_and_the_next_one_ends_the_same(tmp_path: Path) -> None:
    shop = everything(tmp_path / "shop")
    shown = {version: shop.published_objects(version) for version in (2, 3)}

    def another(name: str) -> StoreScenario:
        shutil.copytree(tmp_path / "shop", tmp_path / name)
        return StoreScenario(tmp_path / name)

    def attempt(shop: StoreScenario, dies_at: int | None) -> int:
        mortality = FaultInjector(dies_at)
        store = FaultyStore(open_store(shop.store.url), mortality)
        try:
            sweep(store, FaultyTables(open_tables(shop.store.url), mortality), keep_releases=2)
        except InjectedFault:
            assert mortality.has_failed
        return mortality.operation_count

    undisturbed = another("undisturbed")
    operations = attempt(undisturbed, None)
    left = {key for key in undisturbed.keys() if not key.startswith("codes/")}  # noqa: SIM118 - not a dict
    for dies_at in range(1, operations + 1, 3):
        shop = another(str(dies_at))
        attempt(shop, dies_at)
        for version in (2, 3):
            assert shop.published_objects(version) == shown[version]
            assert set(shown[version].values()) <= shop.keys("published/")
        fingerprints = [pq.read_table(shop.folder / key).to_pylist() for key in shop.keys("codes/")]
        assert any(fingerprints)
        sweep(shop.store, shop.tables, keep_releases=2)
        assert {key for key in shop.keys() if not key.startswith("codes/")} == left, dies_at  # noqa: SIM118
        shutil.rmtree(shop.folder)


def test_numbers_that_cannot_be_are_refused(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path / "one")
    for wrong in ({"keep_days": -1}, {"keep_releases": 0}):
        with pytest.raises(OptionError, match="give at least 0 days and 1 release"):
            sweep(shop.store, shop.tables, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot be swept by the tables of"):
        sweep(shop.store, StoreScenario(tmp_path / "other").tables)
