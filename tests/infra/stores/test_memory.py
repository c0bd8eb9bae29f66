"""What only the memory store does."""

from datetime import UTC, datetime
from uuid import uuid4

from infra.stores import open_store
from infra.stores.conditional_writes import supports_conditional_writes
from infra.stores.memory import MemoryStore
from tests.fixtures.object_stores import UnconditionalMemoryStore


def test_stores_of_one_name_share_their_objects() -> None:
    name = f"memory://{uuid4().hex}"
    open_store(name).write("a", b"1")
    assert open_store(name).read("a") == b"1"
    assert not open_store(f"{name}-other").exists("a")
    assert not open_store(f"{name}/prefix").exists("a")


def test_what_was_written_does_not_change_with_the_caller_s_buffer() -> None:
    store = open_store(f"memory://{uuid4().hex}")
    buffer = bytearray(b"one")
    store.write("a", buffer)
    buffer[:] = b"two"
    assert store.read("a") == b"one"


def test_a_store_that_ignores_conditions_is_found_out_and_cleaned_up() -> None:
    store = UnconditionalMemoryStore(uuid4().hex)
    assert supports_conditional_writes(store) is False
    assert list(store.list("")) == []


def test_a_clock_of_one_s_own_dates_what_is_written() -> None:
    times = [datetime(2026, 1, 1, tzinfo=UTC)]
    store = MemoryStore(uuid4().hex, clock=lambda: times[-1])
    store.write("a", b"1")
    times.append(datetime(2027, 1, 1, tzinfo=UTC))
    store.write_once("b", b"2")
    assert [info.modified for info in store.list("")] == times
    assert store.now() == times[-1]
