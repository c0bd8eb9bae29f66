<<<<<<< HEAD
"""Readers of a bucket's manifest, as the guide shows them: DuckDB over pyarrow, and the last release's change feed."""
=======
"""Readers of a bucket's manifest, as the documentation shows them: DuckDB over pyarrow, and the last release's change feed."""
>>>>>>> 25f6b7b (Read the manifest's readers from their page, and show add-a-gate's lines)

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flows.refresh import run_refresh
from flows.run.executors import open_thread_executor
from tests.fixtures.crash_harness import RECIPE, catalogue_row
from tests.fixtures.refresh_harness import RefreshHarness, Row, assert_counts_add_up
from tests.paths import ROOT

<<<<<<< HEAD
GUIDE = ROOT / "docs" / "guides" / "reading-the-manifest.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
=======
PAGE = (ROOT / "docs/guides/reading-the-manifest.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
>>>>>>> 25f6b7b (Read the manifest's readers from their page, and show add-a-gate's lines)


def night(shop: RefreshHarness, url: str) -> dict[str, Any]:
    with open_thread_executor() as hands:
        report = run_refresh(shop.parameters(store=url), shop.settings, hands)
    assert_counts_add_up(report)
    return report


def catalogue() -> list[Row]:
    return [catalogue_row(f"thing-{number:02d}", f"Plain Thing {number}") for number in range(24)]


@pytest.mark.slow
<<<<<<< HEAD
def test_the_guides_readers_open_a_manifest_in_a_bucket_and_its_last_release(
=======
def test_the_documented_readers_open_a_manifest_in_a_bucket_and_its_last_release(
>>>>>>> 25f6b7b (Read the manifest's readers from their page, and show add-a-gate's lines)
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = RefreshHarness(tmp_path, catalogue(), RECIPE, catalogue="sample")
    assert night(shop, s3_url)["slots"]["published"] == 24
    shop.row("thing-03")["title"] = "Another Thing"
    shop.remove_rows("thing-05")
    shop.rows.append(catalogue_row("thing-99", "New Thing"))
    assert night(shop, s3_url)["release"] == {"version": 2, "previous": 1}
    monkeypatch.setenv("PACKSHOT_STORE", s3_url)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    capsys.readouterr()
    first, last = BLOCKS
    found: dict[str, Any] = {}
<<<<<<< HEAD
    exec(compile(first, GUIDE.name, "exec"), found)  # noqa: S102 - running it is the point
=======
    exec(compile(first, "reading-the-manifest.md", "exec"), found)  # noqa: S102 - running it is the point
>>>>>>> 25f6b7b (Read the manifest's readers from their page, and show add-a-gate's lines)
    shown = capsys.readouterr().out
    assert [f"thing-{number:02d}" in shown for number in (0, 4, 5, 6)] == [True, True, False, False]
    skus = found["rows"]["sku"].to_pylist()
    assert sorted(skus) == sorted(each["sku"] for each in shop.rows)
    assert all(key.startswith("published/sample/") for key in found["rows"]["object"].to_pylist())
<<<<<<< HEAD
    exec(compile(last, GUIDE.name, "exec"), {})  # noqa: S102
=======
    exec(compile(last, "reading-the-manifest.md", "exec"), {})  # noqa: S102
>>>>>>> 25f6b7b (Read the manifest's readers from their page, and show add-a-gate's lines)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert Counter((kind, sku) for kind, sku, _ in lines) == {
        ("insert", "thing-99"): 1, ("delete", "thing-05"): 1,
        ("update_preimage", "thing-03"): 1, ("update_postimage", "thing-03"): 1,
    }  # fmt: skip
