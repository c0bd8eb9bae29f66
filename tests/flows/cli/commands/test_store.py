"""The commands that look after a store: what they print, and what they leave behind."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures.refresh_harness import Shop
from tests.flows.cli.commands.test_refresh import RECIPE
from tests.flows.cli.conftest import Run


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(3)]
    shop = Shop(tmp_path_factory.mktemp("shop"), rows, RECIPE)
    shop.night()
    shop.row("thing-1")["title"] = "Another Thing"
    shop.night()
    return shop


@pytest.fixture
def shop(two_nights: Shop, tmp_path: Path) -> Shop:
    shutil.copytree(two_nights.folder / "store", tmp_path / "store")
    return Shop(tmp_path, two_nights.rows, RECIPE)


def test_releases_are_listed_newest_first(run: Run, shop: Shop) -> None:
    said = run("releases", shop.folder / "store", "--json")
    lines = said.document["releases"]
    assert (said.code, said.err) == (0, "")
    assert [(line["version"], line["kind"], line["rows"], line["current"]) for line in lines] == [
        (2, "release", 1, True),
        (1, "release", 3, False),
    ]
    shown = run("releases", shop.folder / "store").out
    assert shown.count("shop") == 2
    assert shown.index("current") > shown.index("version")


def test_a_rollback_is_one_command_there_and_one_back(run: Run, shop: Shop) -> None:
    newest = shop.manifest()
    said = run("rollback", shop.folder / "store", "--json")
    assert (said.code, said.document["version"], said.document["target"]) == (0, 3, 1)
    assert (said.document["restored"], said.document["dropped"], said.document["withdrawn"]) == (1, 0, 1)
    assert shop.manifest() != newest
    back = run("rollback", shop.folder / "store", "--to", 2)
    assert back.code == 0
    assert "Release 4 of shop shows what release 2 showed: 1 pictures back, 0 gone, 1 withdrawn." in " ".join(
        back.out.split()
    )
    assert {name: row["object"] for name, row in shop.manifest().items()} == {
        name: row["object"] for name, row in newest.items()
    }


def test_a_rollback_to_what_never_was_is_refused(run: Run, shop: Shop) -> None:
    said = run("rollback", shop.folder / "store", "--to", 9)
    assert (said.code, "has no release 9; one can go back to: 1" in said.err) == (2, True), said.err
    said = run("rollback", shop.folder / "store", "--catalogue", "winter")
    assert (said.code, "has no 'winter'; it has shop" in said.err) == (2, True), said.err


def test_verify_finds_a_picture_that_is_gone_and_ends_with_1(run: Run, shop: Shop) -> None:
    said = run("verify", shop.folder / "store", "--deep")
    assert (said.code, "3 pictures of release 2 of shop: each is there" in said.out) == (0, True), said.out
    row = shop.manifest()["thing-1", "front", 0]
    (shop.folder / "store" / row["object"]).unlink()
    said = run("verify", shop.folder / "store", "--json")
    assert (said.code, said.document["missing"], said.document["checked"]) == (1, 1, 3)
    assert said.document["findings"][0]["sku"] == "thing-1"


def test_sweep_says_what_would_go_and_keeps_all_that_is_young(run: Run, shop: Shop) -> None:
    before = sorted((shop.folder / "store").rglob("*.jpg"))
    assert run("sweep", shop.folder / "store", "--dry-run").code == 0
    said = run("sweep", shop.folder / "store", "--json")
    assert (said.code, said.err) == (0, "")
    assert sorted((shop.folder / "store").rglob("*.jpg")) == before
    assert run("verify", shop.folder / "store", "--deep").code == 0


def test_a_store_without_a_catalogue_says_so(run: Run, tmp_path: Path) -> None:
    said = run("verify", tmp_path / "nothing")
    assert (said.code, "has none" in said.err) == (2, True), said.err
