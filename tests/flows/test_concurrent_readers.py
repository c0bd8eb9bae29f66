"""Readers of a bucket's manifest, as the guide shows them: DuckDB over pyarrow, and the last release's change feed."""

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

GUIDE = ROOT / "docs" / "guides" / "reading-the-manifest.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def night(shop: RefreshHarness, url: str) -> dict[str, Any]:
    with open_thread_executor() as hands:
        report = run_refresh(shop.parameters(store=url), shop.settings, hands)
    assert_counts_add_up(report)
    return report


def catalogue() -> list[Row]:
    return [catalogue_row(f"thing-{number:02d}", f"Plain Thing {number}") for number in range(24)]


@pytest.mark.slow
def test_the_guides_readers_open_a_manifest_in_a_bucket_and_its_last_release(
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
    first, changes, links = BLOCKS
    found: dict[str, Any] = {}
    exec(compile(first, GUIDE.name, "exec"), found)  # noqa: S102 - running it is the point
    shown = capsys.readouterr().out
    assert [f"thing-{number:02d}" in shown for number in (0, 4, 5, 6)] == [True, True, False, False]
    skus = found["rows"]["sku"].to_pylist()
    assert sorted(skus) == sorted(each["sku"] for each in shop.rows)
    assert all(key.startswith("published/sample/") for key in found["rows"]["object"].to_pylist())
    monkeypatch.chdir(tmp_path)
    Path("last-seen-version").write_text("1")  # the reader knows the first release
    exec(compile(changes, GUIDE.name, "exec"), {})  # noqa: S102
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert Counter((kind, sku) for kind, sku, _ in lines) == {
        ("insert", "thing-99"): 1, ("delete", "thing-05"): 1,
        ("update_preimage", "thing-03"): 1, ("update_postimage", "thing-03"): 1,
    }  # fmt: skip
    monkeypatch.setenv("PACKSHOT_PUBLIC_URL", "https://cdn.example/shop/")
    exec(compile(links, GUIDE.name, "exec"), {})  # noqa: S102
    shown_links = [line.rsplit(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert len(shown_links) == 5
    assert all(link.startswith("https://cdn.example/shop/published/sample/thing-") for link in shown_links)
