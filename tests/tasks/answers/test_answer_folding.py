"""Folding: however many answers there are, a reader reads a snapshot and some more; no kill loses one."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given as given_values
from hypothesis import settings
from hypothesis import strategies as st

from catalogs import layout
from catalogs.answers.answer_rows import answers_to_rows
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.json_objects import write_json
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.answers.answer_archive import merge_archive, read_archive
from tasks.answers.answer_folding import FOLD_ABOVE, fold_answers
from tasks.answers.answer_log import read_all_answers, read_answers, read_standing_answers
from tasks.answers.answer_objects import list_answer_keys
from tasks.answers.answer_snapshots import claim_snapshot, read_answer_snapshot
from tests.fixtures.given_answers import CATALOGUE, give, given

FEW = 5


def archived(store: ObjectStore) -> list[str]:
    tokens: list[str] = read_archive(store, CATALOGUE)["token"].to_pylist()
    return tokens


def test_1000_answers_are_read_by_a_listing_a_snapshot_and_a_few_objects(tmp_path: Path) -> None:
    store, everything = open_store(str(tmp_path)), []
    for start in range(0, 1000, 250):
        everything += give(store, 250, start)
        before = list(read_standing_answers(store, CATALOGUE))
        assert fold_answers(store, CATALOGUE) > 0
        assert list(read_standing_answers(store, CATALOGUE)) == before
    everything += give(store, FOLD_ABOVE, 1000)
    assert fold_answers(store, CATALOGUE) == 0
    counting = FaultInjector()
    assert read_answers(FaultyStore(store, counting), CATALOGUE) == everything
    assert counting.operation_count <= 2 + 1 + FOLD_ABOVE
    assert len(list(store.list(layout.answer_snapshots_prefix(CATALOGUE)))) == 2
    assert archived(store) == [answer.token for answer in everything[:1000]]
    assert read_all_answers(store, CATALOGUE) == everything


def test_answers_of_some_requests_are_read_without_the_rest() -> None:
    store = MemoryStore("some-requests")
    answers = give(store, 30)
    fold_answers(store, CATALOGUE, above=20)
    answers += give(store, 5, 30)
    wanted = answers[0].image.request_key  # type: ignore[union-attr]
    found = read_answers(store, CATALOGUE, request_keys=pa.array([wanted], pa.binary()))
    assert [each.token for each in found] == [
        each.token for each in answers if each.image is not None and each.image.request_key == wanted
    ]
    assert len(found) < len(answers)


def test_an_answer_that_was_written_late_counts_by_its_own_time() -> None:
    store = MemoryStore("late-answer")
    give(store, 40, 1)
    fold_answers(store, CATALOGUE, above=FEW)
    late = give(store, 1, 0)
    assert read_answers(store, CATALOGUE)[0] == late[0]


def test_answers_of_earlier_versions_are_folded_too() -> None:
    store = MemoryStore("earlier-answers")
    approval = {"channel": "showroom", "given": True, "pixel_shas": ["ab"], "skus": ["mug"], "by": "ann"}
    for number in range(10):
        key = layout.person_decision(CATALOGUE, f"2026010{number}T000000-aa", layout.CHANNEL_APPROVAL)
        write_json(
            store, key, approval | {"at": f"2026-01-0{1 + number % 9}T00:00:00+00:00", "reason": f"seen {number}"}
        )
    before = read_answers(store, CATALOGUE)
    assert fold_answers(store, CATALOGUE, above=FEW) == 10
    assert list_answer_keys(store, CATALOGUE) == []
    assert read_answers(store, CATALOGUE) == before
    assert len(read_all_answers(store, CATALOGUE)) == 10


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fold_that_is_killed_at_any_operation_loses_no_answer(when: Any) -> None:
    moment, died = 1, True
    while died:
        store = MemoryStore(f"killed-fold-{when}-{moment}")
        wanted, injector = give(store, FEW + 1), FaultInjector(moment, when)
        with suppress(InjectedFault):
            fold_answers(FaultyStore(store, injector), CATALOGUE, above=FEW)
        assert read_answers(store, CATALOGUE) == wanted, f"killed {when} operation {moment}"
        wanted += give(store, FEW + 1, 1000)
        assert fold_answers(store, CATALOGUE, above=FEW) in (FEW + 1, 2 * (FEW + 1))
        assert read_answers(store, CATALOGUE) == wanted
        assert list_answer_keys(store, CATALOGUE) == []
        assert archived(store) == [answer.token for answer in wanted], f"killed {when} operation {moment}"
        died, moment = injector.has_failed, moment + 1
    assert moment > 20


class Interleaving(FaultInjector):
    """Lets something happen just before the n-th operation."""

    def __init__(self, moment: int, happens: Callable[[], object]) -> None:
        super().__init__()
        self._moment, self._happens = moment, happens

    def call(self, description: str, operation: Callable[[], Any]) -> Any:
        """Let it happen, once, and then do the operation."""
        if self.operation_count + 1 == self._moment:
            self._happens()
        return super().call(description, operation)


class BeforeClaim(FaultInjector):
    """Lets something happen just before a snapshot is claimed."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens: list[Callable[[], object]] = [happens]

    def call(self, description: str, operation: Callable[[], Any]) -> Any:
        """Let it happen, once, and then do the operation."""
        is_claim = "write" in description and layout.answer_snapshots_prefix(CATALOGUE) in description
        for happens in self._happens if is_claim else ():
            self._happens = []
            happens()
        return super().call(description, operation)


