"""A11: when variants' shares or names change, a view shows one live image at all times, and nothing is held.

Before: a partial run published variant b beside variant a, and a nightly run that moved more than 5 % was held.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.runs.job import Scope
from tests.fixtures.crash_harness import (
    CATALOGUE,
    RECIPE,
    CrashHarness,
    JsonObject,
    assert_slots_accounted_for,
    assert_store_consistent,
    catalogue_row,
)

MANIFEST = layout.manifest_table(CATALOGUE)
ROWS = [catalogue_row(f"thing-{number:02d}", f"Plain Thing {number}") for number in range(12)]
TEMPLATES = {
    "plain": RECIPE["defaults"]["template"],
    "warm": "Photograph of {{ title }} in warm light, {{ phrase }} {{ note }}",
    "banned": "Photograph of {{ title }} with a revolver, {{ phrase }} {{ note }}",
}


def variants(template: str = "warm", **shares: float) -> JsonObject:
    """Return a recipe's variants: the first one plain, others by a template."""
    names = list(shares)
    return {
        name: {"share": shares[name], "template": TEMPLATES["plain" if name == names[0] else template]}
        for name in names
    }


def rows_of(harness: CrashHarness, version: int | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = harness.tables.read(MANIFEST, version=version).to_pylist()
    return rows


def assert_one_image_a_view(harness: CrashHarness) -> None:
    newest = harness.tables.version(MANIFEST)
    assert newest is not None
    for version in range(1, newest + 1):
        shown = Counter((row["sku"], row["view"], row["index"]) for row in rows_of(harness, version))
        assert max(shown.values()) == 1, f"version {version} shows two images of one view"
        assert len(shown) == len(ROWS), f"version {version} shows nothing of a view"


@pytest.mark.parametrize("scope", ["full", "partial"])
@pytest.mark.parametrize("after", [{"a": 0.5, "b": 0.5}, {"c": 1.0}], ids=["shares", "names"])
def test_a_sku_that_moves_to_another_variant_shows_one_image_at_all_times(
    tmp_path: Path, scope: Scope, after: dict[str, float]
) -> None:
    harness = CrashHarness(tmp_path, ROWS, recipe={**RECIPE, "variants": variants(a=1.0, b=0.0)})
    harness.refresh()
    harness.recipe["variants"] = variants(**after)
    report = harness.refresh(scope=scope)
    moved = report["slots"]["new"]
    assert moved > 1, "more than 5 % must move, or nothing would have been held"
    assert report["held"] == []
    assert [report["slots"][name] for name in ("published", "replaced", "retired")] == [moved, moved, 0]
    assert_slots_accounted_for(report)
    assert_one_image_a_view(harness)
    assert Counter(row["variant"] for row in rows_of(harness))["a"] == len(ROWS) - moved
    idle = harness.refresh()
    assert [idle["slots"][name] for name in ("unchanged", "new", "replaced", "retired")] == [len(ROWS), 0, 0, 0]
    assert_store_consistent(harness.store, harness.tables)


@pytest.mark.parametrize("scope", ["full", "partial"])
def test_the_old_variant_s_image_stays_while_the_new_one_is_refused(tmp_path: Path, scope: Scope) -> None:
    harness = CrashHarness(tmp_path, ROWS, recipe={**RECIPE, "variants": variants(a=1.0, b=0.0)})
    harness.refresh()
    harness.recipe["variants"] = variants("banned", a=0.5, b=0.5)
    for _ in range(2):
        report = harness.refresh(scope=scope)
        assert (report["held"], report["slots"]["replaced"], report["slots"]["retired"]) == ([], 0, 0)
        assert_one_image_a_view(harness)
    assert report["slots"]["waiting"] > 1
    harness.rows = ROWS[1:]
    gone = harness.refresh(scope="full")
    assert gone["slots"]["retired"] == 1, "a SKU that left takes its image of the old variant along"


def test_two_images_that_an_earlier_version_left_of_one_view_become_one(tmp_path: Path) -> None:
    harness = CrashHarness(tmp_path, ROWS[:4], recipe={**RECIPE, "variants": variants(a=1.0, b=0.0)})
    harness.refresh()
    harness.recipe["variants"] = variants(b=1.0)
    harness.refresh()
    newest = harness.tables.version(MANIFEST)
    assert newest is not None
    old = harness.tables.read(MANIFEST, version=newest - 1)
    put = old.append_column("_op", [["put"] * old.num_rows])
    harness.tables.merge(
        MANIFEST, put, on=["slot_id"], base_version=newest, metadata={"kind": "release", "run_id": "x"}
    )
    assert len(rows_of(harness)) == 8
    report = harness.refresh(scope="partial")
    assert [report["slots"][name] for name in ("unchanged", "replaced", "retired")] == [4, 4, 0]
    assert {row["variant"] for row in rows_of(harness)} == {"b"}
