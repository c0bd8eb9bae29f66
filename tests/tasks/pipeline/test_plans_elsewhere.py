"""A6: what another living run has planned is found, waited for where it is older, and no other run's is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.planning.plan import Slot
from catalogs.table_schemas import DEFERRALS
from infra.coordination.leases import acquire
from infra.coordination.running_process import SystemProcess, run_as
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from infra.stores.memory import MemoryStore
from infra.stores.parquet_objects import write_table
from tasks.pipeline.plans_elsewhere import MAX_WAIT_SECONDS, read_planned_elsewhere

SHOP = "shop"
KEYS = ("slot_id", "request_key", "finish_digest")


class Clock:
    """A time that each question and each wait moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 29, 2, 7, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


class WaitingProcess(SystemProcess):
    """A process whose waits take no time; `then` happens at the first."""

    def __init__(self, clock: Clock, then: object = None) -> None:
        self.clock, self.then, self.waits = clock, then, 0

    def sleep(self, seconds: float) -> None:
        """Let something happen instead of waiting."""
        self.waits += 1
        self.clock.time += timedelta(seconds=seconds)
        if callable(self.then) and self.waits == 1:
            self.then()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> ObjectStore:
    return MemoryStore(uuid4().hex, clock)


@contextmanager
def living(store: ObjectStore, run_id: str, *, seconds: float = 7200) -> Iterator[None]:
    lease = acquire(store, layout.run_lease(SHOP, run_id), run_id, seconds)
    write_json(store, layout.open_run(SHOP, run_id), {"run_id": run_id})
    yield
    lease.release()


def write_plan(store: ObjectStore, run_id: str, *numbers: int) -> None:
    files = layout.RunFiles(run_id)
    columns = [[digest(number) for number in numbers]] * 2 + [["f" * 16] * len(numbers)]
    write_table(store, files.slots, pa.table(columns, names=list(KEYS)))
    write_json(store, files.plan, {})


def digest(number: int) -> bytes:
    return number.to_bytes(2, "big") * 16


def has(store: ObjectStore, run_id: str | None, number: int, *, key: int | None = None, finish: str = "f" * 16) -> bool:
    request_key = digest(number if key is None else key)
    slot = Slot(
        digest(number), "s", "", "front", "a", 0, "new", request_key, b"", finish, 1, None, "normal", None, None
    )
    return read_planned_elsewhere(store, SHOP, run_id).has(slot)


def test_a_living_run_s_slots_are_found_by_slot_request_and_finish(store: ObjectStore) -> None:
    with living(store, "night"):
        write_plan(store, "night", 1, 2)
        assert has(store, None, 1)
        assert not has(store, None, 3)
        assert not has(store, None, 1, key=9), "its row has changed since"
        assert not has(store, None, 1, finish="g" * 16)
        assert not has(store, "night", 1), "a run is not its own other"
    assert not has(store, None, 1), "no process works on it any more"


def test_a_run_whose_lease_lapsed_is_not_counted_on(store: ObjectStore, clock: Clock) -> None:
    with living(store, "night", seconds=120):
        write_plan(store, "night", 1)
        clock.time += timedelta(seconds=121)
        assert not has(store, None, 1)


def test_what_the_other_run_s_limits_deferred_is_free(store: ObjectStore) -> None:
    with living(store, "new"):
        write_plan(store, "new", 1, 2, 3)
        files = layout.RunFiles("new")
        requests = pa.table(
            [[digest(1), digest(2), digest(3)], ["1-000000", "1-000000", "1-000001"]], names=["request_key", "shard"]
        )
        write_table(store, files.requests("1-00000"), requests)
        deferred = pa.table([["1-000000", "1-000001"], [bytes([0, 2]), bytes([2])]], schema=DEFERRALS)
        write_table(store, files.deferrals, deferred)
        assert [has(store, None, number) for number in (1, 2, 3)] == [True, False, False]


def test_the_younger_of_two_runs_waits_for_the_other_s_plan_and_not_the_reverse(
    store: ObjectStore, clock: Clock
) -> None:
    with living(store, "night"), living(store, "a-new"):
        waiting = WaitingProcess(clock, lambda: write_plan(store, "night", 1))
        with run_as(WaitingProcess(clock)):
            assert not has(store, "night", 1)
        with run_as(waiting):
            assert has(store, "a-new", 1)
        assert waiting.waits == 1


def test_a_run_that_never_plans_is_not_waited_for_without_end(store: ObjectStore, clock: Clock) -> None:
    with living(store, "night"), living(store, "new"):
        waiting = WaitingProcess(clock)
        with run_as(waiting):
            assert not has(store, "new", 1)
        assert MAX_WAIT_SECONDS - 5 < waiting.waits < MAX_WAIT_SECONDS + 5


def test_a_run_that_dies_before_its_plan_is_not_waited_for(store: ObjectStore, clock: Clock) -> None:
    with living(store, "night", seconds=10), living(store, "new"):
        waiting = WaitingProcess(clock)
        with run_as(waiting):
            assert not has(store, "new", 1)
        assert waiting.waits < 15
