"""A sweep leaves what people are asked about, what they are measured by, and nothing of questions long over."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.answers.answer_log import write_answer
from tasks.maintenance.retention import RetentionPolicy, RetentionRules
from tasks.maintenance.review_sweep import ReviewNeeds, sweep_review_index
from tasks.reviews.claims import Claims
from tasks.reviews.review_index import read_review_index
from tests.fixtures.review_scenarios import ReviewScenario, pixels_of_word
from tests.fixtures.store_scenarios import CATALOGUE, finish_digest_of, request_key_of, run_sweep, swept

LONG_AGO = datetime.now(UTC) - timedelta(days=60)


@pytest.fixture
def shop(tmp_path: Path) -> ReviewScenario:
    scenario = ReviewScenario(tmp_path)
    scenario.release("r0", {"shirt/front": "green"})
    return scenario


def skus(shop: ReviewScenario) -> list[str]:
    return sorted(read_review_index(shop.store, CATALOGUE)["sku"].to_pylist())


def files(shop: ReviewScenario) -> int:
    return len(shop.keys(layout.review_index_prefix(CATALOGUE)))


def publish_all(shop: ReviewScenario, *words: str) -> None:
    for word in words:
        shop.commit_outcome(f"night-{word}", f"{word}/front", word, "deferred")


def test_rows_of_what_was_decided_long_ago_go_once_they_are_the_greater_part(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "a", "b/front": "b", "c/front": "c"}, asked_at=LONG_AGO)
    shop.wait({"d/front": "d"}, asked_at=LONG_AGO)
    shop.backdate(3, "review/")
    publish_all(shop, "a")
    run_sweep(shop)
    assert (skus(shop), files(shop)) == (["a", "b", "c", "d"], 2)  # not worth a file
    publish_all(shop, "b", "c")
    run_sweep(shop)
    assert (skus(shop), files(shop)) == (["d"], 1)


def test_what_the_gates_refused_stays_for_a_person_to_overrule(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "a"}, "blocked", asked_at=LONG_AGO)
    shop.backdate(3, "review/")
    run_sweep(shop)
    assert skus(shop) == ["a"]


def test_many_files_become_one_and_a_repeated_question_one_row(
    shop: ReviewScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.maintenance.review_sweep.MAX_FILES", 3)
    for night in range(4):
        shop.wait({"a/front": "a", f"n-{night}/front": f"n {night}"})
    shop.backdate(3, "review/")
    assert swept(shop, dry_run=True)["review"] == 4
    assert files(shop) == 4
    run_sweep(shop)
    assert (files(shop), skus(shop)) == (1, ["a", "n-0", "n-1", "n-2", "n-3"])


def test_rows_of_a_held_batch_stay_as_long_as_its_run_is_open(shop: ReviewScenario) -> None:
    run = shop.wait({"a/front": "a"}, "held", asked_at=LONG_AGO)
    shop.write_run_folder(run, is_open=True)
    shop.backdate(3, "review/")
    run_sweep(shop)
    assert skus(shop) == ["a"]
    shop.store.delete([layout.open_run(CATALOGUE, run)])
    run_sweep(shop)
    assert skus(shop) == []


def test_the_pictures_on_which_two_people_agreed_stay_to_be_shown_again(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "a", "b/front": "b"}, asked_at=datetime.now(UTC) - timedelta(days=5))
    for word, people in (("a", ("ann", "bob")), ("b", ("ann",))):
        image = bytes.fromhex(shop.image_key(word))
        target = ImageTarget(request_key_of(word), image, finish_digest_of(word), pixels_of_word(word))
        for person in people:
            write_answer(shop.store, CATALOGUE, Answer(AnswerKind.ACCEPT, person, datetime.now(UTC), image=target))
    publish_all(shop, "a", "b")
    shop.backdate(3, "review/")
    run_sweep(shop)
    assert shop.keys(layout.review_images_prefix(CATALOGUE)) == {
        layout.review_image(CATALOGUE, shop.image_key("a"), finish_digest_of("a"))
    }
    assert skus(shop) == ["a", "b"]  # for a month, thresholds and people are measured by them


def test_claims_of_people_who_left_go_after_a_day(shop: ReviewScenario) -> None:
    Claims(shop.store, CATALOGUE).take(["a" * 64, "b" * 64], "ann")
    assert "review" not in swept(shop)
    shop.backdate(2, "review/")
    assert swept(shop)["review"] == 2
    assert shop.keys("review/") == set()


def test_a_sweep_that_is_killed_at_any_operation_loses_no_row(
    shop: ReviewScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.maintenance.review_sweep.MAX_FILES", 1)
    shop.wait({"a/front": "a"})
    shop.wait({"b/front": "b"})
    shop.backdate(3, "review/")
    retention = RetentionPolicy(datetime.now(UTC), RetentionRules())
    whole = FaultInjector()

    def sweep_with(injector: FaultInjector) -> None:
        store = FaultyStore(shop.store, injector)
        needs = ReviewNeeds.read(shop.tables, CATALOGUE, retention, frozenset())
        store.delete(info.key for info in sweep_review_index(store, CATALOGUE, needs, dry_run=False))

    for number in range(1, 20):
        injector = FaultInjector(number)
        with suppress(InjectedFault):
            sweep_with(injector)
        assert skus(shop) == ["a", "b"]
        if not injector.has_failed:
            break
    assert number > 8
    sweep_with(whole)
    assert skus(shop) == ["a", "b"]
