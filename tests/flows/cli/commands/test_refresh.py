"""plan says what a night would do and makes nothing; release lets a held batch go."""

import os
import stat
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

from catalogs.answers.answer import AnswerKind
from flows.cli.commands.refresh import isolate_prefect
from tasks.answers.answer_log import read_answers
from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.prefect_stack import prefect_records
from tests.fixtures.refresh_harness import RefreshHarness, missing_report_keys


@pytest.fixture
def harness(tmp_path: Path) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(4)]
    return RefreshHarness(
        tmp_path, [*rows, {"sku": "gun", "title": "Toy Revolver"}, {"sku": "untitled", "title": ""}], MINIMAL_RECIPE
    )


def test_a_plan_says_all_that_a_report_says_and_makes_nothing(run_cli: RunCli, harness: RefreshHarness) -> None:
    asked = harness.parameters()
    words = ("--store", asked.store, "--recipe", asked.recipe, "--catalogue", "shop", "--stub-seconds", "1.5")
    before = sorted(harness.folder.rglob("*"))
    said = run_cli("plan", asked.source, *words, "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    report = said.document
    assert missing_report_keys(report) == {}
    assert (report["dry_run"], report["run_id"], report["release"]["version"]) == (True, "", None)
    assert report["rows"] == {"input": 6, "accepted": 5, "rejected": 1, "ignored": 0}
    assert {name: count for name, count in report["slots"].items() if count} == {"new": 5, "blocked": 1}
    assert (report["images"]["planned"], report["images"]["generated"]) == (4, 0)
    assert (report["estimate"]["images"], report["estimate"]["gpu_seconds"]) == (4, 6.0)
    assert report["reasons"] == {"words.weapons": 1}
    assert sorted(harness.folder.rglob("*")) == before


def test_a_plan_for_people_shows_the_same_numbers(run_cli: RunCli, harness: RefreshHarness) -> None:
    asked = harness.parameters()
    said = run_cli("plan", asked.source, "--store", asked.store, "--recipe", asked.recipe)
    assert (said.exit_code, said.stderr) == (0, "")
    assert "Dry run: nothing was made, nothing was published." in said.stdout
    assert [word for word in ("words.weapons", "title is missing", "Warning: ") if word not in said.stdout] == []


def test_a_plan_after_a_night_finds_nothing_to_do(run_cli: RunCli, harness: RefreshHarness) -> None:
    harness.refresh()
    asked = harness.parameters()
    words = ("--store", asked.store, "--recipe", asked.recipe, "--catalogue", "shop")
    report = run_cli("plan", asked.source, *words, "--json").document
    assert {name: count for name, count in report["slots"].items() if count} == {"unchanged": 4, "waiting": 1}
    assert (report["images"]["planned"], report["release"]["version"]) == (0, 1)


def test_a_held_batch_is_released_by_name_with_its_reason_on_record(run_cli: RunCli, harness: RefreshHarness) -> None:
    harness.refresh()
    harness.rows = harness.rows[:3]
    run_id = harness.refresh().report["run_id"]
    store = ("--store", harness.folder / "store")
    said = run_cli("release", run_id, *store, "--accept", "retired-share", "--reason", "Sold out", "--json")
    assert (said.exit_code, said.stderr, missing_report_keys(said.document)) == (0, "", {})
    assert (said.document["slots"]["retired"], said.document["held"]) == (1, [])
    (answer,) = read_answers(harness.store, "shop", kinds={AnswerKind.RELEASE})
    assert (answer.why, bool(answer.who), answer.details) == (
        "Sold out",
        True,
        {"run_id": run_id, "checks": ["retired-share"]},
    )


def test_a_rehearsal_keeps_away_from_the_callers_prefect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_PROFILE"):
        monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("PREFECT_HOME", "/somewhere/else")
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    kept = dict(os.environ)
    try:
        isolate_prefect(tmp_path / "out")
        ours = {name: value for name, value in os.environ.items() if name.startswith(("PREFECT_", "DO_"))}
        assert ours == {"PREFECT_HOME": str(tmp_path / "out" / "prefect"), "DO_NOT_TRACK": "1"}
        assert stat.S_IMODE((tmp_path / "out" / "prefect").stat().st_mode) == 0o700
    finally:
        os.environ.clear()
        os.environ.update(kept)


def test_s1_a_server_of_the_callers_own_is_used_with_the_callers_login(
    run_cli: RunCli, harness: RefreshHarness, prefect_api: str
) -> None:
    asked = harness.parameters()
    options = ("--store", asked.store, "--recipe", asked.recipe, "--catalogue", "own-login", "--json")
    with temporary_settings({PREFECT_API_AUTH_STRING: "admin:pass"}):
        refused = run_cli("refresh", asked.source, *options)
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert "refuses this login (HTTP 401); give the server's own in PREFECT_API_AUTH_STRING" in refused.stderr
    assert run_cli("refresh", asked.source, *options).exit_code == 0
    assert "own-login" in {tag for run in prefect_records("flow_runs") for tag in run["tags"]}
