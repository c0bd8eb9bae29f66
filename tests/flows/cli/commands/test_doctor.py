"""`packshot doctor` on a terminal and for scripts, and its exit codes."""

from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli


def test_a_store_that_can_do_all_of_it_is_found_well(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKSHOT_SHARDSIZE", "64")
    monkeypatch.setenv("PACKSHOT_CATALOGUE", "home")
    said = run_cli("doctor", "--store", tmp_path, "--json")
    assert said.exit_code == 0
    findings = {each["name"]: each for each in said.document["findings"]}
    names = {"Python", "packages", "GPU", "TensorRT", "settings", "Prefect", "store", "tables", "disk: store"}
    assert names <= findings.keys()
    assert said.document["failed"] == 0
    assert findings["settings"]["found"] == "PACKSHOT_SHARDSIZE is set and has no meaning"
    assert "64" not in findings["settings"]["found"]


def test_what_failed_stands_with_what_to_do_and_ends_in_3(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = run_cli("doctor", "--store", tmp_path / "file" / "store")
    assert said.exit_code == 3
    lines = said.stdout.splitlines()
    assert any(line.startswith("failed") and "store" in line for line in lines)
    assert any("→ Check the URL," in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_url_with_a_password_is_bad_input_and_is_not_repeated(run_cli: RunCli) -> None:
    said = run_cli("doctor", "--store", "s3://ada:sesame@bucket")
    assert said.exit_code == 2
    assert "sesame" not in said.stdout + said.stderr
