"""The sweep as a flow: the same sweep, with a table on its page."""

import json
from pathlib import Path

from flows.sweep import sweep
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.prefect_stack import prefect_records
from tests.fixtures.refresh_harness import RefreshHarness


def test_a_dry_sweep_says_what_would_go_and_keeps_it(prefect_api: str, tmp_path: Path) -> None:
    shop = RefreshHarness(tmp_path, [{"sku": "mug", "title": "Mug"}], STUB_RECIPE)
    shop.refresh()
    before = sorted(info.key for info in shop.store.list(""))
    swept = sweep(store=str(tmp_path / "store"), dry_run=True)
    assert (swept["dry_run"], swept["counts"]["published"]["files"]) == (True, 0)
    assert sorted(info.key for info in shop.store.list("")) == before
    [table] = [found for found in prefect_records("artifacts") if found["key"] == "sweep"]
    assert {row["what"] for row in json.loads(table["data"])} == set(swept["counts"])
    assert table["description"].startswith("Would go from ")
