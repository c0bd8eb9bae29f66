"""policy try says and writes nothing; policy apply withdraws, and ends with 1 where a person must say so first."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures.refresh_harness import Shop
from tests.flows.cli.commands.test_refresh import RECIPE
from tests.flows.cli.conftest import Run

NO_THING_ONE = """\
extends: default
version: 2
words:
  categories:
    brands: {verdict: BLOCK, terms: [thingamajig]}
"""


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(3)]
    rows.append({"sku": "odd", "title": "Thingamajig"})
    shop = Shop(tmp_path_factory.mktemp("shop"), rows, RECIPE)
    shop.night()
    return shop


@pytest.fixture
def shop(first_night: Shop, tmp_path: Path) -> Shop:
    shutil.copytree(first_night.folder / "store", tmp_path / "store")
    (tmp_path / "new.yaml").write_text(NO_THING_ONE)
    return Shop(tmp_path, first_night.rows, RECIPE)


def test_trying_says_what_would_flip_and_leaves_the_store_as_it_is(run: Run, shop: Shop) -> None:
    before = {info.key for info in shop.store.list("")}
    said = run("policy", "try", shop.folder / "new.yaml", "--store", shop.folder / "store", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.document["matrix"]["PASS"] == {"PASS": 3, "REVIEW": 0, "BLOCK": 1}
    assert said.document["flips"][0]["skus"] == ["odd"]
    shown = run("policy", "try", shop.folder / "new.yaml", "--store", shop.folder / "store", "--catalogue", "shop")
    assert (shown.code, "words.brands" in shown.out) == (0, True)
    assert {info.key for info in shop.store.list("")} == before


def test_applying_asks_first_and_then_withdraws(run: Run, shop: Shop) -> None:
    words = ("policy", "apply", shop.folder / "new.yaml", "--store", shop.folder / "store")
    dry = run(*words, "--dry-run", "--json")
    assert (dry.code, dry.document["held"], len(shop.manifest())) == (0, ["withdrawn-share"], 4)
    held = run(*words)
    assert (held.code, len(shop.manifest())) == (1, 4)
    assert "1 of 4 live pictures would go" in " ".join(held.out.split())
    done = run(*words, "--accept", "withdrawn-share", "--reason", "they asked", "--json")
    assert (done.code, done.document["withdrawn"], done.document["release"]["version"]) == (0, {"pictures": 1}, 2)
    assert {sku for sku, *_ in shop.manifest()} == {"thing-0", "thing-1", "thing-2"}
    again = run(*words, "--json")
    assert (again.code, again.document["release"]["version"], again.document["run_id"]) == (0, 2, None)


def test_a_policy_that_is_not_there_is_bad_input(run: Run, shop: Shop) -> None:
    said = run("policy", "try", shop.folder / "none.yaml", "--store", shop.folder / "store")
    assert (said.code, "cannot be read" in said.err) == (2, True), said.err


@pytest.mark.parametrize("command", ["calibrate"])
def test_the_group_names_its_commands(run: Run, command: str) -> None:
    said = run("policy", "--help")
    assert said.code == 0
    assert command in said.out
