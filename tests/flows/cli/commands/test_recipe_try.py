"""`packshot recipe try`: a person's table, a program's document, and folders that are not overwritten."""

from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli

NEW = "extends: default@1\ndefaults: {template: 'A drawing of {{ title }}'}\n"


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "shop.csv").write_text("sku,title\nA,Mug\n")
    (tmp_path / "new.yaml").write_text(NEW)
    store = ("--store", str(tmp_path / "store"), "--engine", "stub", "--catalogue", "shop")
    return ("recipe", "try", str(tmp_path / "new.yaml"), str(tmp_path / "shop.csv"), *store)


def test_a_person_sees_both_prompts(run_cli: RunCli, words: tuple[str, ...]) -> None:
    said = run_cli(*words)
    assert (said.exit_code, said.stderr) == (0, "")
    assert "A drawing of Mug" in said.stdout
    assert "default@1" in said.stdout
    assert "0 live slots would be made again" in said.stdout


def test_a_program_gets_one_document(run_cli: RunCli, words: tuple[str, ...]) -> None:
    document = run_cli(*words, "--sample", 1, "--json").document
    assert (document["new"]["images"], document["rows"][0]["new"]["prompt"]) == (1, "A drawing of Mug")


def test_a_folder_that_holds_something_is_not_drawn_into(
    run_cli: RunCli, words: tuple[str, ...], tmp_path: Path
) -> None:
    said = run_cli(*words, "--draw", tmp_path)
    assert said.exit_code == 2
    assert "exists and is not an empty folder; give a new one" in said.stderr
