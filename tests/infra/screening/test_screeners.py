"""What both screeners promise: one answer an order, and a fault that costs only itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import StoreError
from infra.interfaces import Failure, FinishParameters, ObjectStore, Screened, Screener
from infra.screening.inline import InlineScreener
from infra.screening.measure import measure
from infra.screening.processes import ProcessScreener
from infra.stores import open_store
from infra.testing.faulty_screening import measure_or_fail
from tests.infra.screening.staged_images import block_image, screening_request, stage_image


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(f"file://{tmp_path}")


@pytest.fixture(params=["inline", "processes"])
def screener(request: pytest.FixtureRequest, store: ObjectStore) -> Iterator[Screener]:
    made: Screener = (
        InlineScreener(store, measure_or_fail) if request.param == "inline" else ProcessScreener(2, measure_or_fail)
    )
    yield made
    made.close()


def test_every_order_is_answered_once_with_what_measuring_gives(screener: Screener, store: ObjectStore) -> None:
    orders = [stage_image(store, f"{seed}", block_image(seed)) for seed in range(6)]
    answers = {answer.key: answer for answer in screener.screen(orders)}
    assert sorted(answers) == [order.key for order in orders]
    for order in orders:
        answer = answers[order.key]
        assert isinstance(answer, Screened)
        expected = measure(order, store)
        assert answer.finished_sha == expected.finished_sha
        assert answer.scores == expected.scores
        assert answer.fingerprint == expected.fingerprint


def test_a_store_that_is_away_is_no_fault_of_the_picture(screener: Screener, store: ObjectStore) -> None:
    orders = [stage_image(store, "good"), stage_image(store, "away-1"), stage_image(store, "good-2")]
    with pytest.raises(StoreError, match="unreachable, as ordered"):
        list(screener.screen(orders))
    (answer,) = screener.screen(orders[:1])
    assert isinstance(answer, Screened)


def test_a_missing_a_broken_and_a_raising_image_are_failures_with_their_reasons(
    screener: Screener, store: ObjectStore
) -> None:
    cut = stage_image(store, "cut")
    store.write(cut.raw_key, b"not a picture")
    good, raising = stage_image(store, "good"), stage_image(store, "raise-1")
    wrong = stage_image(store, "wrong", finish=FinishParameters(canvas="round"))
    answers = {it.key: it for it in screener.screen([screening_request("gone", store.url), cut, raising, wrong, good])}
    assert isinstance(answers["good"], Screened)
    reasons = {key: answer.reason for key, answer in answers.items() if isinstance(answer, Failure)}
    assert set(reasons) == {"gone", "cut", "raise-1", "wrong"}
    assert reasons["gone"].startswith("ObjectMissing")
    assert reasons["cut"].startswith("InvalidImage")
    assert reasons["raise-1"].startswith("ValueError")
    assert "'round'" in reasons["wrong"]


def test_no_orders_are_no_answers_and_closing_twice_is_fine(screener: Screener) -> None:
    assert list(screener.screen([])) == []
    screener.close()
    screener.close()


def test_the_same_order_twice_gives_the_same_answer_twice(screener: Screener, store: ObjectStore) -> None:
    order = stage_image(store, "a")
    first, second = screener.screen([order, order])
    assert isinstance(first, Screened)
    assert isinstance(second, Screened)
    assert (first.finished_sha, first.scores) == (second.finished_sha, second.scores)


def test_an_inline_screener_serves_a_store_in_memory() -> None:
    store = open_store("memory://screening")
    answer = next(InlineScreener(store).screen([stage_image(store, "a")]))
    assert isinstance(answer, Screened)
    assert store.exists("staging/a-finished.jpg")
