"""Policies that came into force are numbered, never overwritten, and the highest number counts."""

from datetime import UTC, datetime

import pytest

from catalogs import layout
from catalogs.policy.policy_record import FIRST_RUN, PolicyRecord
from catalogs.policy.schema import built_in_policy
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.memory import MemoryStore
from tasks.runs.policy_records import PolicyRecords

AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return MemoryStore(request.node.name)


def record(number: int, person: str = "ada") -> PolicyRecord:
    return PolicyRecord(number, built_in_policy(), "default", person, AT, FIRST_RUN)


def test_the_highest_number_is_in_force_and_catalogues_have_their_own(store: ObjectStore) -> None:
    home, toys = PolicyRecords(store, "home"), PolicyRecords(store, "toys")
    assert (home.in_force(), home.latest_number(), home.read_all()) == (None, 0, [])
    assert all(home.claim(record(number)) for number in range(1, 12))
    assert home.in_force() == record(11)
    assert [found.number for found in home.read_all()] == list(range(11, 0, -1))
    assert toys.in_force() is None


def test_of_two_processes_that_record_one_number_the_second_is_refused(store: ObjectStore) -> None:
    records = PolicyRecords(store, "home")
    assert records.claim(record(1, "ada"))
    assert not records.claim(record(1, "bob"))
    assert records.read(1).person == "ada"


def test_a_record_of_a_newer_version_is_refused_by_its_key(store: ObjectStore) -> None:
    store.write(layout.policy_record("home", 1), b'{"number": 1}')
    with pytest.raises(StoreError, match=r"policies/home/00000001\.json cannot be read"):
        PolicyRecords(store, "home").in_force()
