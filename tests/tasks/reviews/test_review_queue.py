"""The queue follows the store by small steps: what did not change is not read again."""

from pathlib import Path

import pytest

from catalogs.answers.answer import Answer, AnswerKind
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.answers.answer_log import write_answer
from tasks.reviews.review_queue import ReviewQueue, Standing
from tests.fixtures.review_scenarios import ASKED_AT, ReviewScenario
from tests.fixtures.store_scenarios import CATALOGUE


@pytest.fixture(autouse=True)
def _look_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.reviews.review_queue.LOOK_AGAIN_SECONDS", 0.0)


def standings(queue: ReviewQueue) -> dict[str, Standing]:
    queue.look()
    return {entry.skus[0]: queue.standing_of(entry) for entry in queue.in_order()}


def say(shop: ReviewScenario, queue: ReviewQueue, who: str, kind: AnswerKind) -> Answer:
    (entry,) = queue.in_order()
    answer = Answer(kind, who, ASKED_AT, image=queue.waiting.item(entry).target, reason="colour")
    return write_answer(shop.store, CATALOGUE, answer, after=queue.answers.newest_token)


def test_a_second_look_at_an_unchanged_store_lists_and_reads_nothing(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"})
    injector = FaultInjector()
    queue = ReviewQueue(FaultyStore(shop.store, injector), shop.tables, CATALOGUE, 0.0)
    queue.look()
    first = injector.operation_count
    before = queue.waiting
    queue.look()
    assert injector.operation_count - first <= 3  # index, answers, open runs
    assert queue.waiting is before


def test_new_runs_and_new_answers_are_seen_at_the_next_look(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"})
    queue = ReviewQueue(shop.store, shop.tables, CATALOGUE, 0.0)
    assert standings(queue) == {"a": Standing.OPEN}
    say(shop, queue, "ann", AnswerKind.ACCEPT)
    assert standings(queue) == {"a": Standing.CLOSED}
    say(shop, queue, "bob", AnswerKind.REFUSE)
    assert standings(queue) == {"a": Standing.CONFLICT}
    shop.wait({"b/front": "blue"})
    assert standings(queue) == {"a": Standing.CONFLICT, "b": Standing.OPEN}


def test_an_answer_that_was_given_here_counts_before_the_store_is_read_again(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"})
    queue = ReviewQueue(shop.store, shop.tables, CATALOGUE, 1.0)
    queue.look()
    queue.add(say(shop, queue, "ann", AnswerKind.ACCEPT))
    (entry,) = queue.in_order()
    assert queue.standing_of(entry) == Standing.DOUBLE
    queue.add(say(shop, queue, "bob", AnswerKind.ACCEPT))
    assert (queue.standing_of(entry), list(queue.open_entries())) == (Standing.CLOSED, [])
