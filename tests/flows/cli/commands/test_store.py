"""The commands that look after a store: what they print, and what they leave behind."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(3)]
    shop = RefreshHarness(tmp_path_factory.mktemp("shop"), rows, MINIMAL_RECIPE)
    shop.refresh()
    shop.row("thing-1")["title"] = "Another Thing"
    shop.refresh()
    return shop


@pytest.fixture
def harness(two_releases: RefreshHarness, tmp_path: Path) -> RefreshHarness:
    shutil.copytree(two_releases.folder / "store", tmp_path / "store")
    return RefreshHarness(tmp_path, two_releases.rows, MINIMAL_RECIPE)


def test_releases_are_listed_newest_first(run_cli: RunCli, harness: RefreshHarness) -> None:
    said = run_cli("releases", harness.folder / "store", "--json")
    lines = said.document["releases"]
    assert (said.exit_code, said.stderr) == (0, "")
    assert [(line["version"], line["kind"], line["rows"], line["current"]) for line in lines] == [
        (2, "release", 1, True),
        (1, "release", 3, False),
    ]
    assert [line["same_as_current"] for line in lines] == [None, None]
    lines = run_cli("releases", harness.folder / "store", "--changes", "--json").document["releases"]
    assert [(line["shown"]["new"], line["shown"]["changed"], line["same_as_current"]) for line in lines] == [
        (0, 1, True),
        (3, 0, False),
    ]
    shown = run_cli("releases", harness.folder / "store").stdout
    assert shown.count("shop") == 2
    assert shown.index("current") > shown.index("version")


def test_verify_finds_a_picture_that_is_gone_and_ends_with_1(run_cli: RunCli, harness: RefreshHarness) -> None:
    said = run_cli("verify", harness.folder / "store", "--deep")
    assert (said.exit_code, "3 images of release 2 of shop: each is there" in said.stdout) == (0, True), said.stdout
    row = harness.manifest()["thing-1", "front", 0]
    (harness.folder / "store" / row["object"]).unlink()
    said = run_cli("verify", harness.folder / "store", "--json")
    assert (said.exit_code, said.document["missing"], said.document["checked"]) == (1, 1, 3)
    assert said.document["findings"][0]["sku"] == "thing-1"


def test_sweep_says_what_would_go_and_keeps_all_that_is_young(run_cli: RunCli, harness: RefreshHarness) -> None:
    before = sorted((harness.folder / "store").rglob("*.jpg"))
    assert run_cli("sweep", harness.folder / "store", "--dry-run").exit_code == 0
    said = run_cli("sweep", harness.folder / "store", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    assert sorted((harness.folder / "store").rglob("*.jpg")) == before
    assert run_cli("verify", harness.folder / "store", "--deep").exit_code == 0


def test_a_store_without_a_catalogue_says_so(run_cli: RunCli, tmp_path: Path) -> None:
    said = run_cli("verify", tmp_path / "nothing")
    assert (said.exit_code, "has none" in said.stderr) == (2, True), said.stderr
