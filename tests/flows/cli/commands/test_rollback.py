"""The command that takes back what was published: what it prints, and what it leaves live."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    """A shop whose second release shows another picture of one SKU, and a new SKU."""
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(3)]
    shop = RefreshHarness(tmp_path_factory.mktemp("shop"), rows, MINIMAL_RECIPE)
    shop.refresh()
    shop.row("thing-1")["title"] = "Another Thing"
    shop.rows.append({"sku": "thing-new", "title": "Thing of the Year"})
    shop.refresh()
    return shop


@pytest.fixture
def harness(two_releases: RefreshHarness, tmp_path: Path) -> RefreshHarness:
    shutil.copytree(two_releases.folder / "store", tmp_path / "store")
    return RefreshHarness(tmp_path, two_releases.rows, MINIMAL_RECIPE)


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_rollback_is_one_command_there_and_one_back(run_cli: RunCli, harness: RefreshHarness) -> None:
    newest = harness.manifest()
    said = run_cli("rollback", harness.folder / "store", "--json")
    assert (said.exit_code, said.document["version"], said.document["target"]) == (0, 3, 1)
    assert (said.document["restored"], said.document["dropped"], said.document["withdrawn"]) == (1, 0, 1)
    assert (said.document["kept_new"], said.document["slots"]["kept_new"][0]["sku"]) == (1, "thing-new")
    assert harness.manifest() != newest
    back = run_cli("rollback", harness.folder / "store", "--to", 2)
    assert back.exit_code == 0
    assert "Release 4 of shop goes back to what release 2 showed:" in words(back.stdout)
    assert "thing-1 front a 0 shown again" in words(back.stdout)
    assert {name: row["object"] for name, row in harness.manifest().items()} == {
        name: row["object"] for name, row in newest.items()
    }


def test_a_rollback_to_what_never_was_is_refused(run_cli: RunCli, harness: RefreshHarness) -> None:
    said = run_cli("rollback", harness.folder / "store", "--to", 9)
    assert (said.exit_code, "has no release 9; one can go back to: 1" in said.stderr) == (2, True), said.stderr
    said = run_cli("rollback", harness.folder / "store", "--catalogue", "winter")
    assert (said.exit_code, "has no 'winter'; it has shop" in said.stderr) == (2, True), said.stderr


def test_a_dry_run_says_what_would_be_done_and_does_nothing(run_cli: RunCli, harness: RefreshHarness) -> None:
    shown = harness.manifest()
    said = run_cli("rollback", harness.folder / "store", "--to", 1, "--drop-new", "--dry-run")
    assert (said.exit_code, said.stderr) == (0, "")
    for part in ("Nothing is written.", "1 shown again", "1 gone", "thing-1 front a 0 shown again", "thing-new front"):
        assert part in words(said.stdout)
    said = run_cli(
        "rollback", harness.folder / "store", "--sku", "thing-1", "--sku", "thing-new", "--dry-run", "--json"
    )
    assert (said.document["dry_run"], said.document["restored"], said.document["dropped"]) == (True, 1, 1)
    assert harness.manifest() == shown


def test_a_run_and_a_sku_are_taken_back_alone(run_cli: RunCli, harness: RefreshHarness) -> None:
    store = harness.folder / "store"
    run = run_cli("releases", store, "--json").document["releases"][0]["run_id"]
    said = run_cli("rollback", store, "--run", run, "--sku", "thing-new", "--json")
    assert (said.exit_code, said.document["restored"], said.document["dropped"]) == (0, 0, 1)
    assert ("thing-new", "front", 0) not in harness.manifest()
    said = run_cli("rollback", store, "--run", run, "--to", 1)
    assert (said.exit_code, "--to goes back to a release and --run takes one run back" in words(said.stderr)) == (
        2,
        True,
    )


def test_what_was_taken_back_is_readmitted_by_one_command(run_cli: RunCli, harness: RefreshHarness) -> None:
    store = harness.folder / "store"
    run_cli("rollback", store, "--to", 1, "--drop-new")
    said = run_cli("readmit", "thing-new", "thing-2", "--store", store, "--reason", "it was good")
    assert (said.exit_code, said.stderr) == (0, "")
    assert "thing-2 no rollback keeps anything of it away" in words(said.stdout)
    assert "thing-new the next refresh may publish it again" in words(said.stdout)
    said = run_cli("readmit", "thing-1", "--store", store, "--reason", "this too", "--json")
    assert said.document["readmitted"] == 1
    said = run_cli("readmit", "thing-9", "--store", store, "--reason", "typo")
    assert (said.exit_code, "no outcome of the SKU 'thing-9'" in words(said.stderr)) == (2, True)
