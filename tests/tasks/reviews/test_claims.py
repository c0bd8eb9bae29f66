"""Nobody is given what another person has before them, whatever the console; a reviewer who died holds nothing long."""

from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread

import pytest

from catalogs import layout
from infra.stores import open_store
from infra.stores.memory import MemoryStore
from infra.testing.simulated_clock import SimulatedClock
from tasks.reviews.claims import CLAIM_SECONDS, Claims

SHOP = "shoes"
ITEMS = [f"{number:064x}" for number in range(4)]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 11, 30, tzinfo=UTC))


@pytest.fixture
def store(clock: SimulatedClock, request: pytest.FixtureRequest) -> MemoryStore:
    return MemoryStore(f"claims-{request.node.name}", clock.now)


def test_of_two_consoles_one_gets_an_item_and_the_other_learns_who_has_it(store: MemoryStore) -> None:
    here, there = Claims(store, SHOP), Claims(store, SHOP)
    assert here.take(ITEMS[:2], "ann") == ITEMS[:2]
    assert there.take(ITEMS[:3], "bob") == [ITEMS[2]]
    there.refresh()
    assert there.holder(ITEMS[0], store.now()) == "ann"
    assert there.holders(store.now()) == {"ann", "bob"}


def test_at_one_console_the_second_person_gets_nothing_and_nothing_is_asked_of_the_store(store: MemoryStore) -> None:
    claims = Claims(store, SHOP)
    claims.take(ITEMS[:1], "ann")
    assert claims.take(ITEMS[:1], "bob") == []
    assert claims.take(ITEMS[:1], "ann") == ITEMS[:1]
    assert len(list(store.list(layout.review_claims_prefix(SHOP)))) == 1


def test_what_a_dead_reviewer_had_is_taken_over_after_two_minutes_by_one_person(
    store: MemoryStore, clock: SimulatedClock
) -> None:
    Claims(store, SHOP).take(ITEMS[:1], "ann")
    bob, eve = Claims(store, SHOP), Claims(store, SHOP)
    clock.advance(CLAIM_SECONDS - 1)
    for claims in (bob, eve):
        claims.refresh()
        assert not claims.is_free_for(ITEMS[0], "someone", store.now())
    clock.advance(1)
    assert bob.take(ITEMS[:1], "bob") == ITEMS[:1]
    assert eve.take(ITEMS[:1], "eve") == []
    assert eve.holder(ITEMS[0], store.now()) == "bob"


def test_a_claim_is_renewed_while_the_person_goes_on_looking(store: MemoryStore, clock: SimulatedClock) -> None:
    claims = Claims(store, SHOP)
    for _ in range(3):
        assert claims.take(ITEMS[:1], "ann") == ITEMS[:1]
        clock.advance(CLAIM_SECONDS * 0.6)
    other = Claims(store, SHOP)
    other.refresh()
    assert other.holder(ITEMS[0], store.now()) == "ann"


def test_what_is_given_back_is_free_at_once_but_a_claim_near_its_end_is_left(
    store: MemoryStore, clock: SimulatedClock
) -> None:
    claims, other = Claims(store, SHOP), Claims(store, SHOP)
    claims.take(ITEMS[:2], "ann")
    claims.release(ITEMS[:1], "ann")
    other.refresh()
    assert (other.holder(ITEMS[0], store.now()), other.holder(ITEMS[1], store.now())) == (None, "ann")
    clock.advance(CLAIM_SECONDS * 0.9)
    claims.release(ITEMS[1:2], "ann")
    other.refresh()
    assert other.holder(ITEMS[1], store.now()) == "ann"


def test_a_person_at_a_console_that_began_again_has_the_same_items(store: MemoryStore) -> None:
    Claims(store, SHOP).take(ITEMS[:2], "ann")
    again = Claims(store, SHOP)
    again.refresh()
    assert again.held_by("ann", store.now()) == ITEMS[:2]


def test_a_damaged_claim_is_somebodys(store: MemoryStore) -> None:
    store.write(layout.review_claim(SHOP, ITEMS[0], 1), b"[[[")
    claims = Claims(store, SHOP)
    claims.refresh()
    assert claims.holder(ITEMS[0], store.now()) == ""
    assert claims.take(ITEMS[:1], "ann") == []


def test_eight_threads_of_two_consoles_never_get_one_item_twice(tmp_path: Path) -> None:
    consoles = [Claims(open_store(str(tmp_path)), SHOP) for _ in range(2)]
    items = [f"{number:064x}" for number in range(30)]
    got: dict[str, list[str]] = {}
    barrier = Barrier(8)

    def claim(number: int) -> None:
        barrier.wait()
        got[f"person-{number}"] = consoles[number % 2].take(items, f"person-{number}")

    threads = [Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item for taken in got.values() for item in taken) == items
