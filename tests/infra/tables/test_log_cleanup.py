"""Which objects of a log no kept version needs."""

from datetime import UTC, datetime

import pytest

from infra.interfaces import ObjectInfo
from infra.tables.log_cleanup import find_expired_log_objects

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def log(*names: str) -> list[ObjectInfo]:
    return [ObjectInfo(f"manifest/shoes/_delta_log/{name}", 1, NOW) for name in names]


def entries(*versions: int) -> list[str]:
    return [f"{version:020d}.json" for version in versions]


def expired(objects: list[ObjectInfo], keep_from: int) -> list[str]:
    return [info.key.rsplit("/", 1)[1] for info in find_expired_log_objects(objects, keep_from)]


@pytest.mark.parametrize(("keep_from", "gone"), [(9, 0), (10, 10), (15, 10), (19, 10), (20, 20), (25, 20)])
def test_everything_before_the_newest_checkpoint_that_a_kept_version_needs_goes(keep_from: int, gone: int) -> None:
    checkpoints = [f"{version:020d}.checkpoint.parquet" for version in (10, 20)]
    names = expired(log(*entries(*range(26)), *checkpoints, "_last_checkpoint"), keep_from)
    assert [name for name in names if name.endswith(".json")] == entries(*range(gone))
    assert [name for name in names if "checkpoint" in name] == [name for name in checkpoints if int(name[:20]) < gone]


def test_without_a_checkpoint_nothing_goes() -> None:
    assert expired(log(*entries(*range(40)), "_last_checkpoint"), 35) == []


def test_a_checkpoint_in_parts_counts_when_all_of_them_are_there() -> None:
    parts = [f"{3:020d}.checkpoint.{part:010d}.{2:010d}.parquet" for part in (1, 2)]
    assert expired(log(*entries(0, 1, 2, 3, 4), *parts), 4) == entries(0, 1, 2)
    assert expired(log(*entries(0, 1, 2, 3, 4), parts[0]), 4) == []


def test_the_oldest_goes_first_so_that_a_killed_clean_up_leaves_no_gap() -> None:
    objects = log(*reversed(entries(*range(8))), f"{7:020d}.checkpoint.parquet", "a strange file", "x.json")
    assert expired(objects, 7) == entries(*range(7))
