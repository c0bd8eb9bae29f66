"""`packshot recipe init`: writes a recipe and shows its prompts; it replaces nothing unasked."""

from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli

SHOP = "Handle ID,Product Name,Colour,Price\nA-1,Oak tray,natural,19\nA-2,Linen apron,grey,39\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.chdir(tmp_path)
    Path("shop.csv").write_text(SHOP, "utf-8")


def test_the_recipe_is_written_and_its_prompts_are_shown(run_cli: RunCli) -> None:
    said = run_cli("recipe", "init", "shop.csv", "--out", "my.yaml")
    assert (said.exit_code, said.stderr) == (0, "")
    words = " ".join(said.stdout.split())
    assert "title Product Name Oak tray its name" in words
    assert "A-1 front Studio product photograph of Oak tray, natural, front view" in words
    assert "All rows: 2 read, 2 products, 0 left out, 0 rejected." in words
    assert "next: packshot plan shop.csv --recipe my.yaml --store ./store --engine stub" in words
    assert "extends: default@" in Path("my.yaml").read_text("utf-8")


def test_the_written_recipe_plans_the_same_prompts(run_cli: RunCli) -> None:
    run_cli("recipe", "init", "shop.csv", "--out", "my.yaml")
    said = run_cli("plan", "shop.csv", "--recipe", "my.yaml", "--store", "store", "--engine", "stub", "--json")
    assert said.exit_code == 0
    assert (said.document["rows"]["accepted"], said.document["images"]["planned"]) == (2, 2)


def test_a_file_that_exists_stays_unless_it_may_be_replaced(run_cli: RunCli) -> None:
    Path("recipe.yaml").write_text("mine", "utf-8")
    said = run_cli("recipe", "init", "shop.csv")
    assert said.exit_code == 2
    assert "--out: 'recipe.yaml' exists; give another file, or --force to replace it" in said.stderr
    assert Path("recipe.yaml").read_text("utf-8") == "mine"
    assert run_cli("recipe", "init", "shop.csv", "--force").exit_code == 0
    assert "extends" in Path("recipe.yaml").read_text("utf-8")


def test_a_source_that_gives_no_recipe_leaves_no_file(run_cli: RunCli) -> None:
    Path("prices.csv").write_text("sku,price\nA,1\nB,2\nC,3\n", "utf-8")
    said = run_cli("recipe", "init", "prices.csv")
    assert said.exit_code == 2
    assert "No column looks like a title" in said.stderr
    assert not Path("recipe.yaml").exists()


def test_a_folder_and_a_missing_folder_are_told_apart(run_cli: RunCli) -> None:
    assert "is a folder; name a file" in run_cli("recipe", "init", "shop.csv", "--out", ".").stderr
    assert "cannot be written" in run_cli("recipe", "init", "shop.csv", "--out", "none/my.yaml").stderr


def test_scripts_get_one_document(run_cli: RunCli) -> None:
    document = run_cli("recipe", "init", "shop.csv", "--json").document
    assert document["out"] == "recipe.yaml"
    assert document["recipe"] == Path("recipe.yaml").read_text("utf-8")
    assert document["prompts"][1]["sku"] == "A-2"
