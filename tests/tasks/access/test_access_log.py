"""The access log keeps a bounded record of acts in the store, a day and server an object, and outlives a bad store."""

import json
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from infra.errors import StoreError
from infra.stores.memory import MemoryStore
from infra.testing.simulated_clock import SimulatedClock
from tasks.access.access_log import MAX_DAY_BYTES, MAX_OWED_DAYS, AccessLog, find_old_access_logs
from tests.fixtures.waiting import eventually

KEY = "access/2026-11-30/s1.jsonl"


class FullStore(MemoryStore):
    """A store that takes no write until it is told to."""

    is_full = True

    def write(self, key: str, data: bytes, **headers: str | None) -> None:
        if self.is_full:
            raise StoreError("The disk is full")
        super().write(key, data, **headers)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 11, 30, 23, 59, tzinfo=UTC))


def acts(store: MemoryStore, key: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in store.read(key).splitlines()]


def test_acts_are_in_the_store_when_a_server_ends(clock: SimulatedClock) -> None:
    store = MemoryStore(uuid4().hex, clock.now)
    log = AccessLog(store, "s1")
    log.add({"event": "sign-in", "who": "ann"})
    log.add({"event": "refused", "who": "\u202ebob\ud800"})
    log.close()
    assert acts(store, KEY) == [
        {"at": "2026-11-30T23:59:00+00:00", "event": "sign-in", "who": "ann"},
        {"at": "2026-11-30T23:59:00+00:00", "event": "refused", "who": "\u202ebob?"},
    ]


def test_acts_are_written_while_a_server_runs(clock: SimulatedClock) -> None:
    store = MemoryStore(uuid4().hex, clock.now)
    log = AccessLog(store, "s1", flush_seconds=0.01)
    log.add({"event": "sign-in"})
    assert eventually(lambda: store.exists(KEY))
    log.close()


def test_each_day_has_its_object(clock: SimulatedClock) -> None:
    store = MemoryStore(uuid4().hex, clock.now)
    log = AccessLog(store, "s1")
    log.add({"event": "sign-in"})
    clock.advance(60)
    log.add({"event": "sign-out"})
    log.close()
    assert [info.key for info in store.list("access/")] == [KEY, "access/2026-12-01/s1.jsonl"]
    assert [act["event"] for act in acts(store, "access/2026-12-01/s1.jsonl")] == ["sign-out"]


class LateClock(SimulatedClock):
    """A clock that another thread has read before midnight."""

    behind = False

    def now(self) -> datetime:
        return super().now() - timedelta(seconds=60 * self.behind)


def test_an_act_that_was_read_before_midnight_and_comes_after_it_costs_no_other_act(clock: SimulatedClock) -> None:
    late = LateClock(clock.now())
    store = MemoryStore(uuid4().hex, late.now)
    log = AccessLog(store, "s1")
    log.add({"event": "first"})
    late.advance(60)
    log.add({"event": "second"})
    late.behind = True
    log.add({"event": "of the day before"})
    late.behind = False
    log.close()
    assert [act["event"] for act in acts(store, KEY)] == ["first"]
    assert [act["event"] for act in acts(store, "access/2026-12-01/s1.jsonl")] == ["second", "of the day before"]


def test_a_day_that_ends_while_the_store_takes_no_write_is_written_later_and_old_ones_fill_no_memory(
    clock: SimulatedClock,
) -> None:
    store = FullStore(uuid4().hex, clock.now)
    log = AccessLog(store, "s1")
    for number in range(MAX_OWED_DAYS + 3):
        log.add({"event": number})
        log.flush()
        clock.advance(24 * 3600)
    store.is_full = False
    log.close()
    kept = [acts(store, info.key)[0]["event"] for info in store.list("access/")]
    assert kept == list(range(2, MAX_OWED_DAYS + 3))


def test_a_stranger_s_tries_fill_no_store(clock: SimulatedClock) -> None:
    store = MemoryStore(uuid4().hex, clock.now)
    log = AccessLog(store, "s1")
    for _ in range(3000):
        log.add({"event": "sign-in refused", "path": "x" * 300})
    log.close()
    assert store.size(KEY) <= MAX_DAY_BYTES + 100
    *kept, last = acts(store, KEY)
    assert last == {"event": "left out", "acts": 3000 - len(kept)}


def test_a_stranger_s_tries_leave_room_for_those_who_come_in(clock: SimulatedClock) -> None:
    """Else whoever floods the log first comes in without a record."""
    store = MemoryStore(uuid4().hex, clock.now)
    log = AccessLog(store, "s1")
    for _ in range(3000):
        log.add({"event": "sign-in refused", "path": "x" * 300})
    for _ in range(500):
        log.add({"event": "sign-in", "who": "ann", "path": "x" * 300})
    log.close()
    *kept, last = acts(store, KEY)
    counts = Counter(str(act["event"]) for act in kept)
    assert (counts["sign-in"], counts["sign-in refused"]) == (500, 3000 - int(str(last["acts"])))
    assert store.size(KEY) <= MAX_DAY_BYTES + 100


def test_the_room_of_strangers_is_theirs_again_the_next_day(clock: SimulatedClock) -> None:
    store = MemoryStore(uuid4().hex, clock.now)
    log = AccessLog(store, "s1")
    for _ in range(1000):
        log.add({"event": "refused", "path": "x" * 300})
    clock.advance(60)
    log.add({"event": "refused"})
    log.close()
    assert [act["event"] for act in acts(store, "access/2026-12-01/s1.jsonl")] == ["refused"]


def test_a_store_that_takes_no_write_costs_a_warning_and_is_tried_again(
    clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = FullStore(uuid4().hex, clock.now)
    log = AccessLog(store, "s1")
    log.add({"event": "sign-in"})
    with caplog.at_level(logging.WARNING):
        log.flush()
    assert f"{KEY} was not written, its acts are in this log alone: The disk is full" in caplog.text
    store.is_full = False
    log.close()
    assert [act["event"] for act in acts(store, KEY)] == ["sign-in"]


def test_days_that_ended_before_a_time_are_old(clock: SimulatedClock) -> None:
    store = MemoryStore(uuid4().hex, clock.now)
    for day in ("2026-10-30", "2026-10-31", "2026-11-01"):
        store.write(f"access/{day}/s1.jsonl", b"")

    def found(before: datetime) -> list[str]:
        return [info.key for info in find_old_access_logs(store, before)]

    assert found(datetime(2026, 11, 1, 12, tzinfo=UTC)) == ["access/2026-10-30/s1.jsonl"]
    later = found(datetime(2026, 11, 2, tzinfo=UTC))
    assert later == ["access/2026-10-30/s1.jsonl", "access/2026-10-31/s1.jsonl"], "a day may be written until the next"
