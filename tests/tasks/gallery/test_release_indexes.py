"""Release indexes: read once a release, for several threads, in bounded memory."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from catalogs.gallery.release_filter import ReleaseFilter
from infra.errors import TableError
from infra.interfaces import TableStore
from infra.testing.faulty_tables import FaultyTables
from tasks.gallery import release_indexes
from tasks.gallery.release_indexes import ReleaseIndexes
from tests.fixtures.gallery_shop import GalleryShop


class Reads:
    """Counts how often a table is read."""

    def __init__(self) -> None:
        self.count = 0

    def call(self, operation: str, action: Any) -> Any:
        self.count += operation.startswith("stream")
        return action()


def opened(shop: GalleryShop) -> tuple[ReleaseIndexes, Reads]:
    reads = Reads()
    tables: TableStore = FaultyTables(shop.scenario.tables, reads)
    return ReleaseIndexes(tables, shop.scenario.catalogue), reads


def skus(index: Any) -> list[str]:
    return [item.sku for item in index.items(index.matching(ReleaseFilter()))]


def test_each_release_is_read_once_whoever_asks(shop: GalleryShop) -> None:
    first, second = shop.release("r1", {"a/front": "red"}), shop.release("r2", {"b/front": "blue"})
    indexes, reads = opened(shop)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(indexes.open, [first, second] * 8))
    assert [skus(index) for index in found] == [["a"], ["a", "b"]] * 8
    assert reads.count == 2


def test_the_ones_looked_at_last_stay_while_there_is_no_room(
    shop: GalleryShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_indexes, "KEPT_BYTES", 1)
    versions = [shop.release(f"r{number}", {"a/front": f"red{number}"}) for number in range(3)]
    indexes, reads = opened(shop)
    for version in (*versions[:2], versions[0], versions[2], versions[0]):
        indexes.open(version)
    assert reads.count == 3
    indexes.open(versions[1])
    assert reads.count == 4


def test_a_release_whose_files_are_gone_is_an_error_that_says_so(shop: GalleryShop) -> None:
    version = shop.release("r1", {"a/front": "red"})
    for path in (shop.folder / "manifest").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(TableError, match="a file of its version 1 is gone"):
        opened(shop)[0].open(version)
