"""The folders of runs that closed long ago shrink to what kept releases need; open and young ones are left alone."""

from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.table_schemas import WITHDRAWALS
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from tasks.maintenance import run_folders
from tasks.maintenance.run_archive import read_archived_runs
from tests.fixtures.store_scenarios import StoreScenario, run_sweep, swept

DOCUMENTS = ["recipe.json", "policy.json", "plan.json", "report.json", "report.html"]
TABLES = ["slots.parquet", "source_rows.parquet", "batch.parquet", "requests/0.parquet", "records/a.parquet"]
NEEDED = {"recipe.json", "slots.parquet", "source_rows.parquet", "requests/0.parquet", "records/a.parquet"}
COMMITTED = NEEDED | {"run.json", "policy.json", "closed.json", "report.json"}


def names(shop: StoreScenario, run_id: str) -> set[str]:
    prefix = layout.RunFiles(run_id).prefix
    return {key.removeprefix(prefix) for key in shop.keys(prefix)}


def test_a_run_keeps_what_kept_releases_and_outcomes_need_of_it(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("past", {"shirt/front": "old", "hat/front": "blue"})
    shop.release("gone", {"shirt/front": "older"})
    shop.backdate(60)
    shop.release("r1", {"shirt/front": "red"})
    shop.commit_outcome("asks", "hat/front", "blue", "review")
    shop.commit_outcome("policy", "sock/front", "grey", "blocked")
    for run_id in ("past", "gone", "r1", "asks", "policy", "measured", "idle"):
        shop.write_run_folder(run_id, is_open=False, files=[*DOCUMENTS, *TABLES])
    key = layout.RunFiles("policy").withdrawals
    write_table(shop.store, key, pa.Table.from_pylist([{"slot_id": b"s" * 16, "run_id": "measured"}], WITHDRAWALS))
    shop.backdate(31)
    before = len(shop.keys("runs/"))
    deleted = swept(shop, keep_releases=1)["runs"]
    assert deleted == before - len(shop.keys("runs/"))
    assert names(shop, "r1") == COMMITTED, "it committed a release that can be gone back to"
    assert names(shop, "past") == NEEDED, "a picture of it is still live"
    assert names(shop, "asks") == NEEDED
    assert names(shop, "policy") == NEEDED | {"withdrawals.parquet"}
    assert names(shop, "measured") == NEEDED, "it measured what the policy withdrew"
    assert names(shop, "gone") == names(shop, "idle") == set()
    archived = [row["run_id"] for row in read_archived_runs(shop.store)]
    assert sorted(archived) == ["asks", "gone", "idle", "measured", "past", "policy"]
    assert swept(shop, keep_releases=1).get("runs") is None


def test_open_and_young_folders_are_left_alone(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder("closed", is_open=False, files=DOCUMENTS)
    shop.write_run_folder("open", is_open=True, files=[*DOCUMENTS, "plan.json"])
    shop.write_run_folder("closed-lately", is_open=False, files=DOCUMENTS)
    shop.backdate(31)
    write_json(shop.store, layout.RunFiles("closed-lately").closed, {"state": "done"})
    assert set(swept(shop)) == {"runs"}
    assert names(shop, "closed") == set()
    assert names(shop, "open") == {"run.json", *DOCUMENTS}
    assert names(shop, "closed-lately") == {"run.json", "closed.json", *DOCUMENTS}
    assert swept(shop, keep_runs_days=60) == {}


def test_a_first_sweep_after_years_is_bounded_and_says_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folders, "MAX_RUNS_AT_ONCE", 3)
    shop = StoreScenario(tmp_path)
    for number in range(5):
        shop.write_run_folder(f"r{number}", is_open=False)
    shop.backdate(40)
    assert run_sweep(shop).notes == ["2 folders of old runs are left for the next sweeps"]
    assert run_sweep(shop).notes == []
    assert len(read_archived_runs(shop.store)) == 5
    assert shop.keys("runs/") == set()


def test_where_a_catalogue_cannot_be_read_every_folder_is_kept(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red"})
    shop.write_run_folder("r0", is_open=False, files=DOCUMENTS)
    for path in (tmp_path / "manifest" / "shoes").glob("*.parquet"):
        path.unlink()
    shop.backdate(40)
    assert "photos and folders of runs are left alone, since a catalogue cannot be read" in run_sweep(shop).notes
    assert names(shop, "r0") == {"run.json", "closed.json", *DOCUMENTS}
