"""Retention: what runs, outcomes and releases reference, each by its own rule."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs import layout
from catalogs.errors import OptionError
from infra.coordination.leases import acquire
from infra.interfaces import Commit
from infra.settings import Settings
from infra.stores.json_objects import write_json
from tasks.maintenance.retention import (
    MIN_AGE,
    RetentionPolicy,
    RetentionRules,
    find_oldest_retained_version,
    find_open_work,
    find_rollback_targets,
    find_unplanned_runs,
)
from tests.fixtures.store_scenarios import StoreScenario

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def history(*ages: float, token: int | None = None) -> list[Commit]:
    """Return commits of these ages in days, oldest first as version 0; `token` carries a run's id."""
    commits = [
        Commit(version, NOW - timedelta(days=age), {"token": "r"} if version == token else {})
        for version, age in enumerate(ages)
    ]
    return commits[::-1]


def policy(days: int, releases: int) -> RetentionPolicy:
    return RetentionPolicy(NOW, RetentionRules(days, releases))


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
    assert find_oldest_retained_version(commits, policy(days, releases), NOBODY, ()) == oldest


def test_what_was_replaced_within_a_day_is_kept_whatever_is_asked() -> None:
    assert find_oldest_retained_version(history(40, 30, 0.5), policy(0, 1), NOBODY, ()) == 1


def test_what_an_open_run_was_compared_with_is_kept_and_what_a_rollback_goes_back_to() -> None:
    commits = history(50, 40, 30, 20, 10, token=3)
    assert find_oldest_retained_version(commits, policy(1, 1), NOBODY, ()) == 4
    assert find_oldest_retained_version(commits, policy(1, 1), frozenset({"r"}), ()) == 2
    assert find_oldest_retained_version(commits, policy(1, 1), NOBODY, (1,)) == 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 60), min_size=1, max_size=12), st.integers(0, 30), st.integers(1, 12))
def test_the_current_release_and_all_shown_lately_are_kept(ages: list[float], days: int, releases: int) -> None:
    commits = history(*sorted(ages, reverse=True))
    oldest = find_oldest_retained_version(commits, policy(days, releases), NOBODY, ())
    kept = {commit.version for commit in commits if commit.version >= oldest}
    assert {commit.version for commit in commits[:releases]} <= kept
    for successor, commit in pairwise(commits):
        assert commit.version in kept or NOW - successor.timestamp >= timedelta(days=max(days, 1))


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
    assert find_rollback_targets(shop.store, "shoes") == [4]


def test_each_kind_has_its_days_and_none_is_shorter_than_one() -> None:
    kept = RetentionPolicy(NOW, RetentionRules(3, 1, 14, 60))
    assert (NOW - kept.cutoff, NOW - kept.staged_cutoff, NOW - kept.runs_cutoff) == tuple(
        timedelta(days=days) for days in (3, 14, 60)
    )
    shortest = RetentionPolicy(NOW, RetentionRules(0, 1, keep_runs_days=0))
    assert shortest.cutoff == shortest.staged_cutoff == shortest.runs_cutoff == shortest.young == NOW - MIN_AGE


def test_the_rules_come_from_the_settings_and_one_sweep_may_keep_other_releases() -> None:
    chosen = Settings(keep_days=9, keep_releases=5, keep_staged_days=4, keep_runs_days=90)
    assert RetentionRules.from_settings(chosen) == RetentionRules(9, 5, 4, 90)
    assert RetentionRules.from_settings(chosen, 2) == RetentionRules(9, 2, 4, 90)
    for wrong in ((-1, 1), (1, 0), (1, 1, -1), (1, 1, 1, -1)):
        with pytest.raises(OptionError, match="give at least 0 days and 1 release"):
            RetentionRules(*wrong)


def test_a_run_without_a_plan_counts_while_it_is_new_or_alive_and_for_a_day_at_most(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder("planned", is_open=True, files=["plan.json"])
    shop.write_run_folder("killed", is_open=True)
    now = datetime.now(UTC)
    work = find_open_work(shop.store)
    assert find_unplanned_runs(shop.store, work, now) == ["killed"]
    assert find_unplanned_runs(shop.store, work, now + timedelta(hours=1)) == []
    lease = acquire(shop.store, layout.run_lease("shoes", "killed"), "killed", 60)
    assert find_unplanned_runs(shop.store, work, now + timedelta(hours=1)) == ["killed"]
    assert find_unplanned_runs(shop.store, work, now + timedelta(days=2)) == []
    lease.release()
