"""engine add, engine list: what is in the store, for people and for programs."""

import json
from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli
from tests.fixtures.engine_artifacts import build_manifest


@pytest.fixture
def engine_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    for graph in ("transformer", "vae_decoder"):
        (folder / graph).mkdir(parents=True)
        (folder / graph / "model.plan").write_bytes(b"plan")
    (folder / "card.json").write_text(json.dumps(build_manifest()))
    return folder


def test_an_engine_is_put_in_and_listed(run_cli: RunCli, engine_folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert run_cli("engine", "list", store).stdout == "The store has no engines.\n"
    said = run_cli("engine", "add", engine_folder, "--store", store, "--name", "turbo")
    assert said.exit_code == 0
    assert f"turbo/1 is in the store. Not verified yet: packshot engine verify turbo/1 --store {store}" in said.stdout
    shown = run_cli("engine", "list", store)
    assert "turbo/1" in shown.stdout
    (card,) = run_cli("engine", "list", store, "--json").document["engines"]
    assert (card["model"], card["version"], card["state"]) == ("turbo", 1, "building")
    assert (card["facts"]["gpu"], card["facts"]["tensorrt"]) == ("NVIDIA H200", "11.4.0")
    assert run_cli("engine", "list", store, "--name", "base", "--json").document == {"engines": []}


def test_a_folder_without_a_card_is_bad_input(run_cli: RunCli, tmp_path: Path) -> None:
    said = run_cli("engine", "add", tmp_path, "--store", tmp_path / "store", "--name", "turbo")
    assert (said.exit_code, "has no readable card.json" in said.stderr) == (2, True)


def test_an_engine_that_is_not_there_is_bad_input(run_cli: RunCli, tmp_path: Path) -> None:
    said = run_cli("engine", "verify", "turbo/1", "--store", tmp_path, "--model", tmp_path)
    assert (said.exit_code, "has no engine turbo/1; it has none" in said.stderr) == (2, True)
