"""What is left of a run whose folder has gone: one row of key figures, in a few files a month."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalogs import layout
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.json_objects import write_json
from tasks.maintenance.run_archive import MAX_FILES_A_MONTH, archive_runs, read_archived_runs

STARTED = datetime(2026, 11, 3, 2, tzinfo=UTC)


def write_run(store: ObjectStore, run_id: str, started: datetime = STARTED, **closed: Any) -> None:
    files = layout.RunFiles(run_id)
    write_json(store, files.run, {"catalogue": "shoes", "scope": "full", "started_at": started.isoformat()})
    write_json(store, files.closed, {"state": "done", "closed_at": started.isoformat(), "version": 7, **closed})
    slots, images = {"published": 3, "review": 1}, {"generated": 4}
    write_json(store, files.report, {"slots": slots, "images": images, "gpu_seconds": 2.5, "cost": {"total": 0.1}})


def test_a_run_leaves_its_key_figures(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    write_run(store, "r1")
    write_run(store, "r2", STARTED.replace(month=12))
    assert archive_runs(store, ["r1", "r2", "killed"]) == 3
    (row,) = read_archived_runs(store, "2026-11")
    expected = {
        "run_id": "r1", "catalogue": "shoes", "scope": "full", "kind": "release", "state": "done", "version": 7,
        "started_at": STARTED, "closed_at": STARTED, "published": 3, "review": 1, "blocked": None,
        "generated": 4, "gpu_seconds": 2.5, "cost": 0.1,
    }  # fmt: skip
    assert expected.items() <= row.items()
    assert [row["run_id"] for row in read_archived_runs(store)] == ["r1", "r2", "killed"]


def test_a_months_files_are_merged_and_no_run_is_lost_or_told_twice(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    for number in range(4 * MAX_FILES_A_MONTH):
        write_run(store, f"r{number:02}")
        archive_runs(store, [f"r{number:02}"])
        assert len(list(store.list(layout.run_archive_prefix("2026-11")))) <= MAX_FILES_A_MONTH
    archive_runs(store, ["r00", "r01"])
    assert [row["run_id"] for row in read_archived_runs(store)] == [f"r{n:02}" for n in range(4 * MAX_FILES_A_MONTH)]


def test_a_sweep_that_was_killed_between_two_deletions_does_not_blank_a_row(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    write_run(store, "r1")
    archive_runs(store, ["r1"])
    store.delete([layout.RunFiles("r1").closed, layout.RunFiles("r1").report])
    archive_runs(store, ["r1"])
    archive_runs(store, ["r1", "r0"])
    assert [row["state"] for row in read_archived_runs(store) if row["run_id"] == "r1"] == ["done"]