def test_a_fold_that_loses_its_number_deletes_nothing_that_the_winner_did_not_fold() -> None:
    store = MemoryStore("lost-number")
    answers = give(store, FEW + 1)
    others = read_answer_snapshot(store, CATALOGUE).with_added(answers_to_rows(answers[:-1]))
    injector = BeforeClaim(lambda: claim_snapshot(store, CATALOGUE, others))
    assert fold_answers(FaultyStore(store, injector), CATALOGUE, above=FEW) == 0
    assert read_answer_snapshot(store, CATALOGUE).tokens == {answer.token for answer in answers[:-1]}
    assert (read_answers(store, CATALOGUE), len(list_answer_keys(store, CATALOGUE))) == (answers, FEW + 1)
    assert fold_answers(store, CATALOGUE, above=0) == 1
    assert (archived(store), read_answers(store, CATALOGUE)) == ([answer.token for answer in answers], answers)


def test_a_reader_beside_a_fold_sees_every_answer() -> None:
    for moment in range(1, 3 * FEW):
        store = MemoryStore(f"reader-{moment}")
        give(store, FEW + 1)
        fold_answers(store, CATALOGUE, above=FEW)
        give(store, FEW + 1, 500)
        wanted = read_answers(store, CATALOGUE)
        beside = Interleaving(moment, lambda store=store: fold_answers(store, CATALOGUE, above=FEW))  # type: ignore[misc]
        assert read_answers(FaultyStore(store, beside), CATALOGUE) == wanted, f"folded before operation {moment}"


def test_an_answer_given_beside_two_folds_at_once_is_in_no_gap() -> None:
    """What one fold takes in between another's listing and its claim must not be left out of the other's snapshot."""
    for moment in range(1, 6 * FEW):
        store = MemoryStore(f"folds-{moment}")
        wanted = give(store, FEW + 1)

        def happens(store: ObjectStore = store, wanted: list[Any] = wanted) -> None:
            wanted += give(store, FEW + 1, 1000)
            fold_answers(store, CATALOGUE, above=FEW)

        fold_answers(FaultyStore(store, Interleaving(moment, happens)), CATALOGUE, above=FEW)
        assert read_answers(store, CATALOGUE) == wanted, f"another fold before operation {moment}"
        fold_answers(store, CATALOGUE, above=0)
        assert archived(store) == [answer.token for answer in wanted], f"another fold before operation {moment}"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), st.integers(0, 60)),
        st.tuples(st.just("fold"), st.one_of(st.none(), st.integers(1, 40))),
        st.tuples(st.just("merge"), st.one_of(st.none(), st.integers(1, 10))),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given_values(STEPS)
def test_folded_is_the_same_as_unfolded_whatever_the_order_and_the_kills(steps: list[tuple[str, int | None]]) -> None:
    store, plain = MemoryStore("folded"), MemoryStore("unfolded")
    for name, number in steps:
        if name == "give" and number is not None:
            give(store, 1, number)
            give(plain, 1, number)
            continue
        faulty = FaultyStore(store, FaultInjector(number))
        with suppress(InjectedFault):
            if name == "fold":
                fold_answers(faulty, CATALOGUE, above=0)
            else:
                merge_archive(faulty, CATALOGUE)
        assert read_answers(store, CATALOGUE) == read_answers(plain, CATALOGUE)
    assert read_all_answers(store, CATALOGUE) == read_answers(plain, CATALOGUE)
    assert set(read_standing_answers(store, CATALOGUE)) == set(read_standing_answers(plain, CATALOGUE))


def test_the_fixture_gives_the_same_answer_for_the_same_number() -> None:
    assert given(3) == given(3) != given(4)
