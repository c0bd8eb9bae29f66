"""brands list says what the shop sells and from what; brands add and remove record a person's word with its reason."""

from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")


def test_a_person_reads_and_changes_what_the_shop_sells(run_cli: RunCli, tmp_path: Path) -> None:
    rows = [{"sku": f"shoe-{kind}", "title": f"Nike {kind}"} for kind in ("boots", "socks", "sandals")]
    shop = RefreshHarness(tmp_path, [*rows, {"sku": "mug", "title": "Disney mug"}], MINIMAL_RECIPE)
    shop.refresh()
    place = ("--store", tmp_path / "store", "--catalogue", "shop")
    listed = run_cli("brands", "list", *place)
    assert listed.exit_code == 0
    assert "Nike" in listed.stdout
    assert "first full run" in listed.stdout
    added = run_cli("brands", "add", "disney", *place, "--reason", "licensed", "--json")
    assert (added.exit_code, added.document["number"]) == (0, 2)
    assert added.document["sold"] == {"Disney": "person", "Nike": "learned"}
    removed = run_cli("brands", "remove", "Nike", *place, "--reason", "sold out")
    assert (removed.exit_code, "Recorded as fact 3. Sold here: Disney" in removed.stdout) == (0, True)
    wrong = run_cli("brands", "add", "Acme", *place, "--reason", "ours")
    assert (wrong.exit_code, "'Acme' is no brand of the policy in force" in wrong.stderr) == (2, True)
