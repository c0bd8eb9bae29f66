"""A range of versions is read file by file: every row that some version shows comes, at one read for each file."""

from pathlib import Path

import pytest
from deltalake import DeltaTable

from catalogs import layout
from infra.errors import TableError
from infra.stores import open_store
from infra.tables import data_files
from infra.tables.version_range import read_version_range
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tests.fixtures.store_scenarios import StoreScenario

TABLE = layout.manifest_table("shoes")


def shop_with_versions(folder: Path, versions: int = 6) -> StoreScenario:
    shop = StoreScenario(folder)
    for number in range(1, versions + 1):
        shop.release(f"r{number}", {f"sku{number}/x": f"{number}"} | ({"a/x": f"a{number}"} if number < 3 else {}))
    return shop


def objects_since(shop: StoreScenario, oldest: int) -> set[str]:
    return {
        key
        for batch in shop.tables.batches_since(TABLE, ["object"], oldest=oldest)
        for key in batch["object"].to_pylist()
    }


def shown_since(shop: StoreScenario, oldest: int, newest: int) -> set[str]:
    return {key for version in range(oldest, newest + 1) for key in shop.published_objects(version).values()}


@pytest.mark.parametrize("whole_file_bytes", [data_files.WHOLE_FILE_BYTES, 0])
def test_every_row_of_the_range_comes_also_after_a_compaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_file_bytes: int
) -> None:
    monkeypatch.setattr(data_files, "WHOLE_FILE_BYTES", whole_file_bytes)
    shop = shop_with_versions(tmp_path)
    assert DeltaTable(str(tmp_path / TABLE)).optimize.compact()["numFilesRemoved"] > 1
    newest = shop.release("r8", {"a/x": "after"})
    assert newest == 8
    for oldest in range(newest + 1):
        assert objects_since(shop, oldest) == shown_since(shop, oldest, newest)


def test_a_file_and_a_log_entry_are_each_read_once(tmp_path: Path) -> None:
    shop = shop_with_versions(tmp_path)
    injector = FaultInjector()
    target = DeltaTable(str(tmp_path / TABLE), version=1)
    schema = shop.tables.read(TABLE, ["object"]).schema
    rows = list(read_version_range(FaultyStore(open_store(str(tmp_path)), injector), TABLE, target, schema))
    files = len(list((tmp_path / TABLE).glob("*.parquet")))
    assert sum(batch.num_rows for batch in rows) >= 7
    assert injector.operation_count <= 1 + 5 + files, "a listing, five later log entries, and the data files"


def test_a_range_that_has_lost_a_file_or_a_log_entry_is_refused(tmp_path: Path) -> None:
    shop = shop_with_versions(tmp_path, 4)
    log = tmp_path / TABLE / "_delta_log" / f"{3:020d}.json"
    text = log.read_bytes()
    DeltaTable(str(tmp_path / TABLE)).create_checkpoint()
    log.unlink()
    with pytest.raises(TableError, match="lacks log entries between its versions 1 and 4"):
        objects_since(shop, 1)
    log.write_bytes(text)
    for file in (tmp_path / TABLE).glob("*.parquet"):
        file.unlink()
    with pytest.raises(TableError, match="lacks a data file of its versions from 1 on"):
        objects_since(shop, 1)
