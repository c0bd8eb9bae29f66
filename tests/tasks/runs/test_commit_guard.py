"""A10, A3: a run that lost its leases, was closed, or was decided by an older policy may not commit."""

from datetime import UTC, datetime

import pytest

from catalogs import layout
from catalogs.errors import PolicyChanged
from catalogs.policy.policy_record import FIRST_RUN, PolicyRecord
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import Run
from infra.errors import LeaseLost
from infra.interfaces import ObjectStore
from infra.stores.memory import MemoryStore
from tasks.runs.commit_guard import CommitGuard
from tasks.runs.policy_records import PolicyRecords

AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
OLD = built_in_policy()
NEW = OLD.model_copy(update={"version": 7})


def run_of(run_id: str) -> Run:
    return Run(run_id, "shoes", "full", "f1", AT, "shoes.csv")


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    store = MemoryStore(request.node.name)
    store.write(layout.open_run("shoes", "r1"), b"{}")
    return store


def guard(store: ObjectStore, lost: str = "") -> CommitGuard:
    def check_leases() -> None:
        if lost:
            raise LeaseLost(lost)

    return CommitGuard(store, run_of("r1"), OLD, check_leases)


def put_in_force(store: ObjectStore, number: int, policy: object) -> None:
    record = PolicyRecord(number, policy, "strict.yaml", "ada", AT, FIRST_RUN)  # type: ignore[arg-type]
    assert PolicyRecords(store, "shoes").claim(record)


def test_an_open_run_under_its_leases_and_the_policy_in_force_may_commit(store: ObjectStore) -> None:
    guard(store).check()  # of a store that recorded no policy yet
    put_in_force(store, 1, NEW)
    put_in_force(store, 2, OLD)
    guard(store).check()


def test_a_lost_lease_is_told_as_it_is(store: ObjectStore) -> None:
    with pytest.raises(LeaseLost, match="taken over by bob"):
        guard(store, lost="taken over by bob").check_run()


def test_a_run_that_another_process_closed_is_not_ours_any_more(store: ObjectStore) -> None:
    store.delete([layout.open_run("shoes", "r1")])
    with pytest.raises(LeaseLost, match="The run r1 was taken over and closed by another process"):
        guard(store).check_run()


def test_a_policy_that_came_into_force_since_is_named(store: ObjectStore) -> None:
    put_in_force(store, 1, OLD)
    put_in_force(store, 2, NEW)
    guard(store).check_run()
    with pytest.raises(PolicyChanged) as refused:
        guard(store).check()
    for word in ("r1", OLD.digest[:12], "policy 2", NEW.digest[:12], "2026-03-01 02:00 UTC"):
        assert word in str(refused.value)
