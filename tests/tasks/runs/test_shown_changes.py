"""What each commit changed of what is shown, and what has changed since a release altogether."""

from pathlib import Path

import pytest

from infra.interfaces import Commit
from tasks.runs.release_history import data_commits, require_history
from tasks.runs.shown_changes import BackwardDiff, ShownChange, ShownCounts, read_changed_rows, walk_shown_changes
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop of five releases: the third shows the same as the second, the last the same as the first."""
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white"})
    shop.release("r2", {"shirt/front": "pink", "hat/front": None, "sock/front": "grey"})
    shop.release("r3", {"shirt/front": "pink"}, source_digest=b"moved" * 3 + b"!")
    shop.release("r4", {"sock/front": None, "hat/front": "white"})
    shop.release("r5", {"shirt/front": "red"})
    return shop


def commits(scenario: StoreScenario) -> list[Commit]:
    return data_commits(require_history(scenario.tables, CATALOGUE, scenario.store))


def changes(scenario: StoreScenario) -> list[ShownChange]:
    return list(walk_shown_changes(scenario.store, scenario.tables, CATALOGUE, commits(scenario)))


def test_each_commit_says_which_images_it_took_and_put(scenario: StoreScenario) -> None:
    removed, added = read_changed_rows(scenario.tables, CATALOGUE, 2)
    assert (sorted(removed["sku"].to_pylist()), sorted(added["sku"].to_pylist())) == (
        ["hat", "shirt"],
        ["shirt", "sock"],
    )
    assert [(change.commit.version, change.counts) for change in changes(scenario)] == [
        (5, ShownCounts(new=0, changed=1, gone=0)),
        (4, ShownCounts(new=1, changed=0, gone=1)),
        (3, ShownCounts(new=0, changed=0, gone=0)),
        (2, ShownCounts(new=1, changed=1, gone=1)),
        (1, ShownCounts(new=2, changed=0, gone=0)),
    ]


def test_going_back_counts_the_slots_that_show_something_else_now(scenario: StoreScenario) -> None:
    difference, differing = BackwardDiff(), []
    for change in changes(scenario):
        differing.append((change.commit.version, len(difference)))
        difference.undo(change)
    assert differing == [(5, 0), (4, 1), (3, 3), (2, 3), (1, 0)]
    assert len(difference) == 2, "before the first release nothing was shown"


def test_only_as_many_commits_are_read_as_are_asked_for(scenario: StoreScenario) -> None:
    read = []

    class Reading:
        def changes(self, table: str, version: int) -> object:
            read.append(version)
            return scenario.tables.changes(table, version)

    walk = walk_shown_changes(scenario.store, Reading(), CATALOGUE, commits(scenario))  # type: ignore[arg-type]
    assert next(walk).commit.version == 5
    assert read == [5]
