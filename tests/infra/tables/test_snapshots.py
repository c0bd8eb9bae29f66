"""What is remembered of tables: the most recent versions, and as many small files as fit."""

import pyarrow as pa

from infra.tables.snapshots import Snapshot, SnapshotCache


def test_a_snapshot_is_found_by_its_table_and_version_until_everything_is_forgotten() -> None:
    cache, snapshot = SnapshotCache(), Snapshot(3, pa.schema([]), ())
    assert cache.add("manifest/shoes", snapshot) is snapshot
    assert cache.find("manifest/shoes", 3) is snapshot
    assert cache.find("manifest/shoes", 2) is cache.find("outcomes/shoes", 3) is None
    cache.add_file("a", b"1")
    cache.clear()
    assert cache.find("manifest/shoes", 3) is cache.find_file("a") is None


def test_the_oldest_snapshots_make_room() -> None:
    cache = SnapshotCache()
    for version in range(100):
        cache.add("t", Snapshot(version, pa.schema([]), ()))
    kept = [version for version in range(100) if cache.find("t", version)]
    assert kept == list(range(68, 100))


def test_files_are_kept_up_to_a_number_of_bytes() -> None:
    cache = SnapshotCache(kept_bytes=10)
    for name in "abc":
        cache.add_file(name, b"1234")
        cache.add_file(name, b"1234")
    assert [cache.find_file(name) for name in "abc"] == [None, b"1234", b"1234"]
    cache.add_file("large", b"12345678901")
    assert cache.find_file("large") is None
    assert cache.find_file("c") == b"1234"
