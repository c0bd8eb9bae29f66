"""Whole commands in processes of their own: what a person, a cron job or a program that reads stdout meets."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.cli.console import print_json
from infra.stores import open_store
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import (
    RefreshHarness,
    assert_counts_add_up,
    assert_published_images,
    missing_report_keys,
)

NONSENSE = {
    "PREFECT_API_URL": "http://127.0.0.1:9/api",
    "PREFECT_API_KEY": "nonsense",
    "PREFECT_PROFILE": "nonsense",
    "AWS_ACCESS_KEY_ID": "nonsense",
    "AWS_SECRET_ACCESS_KEY": "nonsense",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_PROFILE": "nonsense",
    "PACKSHOT_STORE": "s3://nonsense/nowhere",
    "PACKSHOT_ENGINE": "nonsense",
    "PACKSHOT_SHARD_SIZE": "nonsense",
}
"""A caller's environment, full of things that lead elsewhere."""


def packshot(*words: object, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flows.cli", *map(str, words)]
    environment = os.environ | variables
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=500)


def options(harness: RefreshHarness) -> tuple[str, ...]:
    asked = harness.parameters()
    return (asked.source, "--store", asked.store, "--recipe", asked.recipe, "--catalogue", harness.catalogue)


@pytest.fixture
def harness(tmp_path: Path) -> RefreshHarness:
    return RefreshHarness(
        tmp_path, [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(4)], MINIMAL_RECIPE
    )


@pytest.mark.slow
def test_a_refresh_prints_one_json_document_on_stdout_and_nothing_else(harness: RefreshHarness) -> None:
    done = packshot("refresh", *options(harness), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert missing_report_keys(report) == {}
    assert_counts_add_up(report)
    assert (report["slots"]["published"], report["images"]["generated"]) == (4, 4)
    assert done.stdout == printed(report)
    assert_published_images(harness.store, harness.manifest())
    assert (len(harness.manifest()), harness.open_run_markers()) == (4, [])
    assert json.loads(harness.store.read(f"runs/{report['run_id']}/report.json")) == report


def printed(report: dict[str, Any]) -> str:
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as out:
        print_json(report)
    return out.getvalue()


@pytest.mark.slow
def test_exit_codes_say_done_held_and_wrong_input(harness: RefreshHarness) -> None:
    assert packshot("refresh", *options(harness)).returncode == 0
    harness.rows = harness.rows[:2]
    held = packshot("refresh", *options(harness))
    assert held.returncode == 1
    [command] = [line for line in held.stdout.splitlines() if "packshot release" in line]
    assert "--accept retired-share" in command
    run_id = command.split("packshot release ")[1].split()[0]
    words = ("--store", harness.folder / "store", "--accept", "retired-share", "--reason", "Sold out")
    assert packshot("release", run_id, *words).returncode == 0
    assert len(harness.manifest()) == 2

    wrong = packshot("refresh", harness.folder / "nowhere.csv", *options(harness)[1:])
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
    assert wrong.stderr.splitlines()[-1].startswith("packshot: There is no file or folder")
    (harness.folder / "in-the-way").write_text("a file")
    misplaced = packshot("refresh", *options(harness), "--store", harness.folder / "in-the-way", "--json")
    assert (misplaced.returncode, misplaced.stdout, "Traceback" in misplaced.stderr) == (2, "", False)
    assert "in-the-way" in misplaced.stderr
    assert (len(harness.manifest()), harness.open_run_markers()) == (2, [])


@pytest.mark.slow
def test_a_prefect_server_that_is_away_is_said_in_one_sentence(harness: RefreshHarness) -> None:
    away = packshot("refresh", *options(harness), "--json", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert (away.returncode, away.stdout, "Traceback" in away.stderr) == (3, "", False)
    assert away.stderr.splitlines()[-1].startswith(
        "packshot: The Prefect server cannot be reached (Failed to reach API"
    )
    assert "unset PREFECT_API_URL" in away.stderr
    assert not (harness.folder / "store").exists()


@pytest.mark.slow
def test_two_rehearsals_in_a_foreign_environment_make_the_pictures_once(tmp_path: Path) -> None:
    out = tmp_path / "rehearsal"
    first, second = (packshot("rehearse", "--engine", "stub", "--out", out, "--json", **NONSENSE) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    night, again = json.loads(first.stdout), json.loads(second.stdout)
    assert night["images"]["generated"] > 30
    assert {word for word, count in night["slots"].items() if count} >= {"new", "published", "review", "blocked"}
    assert again["images"]["generated"] == again["images"]["attempts"] == 0
    assert again["release"]["version"] == night["release"]["version"]
    assert again["slots"]["unchanged"] == night["slots"]["published"]
    assert {path.name for path in tmp_path.iterdir()} == {"rehearsal"}
    assert any(info.key.endswith("report.html") for info in open_store(str(out / "store")).list("runs/"))


@pytest.mark.slow
def test_a_rehearsal_for_people_says_where_to_look(tmp_path: Path) -> None:
    done = packshot("rehearse", "--engine", "stub", "--out", tmp_path / "out", COLUMNS="100")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("Report")]
    page = Path(line.split("file://")[1].strip())
    assert page.is_file()
    assert "<html" in page.read_text("utf-8")
