"""The writer: its answers are later than all that it has read, in the order of its calls, and are folded."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest

from catalogs import layout
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultyStore, InjectedFault
from tasks.answers.answer_folding import FOLD_ABOVE
from tasks.answers.answer_log import read_answers
from tasks.answers.answer_objects import list_answer_keys
from tasks.answers.answer_writer import AnswerWriter
from tests.fixtures.given_answers import CATALOGUE, given

T = TypeVar("T")

AHEAD = "29991231T235959000000-00000000"


def test_an_answer_is_later_than_all_that_its_writer_has_read() -> None:
    """Another host's clock is ahead: without this, the answer that a person gives after it would not count."""
    writer = AnswerWriter(MemoryStore("clocks"), CATALOGUE)
    writer.has_read([replace(given(1), token=AHEAD)])
    first, second = writer.write(given(2)), writer.write(given(3))
    assert AHEAD < first.token < second.token
    undone = AHEAD.replace("59000000", "59999999")
    assert writer.write(replace(given(4), undoes=undone)).token > undone


def test_answers_of_four_threads_are_all_there_and_folded_beside() -> None:
    store = MemoryStore("threads")
    writer = AnswerWriter(store, CATALOGUE)
    with ThreadPoolExecutor(4) as threads:
        written = list(threads.map(writer.write, map(given, range(2 * FOLD_ABOVE + 3))))
    writer.wait_for_fold()
    assert sorted(written, key=lambda answer: answer.token) == read_answers(store, CATALOGUE)
    assert len({answer.token for answer in written}) == 2 * FOLD_ABOVE + 3
    assert len(list_answer_keys(store, CATALOGUE)) <= FOLD_ABOVE + 3


class RefusedSnapshots:
    """Lets everything happen but what concerns a snapshot."""

    def call(self, description: str, operation: Callable[[], T]) -> T:
        """Run an operation, or raise."""
        if layout.answer_snapshots_prefix(CATALOGUE) in description:
            raise InjectedFault(description)
        return operation()


def test_where_answers_cannot_be_folded_they_are_written_all_the_same_and_folded_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore("refusing")
    refusing = AnswerWriter(FaultyStore(store, RefusedSnapshots()), CATALOGUE)
    written = [refusing.write(given(number)) for number in range(FOLD_ABOVE)]
    refusing.wait_for_fold()
    assert f"The answers of '{CATALOGUE}' are not folded yet: " in caplog.text
    assert len(list_answer_keys(store, CATALOGUE)) == FOLD_ABOVE
    assert read_answers(store, CATALOGUE) == written
    writer = AnswerWriter(store, CATALOGUE)
    written += [writer.write(given(FOLD_ABOVE + number)) for number in range(FOLD_ABOVE)]
    writer.wait_for_fold()
    assert list_answer_keys(store, CATALOGUE) == []
    assert read_answers(store, CATALOGUE) == written
