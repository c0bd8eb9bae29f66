"""What a store grows by: every key has a retention class, and an idle run leaves next to nothing."""

from pathlib import Path

from catalogs import layout
from catalogs.retention_classes import OTHER, RETENTION_CLASSES, retention_class
from infra.stores.conditional_writes import supports_conditional_writes
from infra.stores.json_objects import read_json
from infra.tables import open_tables
from tasks.amendments.rollback import rollback
from tasks.maintenance.sweep import sweep
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness

ROWS = [{"sku": f"mug{number}", "title": f"Mug {number}"} for number in range(4)]
IDLE_FILES, IDLE_BYTES = 5, 20_000
"""Files and bytes of an idle run's folder: run, plan, closed and report, of which the page is the largest."""


def test_every_key_that_features_write_has_a_class_and_every_class_is_told_of(tmp_path: Path) -> None:
    shop = RefreshHarness(tmp_path, ROWS, STUB_RECIPE)
    tables = open_tables(shop.url)
    shop.refresh()
    shop.refresh()
    shop.row("mug3")["title"] = "A bigger mug"
    shop.refresh()
    rollback(shop.store, tables, shop.catalogue, 1)
    shop.refresh(scope="partial")
    sweep(shop.store, tables)
    supports_conditional_writes(shop.store)
    keys = [info.key for info in shop.store.list("")]
    assert [key for key in keys if retention_class(key) is OTHER] == []
    assert {retention_class(key).name for key in keys} >= {
        "published", "staged", "scores", "manifest", "outcomes", "fingerprints", "runs", "leases", "sweeps",
    }  # fmt: skip
    assert len({one.name for one in RETENTION_CLASSES}) == len(RETENTION_CLASSES)


def test_an_idle_run_leaves_five_small_files_and_its_report_tells_the_stores_size(tmp_path: Path) -> None:
    """B: 8 files and 79 KB stayed of each run, 35,000 times a year."""
    shop = RefreshHarness(tmp_path, ROWS, STUB_RECIPE)
    shop.refresh()
    sweep(shop.store, open_tables(shop.url))
    before = {info.key for info in shop.store.list("")}
    report = shop.refresh(scope="partial").report
    left = [info for info in shop.store.list("") if info.key not in before]
    folder = [info for info in left if info.key.startswith(layout.RUNS)]
    assert len(folder) <= IDLE_FILES
    assert sum(info.size for info in folder) <= IDLE_BYTES
    assert {info.key for info in left} - {info.key for info in folder} <= {
        info.key for info in shop.store.list(layout.LEASES)
    }, "only its leases, which a sweep deletes after a day"
    assert report["storage"]["bytes"]["published"] == sum(
        info.size for info in shop.store.list(layout.published_prefix(shop.catalogue))
    )
    assert report["storage"]["measured_at"] == read_json(shop.store, layout.STORE_SIZES)["measured_at"]
