"""What people are late with: nothing without limits, and one sentence for each limit that is passed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.runs import run_state as runs
from tasks.runs.held_batches import list_held_batches
from tasks.runs.review_alarm import PEOPLE_ARE_LATE, QueueLimits, held_alarms, queue_alarms, read_asked_times
from tests.fixtures.run_rows import RUN_ID
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def ago(*hours: float) -> list[datetime]:
    return [NOW - timedelta(hours=each) for each in hours]


@given(hours=st.lists(st.floats(0, 9000), max_size=20))
def test_without_limits_nobody_is_late(hours: list[float]) -> None:
    assert queue_alarms(ago(*hours), QueueLimits(), NOW) == []
    assert not QueueLimits().are_set


@given(hours=st.lists(st.floats(0, 1000), max_size=20), most=st.integers(1, 20), oldest=st.integers(1, 1000))
def test_each_limit_that_is_passed_has_its_sentence(hours: list[float], most: int, oldest: int) -> None:
    alarms = queue_alarms(ago(*hours), QueueLimits(most, oldest), NOW)
    assert len(alarms) == (len(hours) > most) + (max(hours, default=0) > oldest)
    assert all(alarm.startswith(PEOPLE_ARE_LATE) for alarm in alarms)


def test_the_sentences_name_number_limit_and_what_to_do() -> None:
    alarms = queue_alarms([*ago(1, 50), None], QueueLimits(1, 24), NOW)
    assert alarms == [
        "People are late: 2 slots wait for an answer, more than PACKSHOT_REVIEW_MAX_WAITING (1): packshot review",
        "People are late: the oldest question waits for 50 h, longer than PACKSHOT_REVIEW_MAX_AGE_HOURS (24):"
        " packshot review",
    ]


def test_only_what_waits_for_a_person_is_counted(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    assert read_asked_times(shop.tables, CATALOGUE) == []
    for run, (place, state) in enumerate([("bag/front", "review"), ("mug/front", "blocked"), ("hat/front", "review")]):
        shop.commit_outcome(f"o{run}", place, "red", state)
    assert len(read_asked_times(shop.tables, CATALOGUE)) == 2


@pytest.mark.parametrize(("hours", "count"), [(0.5, 0), (2, 1)])
def test_a_held_batch_is_late_after_its_own_patience(tmp_path: Path, hours: float, count: int) -> None:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder(RUN_ID, is_open=True)
    runs.hold_run(shop.store, runs.load_run(shop.store, RUN_ID), ["look-before-live"], [], 1)
    batches = list_held_batches(shop.store, CATALOGUE)
    alarms = held_alarms(batches, batches[0].since + timedelta(hours=hours))
    assert len(alarms) == count
    assert all("without an answer; it stays held" in alarm for alarm in alarms)
