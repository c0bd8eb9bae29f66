"""policy try says and writes nothing; policy apply withdraws, and ends with 1 where a person must say so first."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness

NO_THING_ONE = """\
extends: default
version: 2
words:
  categories:
    brands: {verdict: BLOCK, terms: [thingamajig]}
"""


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(3)]
    rows.append({"sku": "odd", "title": "Thingamajig"})
    shop = RefreshHarness(tmp_path_factory.mktemp("shop"), rows, MINIMAL_RECIPE)
    shop.refresh()
    return shop


@pytest.fixture
def harness(first_release: RefreshHarness, tmp_path: Path) -> RefreshHarness:
    shutil.copytree(first_release.folder / "store", tmp_path / "store")
    (tmp_path / "new.yaml").write_text(NO_THING_ONE)
    return RefreshHarness(tmp_path, first_release.rows, MINIMAL_RECIPE)


def test_trying_says_what_would_flip_and_leaves_the_store_as_it_is(run_cli: RunCli, harness: RefreshHarness) -> None:
    before = {info.key for info in harness.store.list("")}
    said = run_cli("policy", "try", harness.folder / "new.yaml", "--store", harness.folder / "store", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.document["matrix"]["PASS"] == {"PASS": 3, "REVIEW": 0, "BLOCK": 1}
    assert said.document["flips"][0]["skus"] == ["odd"]
    shown = run_cli(
        "policy", "try", harness.folder / "new.yaml", "--store", harness.folder / "store", "--catalogue", "shop"
    )
    assert (shown.exit_code, "words.brands" in shown.stdout) == (0, True)
    assert {info.key for info in harness.store.list("")} == before


def test_applying_asks_first_and_then_withdraws(run_cli: RunCli, harness: RefreshHarness) -> None:
    words = ("policy", "apply", harness.folder / "new.yaml", "--store", harness.folder / "store")
    dry = run_cli(*words, "--dry-run", "--json")
    assert (dry.exit_code, dry.document["held"], len(harness.manifest())) == (0, ["withdrawn-share"], 4)
    held = run_cli(*words)
    assert (held.exit_code, len(harness.manifest())) == (1, 4)
    assert "1 of 4 live images would go" in " ".join(held.stdout.split())
    done = run_cli(*words, "--accept", "withdrawn-share", "--reason", "they asked", "--json")
    assert (done.exit_code, done.document["withdrawn"], done.document["release"]["version"]) == (0, {"pictures": 1}, 2)
    assert {sku for sku, *_ in harness.manifest()} == {"thing-0", "thing-1", "thing-2"}
    again = run_cli(*words, "--json")
    assert (again.exit_code, again.document["release"]["version"], again.document["run_id"]) == (0, 2, None)


def test_a_policy_that_is_not_there_is_bad_input(run_cli: RunCli, harness: RefreshHarness) -> None:
    said = run_cli("policy", "try", harness.folder / "none.yaml", "--store", harness.folder / "store")
    assert (said.exit_code, "cannot be read" in said.stderr) == (2, True), said.stderr


@pytest.mark.parametrize("command", ["calibrate"])
def test_the_group_names_its_commands(run_cli: RunCli, command: str) -> None:
    said = run_cli("policy", "--help")
    assert said.exit_code == 0
    assert command in said.stdout
