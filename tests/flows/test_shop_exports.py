"""Whole catalogues from outside: what three real shops exported, its look-alike, and five thousand made-up SKUs.

The numbers were counted by hand in the files: rows with neither an option nor a price only add a picture to their
product, every other row is a variant that can be bought, and none of them has a SKU of its own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from bench.synthetic_catalogue import synthetic_batches
from catalogs import layout
from catalogs.table_schemas import MANIFEST
from flows.parameters import RefreshParameters
from flows.refresh import run_refresh
from flows.run.dry_run import plan_refresh
from flows.run.executors import open_thread_executor
from infra.stores import open_store
from infra.stores.json_objects import read_json
from infra.tables import open_tables
from tests.fixtures.refresh_harness import (
    SETTINGS,
    Manifest,
    assert_counts_add_up,
    assert_published_images,
    manifest_by_slot,
)
from tests.paths import DATA

LOOKALIKE = DATA / "shopify_lookalike.csv"


@dataclass(frozen=True)
class ExpectedExport:
    """What is in an export: rows, those that only add a picture, and distinct pictures to make."""

    rows: int
    ignored: int
    pictures: int
    examples: tuple[str, ...]

    @property
    def accepted(self) -> int:
        """Return how many rows can be bought."""
        return self.rows - self.ignored


EXPORTS = {
    # Three sizes of one top share a picture.
    "shopify-apparel": ExpectedExport(22, 0, 20, ("ocean-blue-shirt-Default Title", "classic-varsity-top-Medium")),
    # Two sizes of one pot share a picture.
    "shopify-home-and-garden": ExpectedExport(21, 0, 20, ("clay-plant-pot-Regular", "clay-plant-pot-Large")),
    # Two colours each of three products: every variant has a picture of its own.
    "shopify-jewelery": ExpectedExport(
        41, 18, 23, ("chain-bracelet-Black", "leather-anchor-Silver", "gemstone-Purple")
    ),
}
# A parka in four sizes and a boot in five share one picture each, slippers in two sizes and two colours share two.
OURS = ExpectedExport(35, 8, 18, ("harbour-parka-X-Large", "felt-slippers-38-Rust", "cafe-creme-scarf-Default Title"))


@dataclass(frozen=True)
class RefreshOutcome:
    """A refresh's report, how many prompts were rendered for it, and the shop's manifest after it."""

    report: dict[str, Any]
    rendered: int
    manifest: Manifest

    @property
    def nonzero_counts(self) -> dict[str, int]:
        """Return the counts of slots and images that are not zero."""
        images = {name: self.report["images"][name] for name in ("generated", "reused")}
        return {name: count for name, count in (self.report["slots"] | images).items() if count}


def refreshed(source: Path, store: Path, name: str, **options: Any) -> RefreshOutcome:
    values = {"source": str(source), "store": str(store), "catalogue": name, "engine": "stub", **options}
    with open_thread_executor() as hands:
        report = run_refresh(RefreshParameters(**values), SETTINGS, hands)
    assert_counts_add_up(report)
    opened = open_store(str(store))
    plan = read_json(opened, layout.RunFiles(report["run_id"]).plan)
    rows = open_tables(str(store)).read(layout.manifest_table(name), MANIFEST.names).to_pylist()
    return RefreshOutcome(report, plan["slots"]["rendered"], manifest_by_slot(rows))


def as_parquet(source: Path, target: Path) -> Path:
    """Convert a CSV file as its owner would: types guessed, empty numbers null."""
    table = pa_csv.read_csv(source, parse_options=pa_csv.ParseOptions(newlines_in_values=True))
    assert {str(kind) for kind in table.schema.types} > {"string", "null"}
    pq.write_table(table, target, row_group_size=7)
    return target


def refresh_twice_and_as_parquet(source: Path, export: ExpectedExport, folder: Path) -> RefreshOutcome:
    """Refresh an export, then again, then as Parquet: three nights, of which only the first makes anything."""
    name, store = source.stem.replace("_", "-"), folder / "store"
    first = refreshed(source, store, name, recipe="shopify")
    rows = {"input": export.rows, "accepted": export.accepted, "rejected": 0, "ignored": export.ignored}
    assert first.report["rows"] == rows
    assert first.nonzero_counts == {"new": export.accepted, "published": export.accepted, "generated": export.pictures}
    assert len({row["request_key"] for row in first.manifest.values()}) == export.pictures
    assert {name[0] for name in first.manifest} >= set(export.examples)
    assert_published_images(open_store(str(store)), first.manifest)
    for again in (source, as_parquet(source, folder / f"{name}.parquet")):
        night = refreshed(again, store, name, recipe="shopify")
        assert night.report["rows"] == rows
        assert night.nonzero_counts == {"unchanged": export.accepted}
        assert (night.rendered, night.report["release"]) == (0, {"version": 1, "previous": 1})
        assert night.manifest == first.manifest
    return first


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTS)
def test_a_real_shops_export_is_refreshed_once_in_either_form(shared_catalogs: Path, tmp_path: Path, name: str) -> None:
    refresh_twice_and_as_parquet(shared_catalogs / f"{name}.csv", EXPORTS[name], tmp_path)


def test_our_lookalike_export_is_refreshed_once_in_either_form(tmp_path: Path) -> None:
    night = refresh_twice_and_as_parquet(LOOKALIKE, OURS, tmp_path)
    keys = {name[0]: row["request_key"] for name, row in night.manifest.items()}
    assert keys["felt-slippers-38-Grey"] == keys["felt-slippers-40-Grey"] != keys["felt-slippers-38-Rust"]
    assert keys["signal-ring-Red"] != keys["signal-ring-Green"]
    assert len({keys[f"ridge-boot-{size}"] for size in range(40, 45)}) == 1


def test_a_dry_run_of_an_export_says_the_same_and_touches_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    values = {"source": str(LOOKALIKE), "store": str(store), "recipe": "shopify", "engine": "stub"}
    report = plan_refresh(RefreshParameters(**values), SETTINGS)
    assert (report["rows"]["accepted"], report["rows"]["ignored"]) == (OURS.accepted, OURS.ignored)
    assert (report["slots"]["new"], report["images"]["planned"], report["images"]["shared"]) == (27, 18, 9)
    assert not store.exists()


def small_recipe(folder: Path) -> str:
    """Write a recipe of small pictures for the synthetic catalogue, and a policy that does not measure their blur."""
    (folder / "recipe.yaml").write_text(
        """
        columns: {sku: sku, title: title, category: category, color: color, material: material}
        engine: stub
        models: {stub: {family: stub, precision: fp32}}
        tiers: {small: {width: 128, height: 128}}
        views: {front: seen from the front}
        defaults: {views: [front], template: "Photograph of {{ title }}, {{ color }} {{ material }}, {{ phrase }}"}
        """,
        "utf-8",
    )
    return str(folder / "recipe.yaml")


@pytest.mark.slow
def test_five_thousand_skus_are_made_once_and_then_only_what_changed(tmp_path: Path) -> None:
    recipe, store = small_recipe(tmp_path), tmp_path / "store"

    def night(**changes: int) -> tuple[RefreshOutcome, pa.Table]:
        table = pa.Table.from_batches(synthetic_batches(5_000, share=0.25, **changes))
        pq.write_table(table, tmp_path / "catalogue.parquet", row_group_size=1_000)
        return refreshed(tmp_path / "catalogue.parquet", store, "big", recipe=recipe), table

    first, table = night()
    pictures = len(set(table["title"].to_pylist()))
    slots, images = first.report["slots"], first.report["images"]
    assert 3_900 < pictures < 4_300
    assert (slots["new"], images["planned"], images["generated"]) == (5_000, pictures, pictures)
    assert images["shared"] == 5_000 - pictures
    assert slots["published"] + slots["review"] == 5_000
    assert len(first.manifest) == slots["published"] > 4_000
    assert_published_images(open_store(str(store)), first.manifest)

    second, _ = night()
    assert second.nonzero_counts == {"unchanged": slots["published"], "waiting": slots["review"]}
    assert (second.rendered, second.manifest) == (0, first.manifest)
    assert second.report["release"]["version"] == first.report["release"]["version"]

    third, changed = night(changed=50, dropped=25, added=30)
    before, after = ({row["sku"]: row["title"] for row in t.to_pylist()} for t in (table, changed))
    moved = {sku for sku in after if after[sku] != before.get(sku)}
    assert (third.rendered, len(moved)) == (80, 80)
    assert third.report["slots"]["new"] + third.report["slots"]["changed"] == 80
    touched = {name[0] for name in third.manifest if third.manifest[name] != first.manifest.get(name)}
    gone = {name[0] for name in first.manifest.keys() - third.manifest.keys()}
    assert touched <= moved
    assert gone == {name[0] for name in first.manifest} - after.keys()
    assert third.report["slots"]["retired"] == len(gone)
