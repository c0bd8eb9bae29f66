"""A sweep deletes what is unreferenced, and every reference counts: of releases, outcomes, open runs, and young age."""

import shutil
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catalogs import layout
from catalogs.answers.person import ALL_SCOPES
from catalogs.errors import OptionError
from infra.coordination.leases import acquire
from infra.stores import open_store
from infra.stores.json_objects import write_json
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.access.access_keys import add_access_key, read_access_keys, revoke_access_keys
from tasks.maintenance.compact_fingerprints import MAX_UNCOMPACTED_FILES
from tasks.maintenance.purges import record_purge
from tasks.maintenance.sweep import sweep
from tests.fixtures.store_scenarios import (
    NOTHING_SWEPT,
    StoreScenario,
    asked_about,
    review_row,
    run_sweep,
    swept,
    three_releases,
)


def test_a_new_store_has_nothing_to_sweep(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red"})
    shop.stage_image("red")
    shop.store.write("probe/x", b"x")
    there = shop.keys()
    assert asdict(run_sweep(shop, keep_days=0, keep_releases=1))["counts"] == NOTHING_SWEPT
    assert shop.keys() == there | {layout.STORE_SIZES}


# Runs, leases, probes


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


def test_old_days_of_the_access_log_and_ended_keys_go(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    now = shop.store.now()
    add_access_key(shop.store, "kept", ALL_SCOPES, by="root")
    add_access_key(shop.store, "ended", ALL_SCOPES, by="root")
    (ended,) = revoke_access_keys(shop.store, "ended")
    old = replace(ended, revoked_at=now - timedelta(days=400))
    write_json(shop.store, layout.access_key(old.id), old.document())
    for days in (0, 400):
        shop.store.write(layout.access_log((now - timedelta(days=days)).date().isoformat(), "s1"), b"{}")
    assert swept(shop) == {"access": 2}
    assert [key.name for key in read_access_keys(shop.store)] == ["kept"]
    assert len(shop.keys(layout.ACCESS_LOG)) == 1


def test_what_killed_writers_left_goes(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for name in ("old", "new"):
        (tmp_path / "staging").mkdir(exist_ok=True)
        (tmp_path / "staging" / f".tmp-{name}").write_bytes(b"half")
    shop.backdate(2, "staging/.tmp-old")
    run_sweep(shop, dry_run=True)
    assert (tmp_path / "staging" / ".tmp-old").exists()
    run_sweep(shop)
    assert [path.name for path in (tmp_path / "staging").iterdir()] == [".tmp-new"]


def test_files_of_another_origin_are_not_touched(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    strange = {"staging/readme.txt", "staging/ab/notes.png", "published/bags/x.jpg", "other/x.parquet", "codes/x"}
    for key in strange:
        shop.store.write(key, b"x")
    shop.backdate(100)
    assert swept(shop) == {}
    assert strange <= shop.keys()


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
    shop.write_run_folder("idle", is_open=False, files=["report.json", "report.html"])
    for key in (layout.scores("ab" * 32, "f" * 12, "s" * 12), layout.model_sample("nano", "r1")):
        shop.store.write(key, b"{}")
    for key in (
        layout.source_photo("ab" * 32, "jpg"),
        layout.cutout_mask("ab" * 32, "cd" * 32),
        layout.stage_image("ab" * 32),
    ):
        shop.store.write(key, b"photo")
    shop.store.write(layout.deletion_mark("shoes", "killed"), b"{}")
    record_purge(shop.store, "shoes", [], "r1")
    acquire(shop.store, layout.run_lease("shoes", "r1"), "somebody", 60)
    shop.store.write("probe/x", b"xx")
    shop.store.write(layout.access_log("2025-01-01", "a server"), b"{}")
    asked_about(shop, "r1", review_row("one", "sample", -2))
    shop.backdate(400)
    return shop


def test_a_dry_run_reports_the_same_numbers_and_deletes_nothing(tmp_path: Path) -> None:
    shop = everything(tmp_path)
    there = shop.keys()
    dry = run_sweep(shop, keep_releases=1, dry_run=True)
    assert shop.keys() == there
    wet = run_sweep(shop, keep_releases=1)
    assert asdict(dry) | {"dry_run": False} == asdict(wet)
    assert all(count.files for count in wet.counts.values()), wet.counts
    assert wet.counts["probes"].bytes == 2
    assert asdict(run_sweep(shop, keep_releases=1))["counts"] == NOTHING_SWEPT


def test_ages_are_taken_by_the_clock_that_is_given(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.stage_image("red")
    now = datetime.now(UTC)
    assert swept(shop, now=now + timedelta(days=6)) == {}
    assert swept(shop, now=now + timedelta(days=8)) == {"staged": 2}


def lasting_keys(shop: StoreScenario) -> set[str]:
    """Return the keys whose names do not depend on how many times it was tried, and no mark of a killed sweep."""
    varying = ("codes/", layout.run_archive_prefix(), layout.DELETION_MARKS)
    return {key for key in shop.keys() if not key.startswith(varying)}  # noqa: SIM118


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
            run_sweep(shop, store=store, tables=FaultyTables(open_tables(shop.store.url), mortality), keep_releases=2)
        except InjectedFault:
            assert mortality.has_failed
        return mortality.operation_count

    undisturbed = another("undisturbed")
    operations = attempt(undisturbed, None)
    left = lasting_keys(undisturbed)
    for dies_at in range(1, operations + 1, 3):
        shop = another(str(dies_at))
        attempt(shop, dies_at)
        for version in (2, 3):
            assert shop.published_objects(version) == shown[version]
            assert set(shown[version].values()) <= shop.keys("published/")
        fingerprints = [pq.read_table(shop.folder / key).to_pylist() for key in shop.keys("codes/")]
        assert any(fingerprints)
        run_sweep(shop, keep_releases=2)
        assert lasting_keys(shop) == left, dies_at
        shutil.rmtree(shop.folder)


def test_numbers_that_cannot_be_are_refused(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path / "one")
    for wrong in ({"keep_days": -1}, {"keep_releases": 0}):
        with pytest.raises(OptionError, match="give at least 0 days and 1 release"):
            run_sweep(shop, **wrong)
    with pytest.raises(ValueError, match="cannot be swept by the tables of"):
        sweep(shop.store, StoreScenario(tmp_path / "other").tables)
