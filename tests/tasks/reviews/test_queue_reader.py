"""A look reads what has changed and nothing else, and of a million answers those about what waits."""

from pathlib import Path

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_log import write_answer
from tasks.reviews.queue_reader import QueueReader
from tests.fixtures.review_scenarios import ASKED_AT, ReviewScenario
from tests.fixtures.store_scenarios import CATALOGUE, request_key_of


def test_an_unchanged_store_costs_three_listings_and_reads_nothing(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"})
    injector = FaultInjector()
    reader = QueueReader(FaultyStore(shop.store, injector), shop.tables, CATALOGUE)
    first = reader.look()
    assert (first.rows.num_rows, len(first.outcomes), first.items_moved) == (1, 1, True)
    before = injector.operation_count
    again = reader.look()
    assert injector.operation_count - before == 3
    assert (again.items_moved, again.answers_moved) == (False, False)
    assert again.rows is first.rows


def test_each_part_is_read_again_where_it_moved(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"})
    reader = QueueReader(shop.store, shop.tables, CATALOGUE)
    first = reader.look()
    shop.write_run_folder("run-x", is_open=True)
    opened = reader.look()
    assert (opened.open_runs, opened.items_moved, opened.answers_moved) == (frozenset({"run-x"}), True, False)
    shop.wait({"b/front": "blue"})
    assert reader.look().rows.num_rows == 2
    assert first.rows.num_rows == 1


def test_answers_about_what_waits_are_read_and_others_are_not(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"})
    for word in ("red", "elsewhere"):
        target = ImageTarget(request_key_of(word), b"k", "f", b"p")
        write_answer(shop.store, CATALOGUE, Answer(AnswerKind.ACCEPT, "ann", ASKED_AT, image=target))
    state = QueueReader(shop.store, shop.tables, CATALOGUE).look()
    assert [answer.image.request_key for answer in state.answers if answer.image] == [request_key_of("red")]


def test_something_else_is_done_beside_a_look(tmp_path: Path) -> None:
    done = []
    QueueReader(ReviewScenario(tmp_path).store, ReviewScenario(tmp_path).tables, CATALOGUE).look(
        [lambda: done.append(1)]
    )
    assert done == [1]


def test_a_new_answer_costs_one_read_and_what_was_folded_meanwhile_is_read_from_the_snapshot(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"})
    injector = FaultInjector()
    reader = QueueReader(FaultyStore(shop.store, injector), shop.tables, CATALOGUE)
    target = ImageTarget(request_key_of("red"), b"k", "f", b"p")
    for number in range(3):
        write_answer(shop.store, CATALOGUE, Answer(AnswerKind.ACCEPT, f"person {number}", ASKED_AT, image=target))
    assert len(reader.look().answers) == 3
    before = injector.operation_count
    write_answer(shop.store, CATALOGUE, Answer(AnswerKind.REFUSE, "ann", ASKED_AT, image=target))
    state = reader.look()
    assert (len(state.answers), state.answers_moved, injector.operation_count - before) == (4, True, 3 + 1)
    fold_answers(shop.store, CATALOGUE, above=0)
    assert (len(reader.look().answers), reader.look().answers_moved) == (4, False)
