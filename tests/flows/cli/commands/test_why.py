"""`packshot why`: the story of one SKU on one screen, and as JSON."""

from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness


def test_a_sku_is_told_to_people_and_to_scripts(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shop = RefreshHarness(tmp_path, [{"sku": "thing", "title": "Thing"}], MINIMAL_RECIPE)
    shop.refresh()
    said = run_cli("why", "thing", "--store", shop.url)
    words = " ".join(said.stdout.split())
    assert said.exit_code == 0
    shown = (
        "thing shop, release 1",
        "front a 0",
        "prompt Photograph of Thing",
        "live since release 1",
        "0 generated PASS",
    )
    for text in (*shown, "next unchanged"):
        assert text in words
    document = run_cli("why", "thing", "--store", shop.url, "--json").document
    assert document["slots"][0]["live"]["url"] is None
    monkeypatch.setenv("PACKSHOT_PUBLIC_URL", "https://cdn.test/")
    linked = run_cli("why", "thing", "--store", shop.url, "--json").document["slots"][0]["live"]
    assert linked["url"] == f"https://cdn.test/{linked['object']}"
    assert linked["url"] in run_cli("why", "thing", "--store", shop.url).stdout.replace("\n", "").replace(" " * 10, "")
    assert (document["sku"], document["release"], len(document["slots"])) == ("thing", 1, 1)
    assert "no run of this catalogue has decided it" in " ".join(
        run_cli("why", "x", "--store", shop.url).stdout.split()
    )
