"""engine add, engine list: what is in the store, for people and for programs."""

import json
from pathlib import Path

import pytest

from tests.catalogs.models.test_engine_artifacts import built
from tests.flows.cli.conftest import Run


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    (folder / "transformer").mkdir(parents=True)
    (folder / "transformer" / "model.plan").write_bytes(b"plan")
    (folder / "card.json").write_text(json.dumps(built()))
    return folder


def test_an_engine_is_put_in_and_listed(run: Run, plans: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert run("engine", "list", store).out == "The store has no engines.\n"
    said = run("engine", "add", plans, "--store", store, "--name", "turbo")
    assert said.code == 0
    assert f"turbo/1 is in the store. Not verified yet: packshot engine verify turbo/1 --store {store}" in said.out
    shown = run("engine", "list", store)
    assert "turbo/1" in shown.out
    (card,) = run("engine", "list", store, "--json").document["engines"]
    assert (card["model"], card["version"], card["state"]) == ("turbo", 1, "building")
    assert (card["facts"]["gpu"], card["facts"]["tensorrt"]) == ("NVIDIA H200", "11.4.0")
    assert run("engine", "list", store, "--name", "base", "--json").document == {"engines": []}


def test_a_folder_without_a_card_is_bad_input(run: Run, tmp_path: Path) -> None:
    said = run("engine", "add", tmp_path, "--store", tmp_path / "store", "--name", "turbo")
    assert (said.code, "has no readable card.json" in said.err) == (2, True)


def test_an_engine_that_is_not_there_is_bad_input(run: Run, tmp_path: Path) -> None:
    said = run("engine", "verify", "turbo/1", "--store", tmp_path, "--model", tmp_path)
    assert (said.code, "has no engine turbo/1; it has none" in said.err) == (2, True)
