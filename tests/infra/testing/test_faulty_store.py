"""A store that dies does so exactly once, exactly there, and stays dead."""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault


@pytest.fixture
def inner_store() -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}")


def work(store: ObjectStore) -> None:
    """Do one of everything: 11 operations."""
    store.write("a", b"1")  # 1
    store.write_once("b", b"2")  # 2
    store.read("a")  # 3
    store.exists("a")  # 4
    store.size("a")  # 5
    list(store.list(""))  # 6
    with store.open_output("c") as target:  # 7
        target.write(b"3")  # and 8 on completion
    with store.open_input("c") as source:  # 9
        source.read()
    store.delete(["a", "b"])  # 10, 11


def keys(store: ObjectStore) -> list[str]:
    return [info.key for info in store.list("")]


def test_an_immortal_store_counts_and_does_everything(inner_store: ObjectStore) -> None:
    mortality = FaultInjector()
    work(FaultyStore(inner_store, mortality))
    assert mortality.operation_count == 11
    assert not mortality.has_failed
    assert keys(inner_store) == ["c"]


@pytest.mark.parametrize(
    ("dies_at", "before", "after"),
    [
        (1, [], ["a"]),
        (2, ["a"], ["a", "b"]),
        (7, ["a", "b"], ["a", "b"]),
        (8, ["a", "b"], ["a", "b", "c"]),
        (10, ["a", "b", "c"], ["b", "c"]),
        (11, ["b", "c"], ["c"]),
    ],
)
def test_a_death_before_or_after_the_effect(
    inner_store: ObjectStore, dies_at: int, before: list[str], after: list[str]
) -> None:
    with pytest.raises(InjectedFault, match=f"at operation {dies_at}, before"):
        work(FaultyStore(inner_store, FaultInjector(dies_at)))
    assert keys(inner_store) == before
    inner_store.delete(keys(inner_store))
    with pytest.raises(InjectedFault, match=f"at operation {dies_at}, after"):
        work(FaultyStore(inner_store, FaultInjector(dies_at, when="after")))
    assert keys(inner_store) == after


@pytest.mark.parametrize("dies_at", range(1, 12))
def test_every_operation_can_be_the_last(inner_store: ObjectStore, dies_at: int) -> None:
    mortality = FaultInjector(dies_at)
    with pytest.raises(InjectedFault):
        work(FaultyStore(inner_store, mortality))
    assert mortality.operation_count == dies_at
    assert mortality.has_failed


def test_a_dead_store_stays_dead(inner_store: ObjectStore) -> None:
    inner_store.write("a", b"1")
    store = FaultyStore(inner_store, FaultInjector(1))
    for use in (
        lambda: store.read("a"),
        lambda: store.write("b", b""),
        lambda: store.write_once("b", b""),
        lambda: store.exists("a"),
        lambda: store.size("a"),
        lambda: store.info("a"),
        lambda: store.list(""),
        lambda: store.delete(["a"]),
        lambda: store.open_input("a").__enter__(),
        lambda: store.open_output("b").__enter__(),
        lambda: store.remove_leftovers(datetime.now(UTC)),
    ):
        with pytest.raises(StoreError, match="failed at operation 1"):
            use()
    assert keys(inner_store) == ["a"]


def test_a_caller_s_own_exception_leaves_no_streamed_object(inner_store: ObjectStore) -> None:
    store = FaultyStore(inner_store, FaultInjector())
    with suppress(KeyError), store.open_output("c") as target:
        target.write(b"3")
        raise KeyError("mine")
    assert keys(inner_store) == []
