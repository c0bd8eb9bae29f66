"""A12: however many answers there are, a reader reads a snapshot and at most fifty more; none is ever lost."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.json_objects import write_json
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.gates.approval_folding import FOLD_ABOVE, fold_answers
from tasks.gates.approvals import read_answers, read_approvals

CATALOGUE = "shoes"


def record(store: ObjectStore, number: int, channel: str = "showroom", *, given: bool = True) -> None:
    document = {"channel": channel, "given": given, "pixel_shas": [f"{number % 7:064x}"], "by": "ada"}
    token = f"20260101T{number:012d}-aa"
    write_json(store, layout.person_decision(CATALOGUE, token, layout.CHANNEL_APPROVAL), document)


def fill(store: ObjectStore, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        record(store, number, given=number % 3 > 0)


def archived(store: ObjectStore) -> list[str]:
    prefix = layout.approval_archive(CATALOGUE, 1).rsplit("/", 1)[0] + "/"
    return [token for info in store.list(prefix) for token in json.loads(store.read(info.key))["documents"]]


def test_300_answers_are_read_by_two_listings_and_a_few_reads(tmp_path: Path) -> None:
    """A12: 300 of 300 objects were read at each release."""
    store = open_store(str(tmp_path))
    for start in range(0, 300, 10):
        fill(store, 10, start)
        before = read_approvals(store, CATALOGUE)
        fold_answers(store, CATALOGUE)
        assert read_approvals(store, CATALOGUE) == before
    counting = FaultInjector()
    assert len(read_approvals(FaultyStore(store, counting), CATALOGUE)) == 7
    assert counting.operation_count <= 2 + 1 + FOLD_ABOVE
    assert len(list(store.list(layout.approval_snapshots_prefix(CATALOGUE)))) == 2
    single = list(read_answers(store, CATALOGUE).documents)
    assert sorted(archived(store) + single) == [f"20260101T{number:012d}-aa" for number in range(300)]
    [document] = [
        json.loads(store.read(layout.approval_archive(CATALOGUE, 1)))["documents"]["20260101T000000000000-aa"]
    ]
    assert document["by"] == "ada"


def test_few_answers_stay_as_they_are() -> None:
    store = MemoryStore("few-answers")
    fill(store, FOLD_ABOVE)
    assert fold_answers(store, CATALOGUE) == 0
    record(store, FOLD_ABOVE)
    assert fold_answers(store, CATALOGUE) == FOLD_ABOVE + 1
    assert fold_answers(store, CATALOGUE) == 0


def test_an_answer_that_was_written_late_still_counts_by_its_own_time() -> None:
    store = MemoryStore("late-answer")
    fill(store, FOLD_ABOVE + 10)
    fold_answers(store, CATALOGUE)
    record(store, 7, given=False)  # before the newest one of its image, number 56, which was folded
    assert read_approvals(store, CATALOGUE)[f"{0:064x}"] == {"showroom": True}
    record(store, 700, given=False)
    assert read_approvals(store, CATALOGUE)[f"{0:064x}"] == {"showroom": False}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fold_that_is_killed_at_any_operation_loses_no_answer(when: Any) -> None:
    moment, died = 1, True
    while died:
        store = MemoryStore(f"killed-fold-{when}-{moment}")
        fill(store, FOLD_ABOVE + 1)
        wanted, injector = read_approvals(store, CATALOGUE), FaultInjector(moment, when)
        with suppress(InjectedFault):
            fold_answers(FaultyStore(store, injector), CATALOGUE)
        assert read_approvals(store, CATALOGUE) == wanted, f"killed {when} operation {moment}"
        fill(store, FOLD_ABOVE + 1, 1000)
        wanted = read_approvals(store, CATALOGUE)
        fold_answers(store, CATALOGUE)
        assert read_approvals(store, CATALOGUE) == wanted
        tokens = {*archived(store), *read_answers(store, CATALOGUE).documents}
        assert len(tokens) == 2 * (FOLD_ABOVE + 1), f"killed {when} operation {moment}"
        died, moment = injector.has_failed, moment + 9
    assert moment > 100


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


def test_a_reader_beside_a_fold_sees_every_answer() -> None:
    for moment in range(1, FOLD_ABOVE + 6, 3):
        store = MemoryStore(f"reader-{moment}")
        fill(store, FOLD_ABOVE + 1)
        wanted = read_approvals(store, CATALOGUE)
        beside = Interleaving(moment, lambda store=store: fold_answers(store, CATALOGUE))  # type: ignore[misc]
        assert read_approvals(FaultyStore(store, beside), CATALOGUE) == wanted, f"folded before read {moment}"


def test_two_folds_at_once_fold_each_answer_once() -> None:
    for moment in range(1, 2 * FOLD_ABOVE, 4):
        store = MemoryStore(f"folds-{moment}")
        fill(store, FOLD_ABOVE + 1)
        wanted = read_approvals(store, CATALOGUE)
        beside = Interleaving(moment, lambda store=store: fold_answers(store, CATALOGUE))  # type: ignore[misc]
        fold_answers(FaultyStore(store, beside), CATALOGUE)
        assert read_approvals(store, CATALOGUE) == wanted
        assert sorted(archived(store)) == sorted({*archived(store)}), f"folded twice at {moment}"
        assert len(archived(store)) == FOLD_ABOVE + 1
