"""Compaction loses no fingerprint of a retained image, and keeps none of another."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.table_schemas import FINGERPRINTS
from infra.stores.parquet_objects import read_table
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.maintenance import compact_fingerprints as compaction
from tasks.maintenance.compact_fingerprints import MAX_UNCOMPACTED_FILES, compact_fingerprints, fold_fingerprints
from tests.fixtures.store_scenarios import StoreScenario


def filled(shop: StoreScenario, files: int) -> list[Any]:
    """Write that many files: each of one new slot, and once more one slot that every run has painted anew."""
    for number in range(files):
        shop.write_fingerprints(f"r{number:02}", {f"sku{number}/front": "one", "always/front": f"picture {number}"})
    return list(shop.store.list("codes/shoes/"))


def rows(shop: StoreScenario) -> list[tuple[str, bytes]]:
    found = [read_table(shop.store, key, FINGERPRINTS).to_pylist() for key in sorted(shop.keys("codes/shoes/"))]
    return sorted((row["sku"], row["fingerprint"]) for part in found for row in part)


def shown(shop: StoreScenario, wanted: set[str]) -> DigestSet:
    """Return what is shown: these SKUs' pictures, with the newest of the one that changes."""
    found = DigestSet()
    for key in sorted(shop.keys("codes/shoes/"))[-1:] + sorted(shop.keys("codes/shoes/")):
        table = read_table(shop.store, key, FINGERPRINTS)
        newest = key == max(shop.keys("codes/shoes/"))
        chosen = [row["sku"] in wanted and (newest or row["sku"] != "always") for row in table.to_pylist()]
        found.add(table_row_digests(table.filter(chosen), "slot_id", "pixel_sha"))
    return found


def test_few_files_are_left_as_they_are(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    files = filled(shop, MAX_UNCOMPACTED_FILES)
    assert compact_fingerprints(shop.store, "shoes", files, DigestSet(), dry_run=False) == []
    assert shop.keys("codes/") == {info.key for info in files}


def test_many_files_become_one_that_holds_what_is_shown_once(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    files = filled(shop, MAX_UNCOMPACTED_FILES + 2)
    alive = shown(shop, {"sku3", "sku7", "always"})
    before = rows(shop)
    replaced = compact_fingerprints(shop.store, "shoes", files, alive, dry_run=False)
    assert replaced == files
    shop.store.delete(info.key for info in replaced)
    (left,) = shop.keys("codes/shoes/")
    assert left.startswith("codes/shoes/compacted-")
    assert [sku for sku, _ in rows(shop)] == ["always", "sku3", "sku7"]
    assert set(rows(shop)) <= set(before)


def test_rows_that_a_killed_compaction_left_twice_are_put_together_again(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    files = filled(shop, MAX_UNCOMPACTED_FILES + 2)
    alive = shown(shop, {f"sku{number}" for number in range(MAX_UNCOMPACTED_FILES + 2)})
    compact_fingerprints(shop.store, "shoes", files, alive, dry_run=False)  # killed before anything was deleted
    again = list(shop.store.list("codes/shoes/"))
    shop.store.delete(info.key for info in compact_fingerprints(shop.store, "shoes", again, alive, dry_run=False))
    assert len(shop.keys("codes/shoes/")) == 1
    assert [sku for sku, _ in rows(shop)] == sorted(f"sku{number}" for number in range(MAX_UNCOMPACTED_FILES + 2))


@pytest.mark.parametrize("dies_at", [1, 5, 20, MAX_UNCOMPACTED_FILES + 3, MAX_UNCOMPACTED_FILES + 4])
def test_a_death_while_writing_leaves_every_old_file(tmp_path: Path, dies_at: int) -> None:
    shop = StoreScenario(tmp_path)
    files = filled(shop, MAX_UNCOMPACTED_FILES + 2)
    with pytest.raises(InjectedFault):
        compact_fingerprints(
            FaultyStore(shop.store, FaultInjector(dies_at)), "shoes", files, shown(shop, {"sku1"}), dry_run=False
        )
    assert shop.keys("codes/") == {info.key for info in files}


def test_a_dry_run_names_the_same_files_and_writes_nothing(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    files = filled(shop, MAX_UNCOMPACTED_FILES + 1)
    assert compact_fingerprints(shop.store, "shoes", files, DigestSet(), dry_run=True) == files
    assert layout.fingerprints("shoes", "x") not in shop.keys("codes/")
    assert shop.keys("codes/") == {info.key for info in files}


# Folding by runs


def test_a_run_folds_more_than_a_few_files_and_loses_no_row(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    filled(shop, MAX_UNCOMPACTED_FILES)
    assert fold_fingerprints(shop.store, "shoes") == 0
    filled(shop, 3 * MAX_UNCOMPACTED_FILES)
    before = rows(shop)
    assert fold_fingerprints(shop.store, "shoes") == 3 * MAX_UNCOMPACTED_FILES
    assert (len(shop.keys("codes/shoes/")), rows(shop)) == (1, before)
    assert fold_fingerprints(shop.store, "shoes") == 0


def test_large_files_are_left_to_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "SMALL_FILE_BYTES", 1)
    shop = StoreScenario(tmp_path)
    filled(shop, 2 * MAX_UNCOMPACTED_FILES)
    assert fold_fingerprints(shop.store, "shoes") == 0


@pytest.mark.parametrize("dies_at", range(1, 45, 3))
def test_a_killed_folding_loses_no_row(tmp_path: Path, dies_at: int) -> None:
    shop = StoreScenario(tmp_path)
    filled(shop, MAX_UNCOMPACTED_FILES + 1)
    before = set(rows(shop))
    with suppress(InjectedFault):
        fold_fingerprints(FaultyStore(shop.store, FaultInjector(dies_at)), "shoes")
    assert set(rows(shop)) == before
    fold_fingerprints(shop.store, "shoes")
    assert set(rows(shop)) == before
