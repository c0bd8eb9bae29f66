"""Retention: what runs, outcomes and releases reference, each by its own rule."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs import layout
from catalogs.indexes.digest_set import text_digests
from catalogs.table_schemas import REQUESTS
from infra.coordination.leases import acquire
from infra.interfaces import Commit
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from tasks.maintenance.retention import (
    RetentionPolicy,
    compute_retention_hours,
    find_oldest_retained_version,
    find_open_work,
    find_referenced_image_keys,
    find_referenced_images,
    find_rollback_targets,
    find_unplanned_runs,
)
from tests.fixtures.store_scenarios import StoreScenario, request_key_of

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def history(*ages: float, token: int | None = None) -> list[Commit]:
    """Return commits of these ages in days, oldest first as version 0; `token` carries a run's id."""
    commits = [
        Commit(version, NOW - timedelta(days=age), {"token": "r"} if version == token else {})
        for version, age in enumerate(ages)
    ]
    return commits[::-1]


NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("days", "releases", "oldest"),
    [
        (7, 1, 3),  # version 3 was shown until two days ago
        (7, 2, 3),
        (7, 4, 1),  # the newest four
        (7, 99, 0),
        (0, 1, 4),  # nothing was replaced within a day
        (11, 1, 2),
        (29, 1, 1),
    ],
)
def test_releases_are_kept_by_number_and_by_when_they_were_last_shown(days: int, releases: int, oldest: int) -> None:
    commits = history(40, 30, 20, 10, 2)
    assert find_oldest_retained_version(commits, RetentionPolicy(NOW, days, releases), NOBODY, ()) == oldest


def test_what_was_replaced_within_a_day_is_kept_whatever_is_asked() -> None:
    assert find_oldest_retained_version(history(40, 30, 0.5), RetentionPolicy(NOW, 0, 1), NOBODY, ()) == 1


def test_what_an_open_run_was_compared_with_is_kept_and_what_a_rollback_goes_back_to() -> None:
    commits = history(50, 40, 30, 20, 10, token=3)
    assert find_oldest_retained_version(commits, RetentionPolicy(NOW, 1, 1), NOBODY, ()) == 4
    assert find_oldest_retained_version(commits, RetentionPolicy(NOW, 1, 1), frozenset({"r"}), ()) == 2
    assert find_oldest_retained_version(commits, RetentionPolicy(NOW, 1, 1), NOBODY, (1,)) == 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 60), min_size=1, max_size=12), st.integers(0, 30), st.integers(1, 12))
def test_the_current_release_and_all_shown_lately_are_kept(ages: list[float], days: int, releases: int) -> None:
    commits = history(*sorted(ages, reverse=True))
    oldest = find_oldest_retained_version(commits, RetentionPolicy(NOW, days, releases), NOBODY, ())
    kept = {commit.version for commit in commits if commit.version >= oldest}
    assert {commit.version for commit in commits[:releases]} <= kept
    for successor, commit in pairwise(commits):
        assert commit.version in kept or NOW - successor.timestamp >= timedelta(days=max(days, 1))


def test_files_are_kept_for_longer_than_the_version_after_the_oldest_is_old() -> None:
    real = datetime.now(UTC)
    commits = [Commit(version, real - timedelta(hours=10 * (9 - version)), {}) for version in range(9, -1, -1)]
    assert (
        compute_retention_hours(commits, 4) == 42
    )  # version 5 is 40 hours and a moment old; one more for a slow commit
    assert compute_retention_hours(commits, -1) == 92
    assert compute_retention_hours(commits, 9) == 25
    assert compute_retention_hours(commits[:1], 9) == 25


def test_all_that_a_range_of_releases_shows_is_named(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    table = layout.manifest_table("shoes")
    for number, pictures in enumerate(
        [{"a/x": "1", "b/x": "2"}, {"a/x": "3"}, {"a/x": "6", "b/x": None}, {"c/x": "4"}, {"c/x": "5"}], start=1
    ):
        shop.release(f"r{number}", pictures)
    for oldest in range(6):
        for newest in range(oldest, 6):
            wanted = {key for version in range(oldest, newest + 1) for key in shop.published_objects(version).values()}
            every = sorted({key for version in range(6) for key in shop.published_objects(version).values()})
            shown = find_referenced_images(shop.tables, table, oldest, newest)
            held = shown.object_keys.contains(text_digests(every)).tolist()
            assert {key for key, there in zip(every, held, strict=True) if there} == wanted, (oldest, newest)


def test_open_work_is_every_marker_of_runs_and_rollbacks(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder("r1", is_open=True)
    shop.write_run_folder("r2", is_open=False)
    write_json(shop.store, layout.open_manifest_change("shoes", "b1"), {"target": 4})
    write_json(shop.store, layout.open_manifest_change("hats", "b2"), {"target": 9})
    work = find_open_work(shop.store)
    assert work.all_ids == {("shoes", "r1"), ("shoes", "b1"), ("hats", "b2")}
    assert work.run_ids_of("shoes") == {"r1", "b1"}
    assert set(work.runs) == {("shoes", "r1")}
    assert find_rollback_targets(shop.store, work, "shoes") == [4]


def test_outcomes_and_every_attempt_that_an_open_run_may_make_name_images(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.commit_outcome("o1", "shirt/front", "refused", "review")
    shop.commit_outcome("o2", "shirt/back", "never made", "blocked", image_key=None, attempts=0)
    shop.commit_outcome("o3", "shirt/side", "tried", "blocked", attempts=2)
    shop.write_run_folder("r1", is_open=True)
    shop.write_run_folder("r2", is_open=False)
    for run_id, word in (("r1", "planned"), ("r2", "closed")):
        requests = [{"request_key": request_key_of(word), "attempts_allowed": 3}]
        write_table(shop.store, layout.RunFiles(run_id).requests("000"), pa.Table.from_pylist(requests, REQUESTS))
    found = find_referenced_image_keys(shop.store, shop.tables, ["shoes", "no outcomes"], find_open_work(shop.store))

    def named(word: str, attempt: int = 0) -> bool:
        return bool(found.contains(bytes.fromhex(shop.image_key(word, attempt))[:16])[0])

    assert [named("refused"), named("never made"), named("closed"), named("other")] == [True, False, False, False]
    assert [named("tried", attempt) for attempt in range(3)] == [True, True, False]
    assert [named("planned", attempt) for attempt in range(4)] == [True, True, True, False]


def test_a_run_without_a_plan_counts_while_it_is_young_or_alive(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder("planned", is_open=True, files=["plan.json"])
    shop.write_run_folder("killed", is_open=True)
    now = datetime.now(UTC)
    work = find_open_work(shop.store)
    assert find_unplanned_runs(shop.store, work, now) == ["killed"]
    assert find_unplanned_runs(shop.store, work, now + timedelta(days=2)) == []
    lease = acquire(shop.store, layout.run_lease("shoes", "killed"), "killed", 60)
    assert find_unplanned_runs(shop.store, work, now + timedelta(days=2)) == ["killed"]
    lease.release()
    assert find_unplanned_runs(shop.store, work, now + timedelta(days=2)) == []
