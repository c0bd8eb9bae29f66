"""Upgrades: the stores that commit 091e488 left, under today's code.

Inputs: stores unpacked anew for each test; README.md beside them says which commands made them. Outputs: what commands
print, as a person types them. An idle refresh makes, renders and rewrites nothing; a killed run is resumed or closed.
Nothing is imported but the console script, so that no move of a module reaches this file.
"""

import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from tests.paths import DATA

STORES = DATA / "store-091e488"
NOTHING = {"new": 0, "changed": 0, "retired": 0, "published": 0, "failed": 0, "deferred": 0}

Packshot = Callable[..., dict[str, Any]]


@pytest.fixture
def packshot(
    prefect_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Packshot:
    """Run a command in a folder that holds the stores' catalogues, recipes and policies; return its JSON document."""
    for file in (*STORES.glob("*.csv"), *STORES.glob("*.yaml")):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "golden")
    monkeypatch.setattr("flows.cli.__main__.end_process", sys.exit)  # this process goes on
    [script] = entry_points(group="console_scripts", name="packshot")
    main = script.load()

    def command(*arguments: str, code: int = 0) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["packshot", *arguments, "--json"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, errors = capsys.readouterr()
        assert (ended.value.code or 0) == code, f"{arguments}: {ended.value.code}\n{out[-2000:]}\n{errors[-2000:]}"
        document: dict[str, Any] = json.loads(out)
        return document

    return command


def unpack(name: str) -> Path:
    with tarfile.open(STORES / f"{name}.tar.gz") as archive:
        archive.extractall(Path.cwd(), filter="data")
    return Path.cwd() / "store"


def refresh(packshot: Packshot, catalogue: str, source: str = "", *more: str, code: int = 0) -> dict[str, Any]:
    words = {"recipe": "recipe.yaml", "policy": "policy.yaml"}
    if catalogue == "models":  # its live images_before were judged by another policy since, and its model is registered
        words = {"recipe": "models.yaml", "policy": "policy-strict.yaml"}
    options = [part for name, word in words.items() for part in (f"--{name}", word)]
    place = ("--store", "store", "--catalogue", catalogue, "--no-wait")
    return packshot("refresh", source or f"{catalogue}.csv", *place, *options, *more, code=code)


def with_added_columns(rows: dict[tuple[str, str], dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return rows of an older manifest with the columns that it did not have."""
    return {slot: row | {"mode": None, "photo_sha": None, "stage": None, "kept": None} for slot, row in rows.items()}


def live_rows(store: Path, catalogue: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows = DeltaTable(str(store / "manifest" / catalogue)).to_pyarrow_table().to_pylist()
    return {(row["sku"], row["view"]): row for row in rows}


def outcomes(store: Path, catalogue: str) -> dict[str, tuple[str, int]]:
    rows = DeltaTable(str(store / "outcomes" / catalogue)).to_pyarrow_table().to_pylist()
    return {f"{row['sku']} {row['request_key'].hex()[:8]}": (row["state"], row["attempts"]) for row in rows}


def read_plan(store: Path, report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((store / "runs" / report["run_id"] / "plan.json").read_text("utf-8"))
    return found


def staged_images(store: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (store / "staging").rglob("*.png")}


def open_runs(store: Path, catalogue: str) -> list[str]:
    return [file.stem for file in (store / "open" / catalogue).glob("*.json")]


def newest_release(packshot: Packshot, catalogue: str) -> int:
    """Return the newest version that is a release: added columns, for one, are versions of the table too."""
    version: int = packshot("releases", "store", "--catalogue", catalogue)["releases"][0]["version"]
    return version


def assert_idle(store: Path, report: dict[str, Any], version: int) -> None:
    """0 images made, 0 prompts rendered, 0 digests refreshed, and no release."""
    images, plan = report["images"], read_plan(store, report)
    assert (images["planned"], images["generated"], images["reused"], images["attempts"]) == (0, 0, 0, 0)
    assert {name: report["slots"][name] for name in NOTHING} == NOTHING
    assert (plan["slots"]["rendered"], plan["refreshed"], plan["images"]) == (0, 0, 0)
    assert report["release"]["version"] == version


@pytest.mark.parametrize("catalogue", ["golden", "models"])
def test_a_refresh_of_the_same_catalogue_makes_renders_and_rewrites_nothing(packshot: Packshot, catalogue: str) -> None:
    store = unpack("finished")
    before, outcomes_before, images_before = (
        live_rows(store, catalogue),
        outcomes(store, catalogue),
        staged_images(store),
    )
    version = newest_release(packshot, catalogue)
    report = refresh(packshot, catalogue, "catalogue.csv" if catalogue == "golden" else "")
    assert_idle(store, report, version)
    # Golden's Rain Boots were taken back: their slots wait, and show the Chelsea Boots that were there before.
    assert report["slots"]["unchanged"] == len(before) - (2 if catalogue == "golden" else 0)
    assert live_rows(store, catalogue) == with_added_columns(before)
    assert outcomes(store, catalogue) == outcomes_before
    assert staged_images(store) == images_before
    assert open_runs(store, catalogue) == []


def test_an_upgrade_says_what_it_would_do_and_a_newer_store_is_refused(packshot: Packshot) -> None:
    store = unpack("finished")
    found = packshot("upgrade", "store", "--dry-run")
    assert (found["layout_before"], found["needed"], found["dry_run"]) == (1, True, True)
    assert not (store / "store.json").exists()
    assert packshot("upgrade", "store")["actions"] == found["actions"]
    assert packshot("upgrade", "store")["needed"] is False
    newer = json.loads((store / "store.json").read_text("utf-8")) | {"layout": found["layout"] + 1}
    (store / "store.json").write_text(json.dumps(newer), "utf-8")
    before = sorted(file for file in store.rglob("*") if file.is_file())
    with pytest.raises(json.JSONDecodeError):  # a sentence on stderr, and no document
        refresh(packshot, "golden", "catalogue.csv", code=2)
    assert sorted(file for file in store.rglob("*") if file.is_file()) == before


def test_releases_are_listed_verified_and_gone_back_to(packshot: Packshot) -> None:
    store = unpack("finished")
    lines = packshot("releases", "store", "--catalogue", "golden")["releases"]
    kinds = [(line["version"], line["kind"], line["back_to"]) for line in reversed(lines)]
    assert kinds == [(1, "release", None), (2, "approval", None), (3, "release", None), (4, "rollback", 2),
                     (5, "release", None)]  # fmt: skip
    for catalogue in ("golden", "later", "held", "models"):
        packshot("verify", "store", "--catalogue", catalogue, "--deep")
    now = live_rows(store, "golden")
    assert "our-app" in now["SHIRT-1", "front"]["channels"]
    assert "our-app" not in now["SHIRT-2", "front"]["channels"]
    done = packshot("rollback", "store", "--catalogue", "golden", "--to", "1", "--drop-new")
    assert (done["previous"], done["target"]) == (5, 1)
    assert done["dropped"] == 1
    assert done["withdrawn"] == 2
    assert ("BOX-8", "front") in now
    assert ("BOX-8", "front") not in live_rows(store, "golden")


def test_deferred_slots_are_made_and_a_failed_one_has_its_last_attempt(packshot: Packshot) -> None:
    store = unpack("finished")
    states = {key.split()[0]: state for key, state in outcomes(store, "later").items()}
    # MUG-1 and SHIRT-1 were deferred before they were published: a row whose key is live has no effect.
    deferred = dict.fromkeys(("LATER-2", "LATER-3", "MUG-1", "SHIRT-1"), ("deferred", 0))
    assert states == {"LATER-1": ("failed", 1), **deferred}
    report = refresh(packshot, "later", code=1)
    slots, images = report["slots"], report["images"]
    assert (slots["unchanged"], slots["new"], slots["published"], slots["failed"]) == (2, 3, 2, 1)
    assert (images["generated"], images["failed"]) == (2, 1)
    again = refresh(packshot, "later")
    assert read_plan(store, again)["slots"]["rendered"] == 0


def test_a_held_batch_is_let_go(packshot: Packshot) -> None:
    store = unpack("finished")
    [run] = open_runs(store, "held")
    images_before = staged_images(store)
    word = ("--store", "store", "--accept", "retired-share", "--reason", "as meant")
    report = packshot("release", run, *word)
    assert (report["slots"]["retired"], report["images"]["generated"]) == (2, 0)
    assert sorted({sku for sku, _ in live_rows(store, "held")}) == ["BOOT-1", "BOX-1", "MUG-1", "SHIRT-1"]
    assert staged_images(store) == images_before
    assert open_runs(store, "held") == []


def test_a_killed_run_goes_on_and_makes_only_what_was_missing(packshot: Packshot) -> None:
    store = unpack("killed")
    [run] = open_runs(store, "killed")
    before, recorded = (
        staged_images(store),
        sum(pq.read_metadata(file).num_rows for file in store.rglob("records/*.parquet")),
    )
    assert 0 < recorded < len(before)
    assert not (store / "manifest").exists()
    report = refresh(packshot, "killed")
    after = staged_images(store)
    assert (report["run_id"], report["resumed"]) == (run, True)
    assert {name: after[name] for name in before} == before
    # 15 requests (one prompt is refused), and the second attempt of the one that comes out blank.
    assert len(after) == 16
    # What the shards' records tell of was generated by this very run; what was only staged is found, the rest is made.
    assert report["images"]["reused"] == len(before) - recorded
    assert report["images"]["generated"] == recorded + 16 - len(before)
    assert (report["slots"]["published"], report["slots"]["blocked"]) == (14, 2)
    assert len(live_rows(store, "killed")) == 14
    assert open_runs(store, "killed") == []
    assert_idle(store, refresh(packshot, "killed"), 1)


def test_a_run_that_was_killed_after_its_commit_is_closed_by_the_next_command(packshot: Packshot) -> None:
    store = unpack("killed-committed")
    catalogue = "killed-committed"
    [run] = open_runs(store, catalogue)
    shown, images_before = live_rows(store, catalogue), staged_images(store)
    assert not (store / "outcomes").exists()
    report = refresh(packshot, catalogue, code=1)  # 1: the poisoned one fails again, in a run of its own
    assert json.loads((store / "runs" / run / "closed.json").read_text("utf-8"))["state"] == "done"
    assert report["run_id"] != run
    assert (report["images"]["generated"], report["slots"]["unchanged"], report["slots"]["failed"]) == (0, 3, 1)
    assert live_rows(store, catalogue) == with_added_columns(shown)
    assert staged_images(store) == images_before
    assert newest_release(packshot, catalogue) == 1
    assert {key.split()[0]: state for key, state in outcomes(store, catalogue).items()} == {
        "COMMITTED-2": ("blocked", 2), "COMMITTED-3": ("failed", 2)
    }  # fmt: skip
    assert open_runs(store, catalogue) == []


def test_no_store_says_where_it_was_made() -> None:
    for name in ("finished", "killed", "killed-committed"):
        with tarfile.open(STORES / f"{name}.tar.gz") as archive:
            for member in archive.getmembers():
                stream = archive.extractfile(member)
                assert stream is not None
                data = stream.read()
                for word in (b"/tmp/", b"/home/", b"/root", b"/work", b"PRIVATE KEY"):
                    assert word not in data, f"{name}: {member.name}: {word!r}"
