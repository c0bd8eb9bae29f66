"""People are given what waits, most urgent first and never twice, and what they say is bound to the pixels shown."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose
from catalogs.answers.person import Person, Scope
from catalogs.errors import ItemNotFound, OptionError
from catalogs.reviews.review_filter import EVERYTHING, ReviewFilter
from catalogs.reviews.review_item import ReviewItem
from catalogs.reviews.review_options import CONFLICT_GROUP, ReviewOptions
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.answers.answer_folding import FOLD_ABOVE
from tasks.answers.answer_log import read_answers
from tasks.answers.answer_objects import list_answer_keys
from tasks.reviews.review_service import ReviewService
from tests.fixtures.given_answers import give
from tests.fixtures.review_scenarios import ANN, BOB, EVE, ReviewScenario, pixels_of_word
from tests.fixtures.store_scenarios import CATALOGUE, jpeg_of

PLAIN = ReviewOptions(double_share=0.0, known_per_session=0)


@pytest.fixture
def shop(tmp_path: Path) -> ReviewScenario:
    return ReviewScenario(tmp_path)


def service_of(shop: ReviewScenario, options: ReviewOptions = PLAIN) -> ReviewService:
    return ReviewService(shop.store, shop.tables, CATALOGUE, options=options)


def words(items: Sequence[ReviewItem]) -> list[str]:
    return [item.prompt.removeprefix("a photo of ") for item in items]


def test_the_most_urgent_comes_first_and_slots_that_share_an_image_are_one_item(shop: ReviewScenario) -> None:
    shop.wait({"shirt/front": "red", "cap/front": "red"}, severity=1.2)
    shop.wait({"hat/front": "blue"}, severity=8.5, reasons=["explicit"], worst_reason="explicit")
    service = service_of(shop)
    first, second = service.claim("ann", count=5)
    assert words([first, second]) == ["blue", "red"]
    assert (second.skus, first.is_sensitive, second.is_sensitive) == (["shirt", "cap"], True, False)
    assert [(group.reason, group.count, group.worst) for group in service.groups()] == [
        ("explicit", 1, (shop.item_id("blue"),)), ("blurred", 1, (shop.item_id("red"),)),
    ]  # fmt: skip


def test_an_answer_is_bound_to_image_finish_and_pixels_and_ends_the_question(shop: ReviewScenario) -> None:
    shop.wait({"shirt/front": "red"})
    service = service_of(shop)
    (item,) = service.claim("ann")
    assert service.image(item.id, "shown") == jpeg_of("red")
    service.answer(ANN, item.id, AnswerKind.REFUSE, reason="colour", why="too red", seconds=2.5)
    (answer,) = read_answers(shop.store, CATALOGUE)
    assert answer.image is not None
    assert answer.image.key == (item.image_key, item.finish_digest, pixels_of_word("red"))
    assert (answer.who, answer.reason, answer.why, answer.seconds) == ("ann", "colour", "too red", 2.5)
    assert service.claim("ann") == service.claim("bob") == []
    assert (service.progress("ann").left, service.progress("ann").answered_by_me) == (0, 1)


def test_two_people_get_different_items_whether_at_one_console_or_at_two(shop: ReviewScenario) -> None:
    shop.wait({f"sku-{number}/front": f"word {number}" for number in range(6)})
    here, there = service_of(shop), service_of(shop)
    of_ann, of_bob, of_eve = here.claim("ann", count=2), here.claim("bob", count=2), there.claim("eve", count=6)
    ids = [item.id for item in (*of_ann, *of_bob, *of_eve)]
    assert (len(of_ann), len(of_bob), len(of_eve), len(set(ids))) == (2, 2, 2, 6)
    assert words(here.claim("ann", count=2)) == words(of_ann)  # a page that is loaded again shows the same


def test_a_skipped_item_goes_to_the_others_and_comes_back_last(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red"}, severity=3.0)
    shop.wait({"b/front": "blue"})
    service = service_of(shop)
    (item,) = service.claim("ann")
    service.skip("ann", item.id)
    assert words(service.claim("ann", count=2)) == ["blue", "red"]


def test_undo_takes_the_newest_answer_back_and_gives_the_item_again(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red", "b/front": "blue"})
    service = service_of(shop)
    for item in service.claim("ann", count=2):
        service.answer(ANN, item.id, AnswerKind.ACCEPT, seconds=1)
    back = service.undo(ANN)
    assert back is not None
    assert back.item is not None
    assert service.progress("ann").left == 1
    assert [item.id for item in service.claim("ann")] == [back.item.id]
    assert [answer.kind for answer in read_answers(shop.store, CATALOGUE)] == ["accept", "accept", "undo"]
    assert service.undo(ANN) is not None
    assert service.undo(ANN) is None
    assert service_of(shop).progress("bob").left == 2


def test_undo_is_written_although_a_run_has_decided_the_item_meanwhile(
    shop: ReviewScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.reviews.review_queue.LOOK_AGAIN_SECONDS", 0.0)
    shop.wait({"a/front": "red"})
    service = service_of(shop)
    given = service.answer(ANN, shop.item_id("red"), AnswerKind.ACCEPT)
    shop.commit_outcome("run-0002", "a/front", "red", "review", _op="drop")  # as a release of it does
    with pytest.raises(ItemNotFound):
        service.find(shop.item_id("red"))
    undone = service.undo(ANN)
    assert undone is not None
    assert (undone.answer, undone.item) == (given, None)
    accepted, undo = read_answers(shop.store, CATALOGUE)
    assert (undo.kind, undo.undoes, undo.image) == (AnswerKind.UNDO, accepted.token, accepted.image)
    assert service.undo(ANN) is None


def test_an_undo_that_could_not_be_written_can_be_asked_for_again(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red"})
    injector = FaultInjector()
    service = ReviewService(FaultyStore(shop.store, injector), shop.tables, CATALOGUE, options=PLAIN)
    given = service.answer(ANN, shop.item_id("red"), AnswerKind.ACCEPT)
    injector.fail_at = injector.operation_count + 1
    with pytest.raises(InjectedFault):
        service.undo(ANN)
    assert service.progress("ann").answered_by_me == 1
    injector.fail_at = None
    undone = service.undo(ANN)
    assert undone is not None
    assert [answer.undoes for answer in read_answers(shop.store, CATALOGUE)] == ["", given.token]


def test_two_undoes_at_once_take_two_answers_back(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red", "b/front": "blue"})
    service = service_of(shop)
    given = {service.answer(ANN, item.id, AnswerKind.ACCEPT).token for item in service.claim("ann", count=2)}
    with ThreadPoolExecutor(4) as threads:
        undone = [done for done in threads.map(service.undo, [ANN] * 4) if done is not None]
    assert sorted(done.answer.token for done in undone) == sorted(given)
    assert sum(answer.kind == AnswerKind.UNDO for answer in read_answers(shop.store, CATALOGUE)) == 2


def test_a_group_is_answered_whole_or_not_at_all(shop: ReviewScenario) -> None:
    shop.wait({f"sku-{number}/front": f"word {number}" for number in range(4)})
    service = service_of(shop)
    ids = [item.id for item in service.claim("ann", count=4, group="blurred")]
    with pytest.raises(OptionError, match="reason: 'ugly' is none of wrong-product"):
        service.answer_group(ANN, ids[:3], {ids[3]: "ugly"})
    assert read_answers(shop.store, CATALOGUE) == []
    answers = service.answer_group(ANN, ids[:3], {ids[3]: "cropped"}, seconds=8)
    assert [(answer.kind, answer.seconds) for answer in answers] == [("accept", 2.0)] * 3 + [("refuse", 2.0)]
    assert service.groups() == []


def test_what_the_gates_refused_is_shown_on_request_and_needs_its_own_scope(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red"}, state="blocked")
    service = service_of(shop)
    assert service.claim("ann") == []
    (item,) = service.claim("ann", ReviewFilter(blocked=True))
    helper = Person("ann", frozenset({Scope.LOOK, Scope.ANSWER}))
    with pytest.raises(OptionError, match="ann may not do that: it needs the scope override"):
        service.answer(helper, item.id, AnswerKind.ACCEPT)
    assert service.answer(ANN, item.id, AnswerKind.ACCEPT).image.state == "blocked"  # type: ignore[union-attr]


def test_different_answers_are_a_conflict_until_somebody_ends_it(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red"})
    service = service_of(shop, ReviewOptions(double_share=1.0, known_per_session=0))
    (item,) = service.claim("ann")
    service.answer(ANN, item.id, AnswerKind.ACCEPT)
    assert service.claim("ann") == []
    assert (service.progress("ann").left, service.groups(person="ann")) == (0, []), "it waits for somebody else"
    assert (service.progress("bob").left, len(service.groups(person="bob"))) == (1, 1)
    (again,) = service.claim("bob")
    assert service.find(again.id, "bob").purpose == AnswerPurpose.DOUBLE
    assert (again.purpose, service.details(again).answers) == (AnswerPurpose.DOUBLE, ())  # asked independently
    service.answer(BOB, item.id, AnswerKind.REFUSE, reason="colour")
    assert [(group.reason, group.count) for group in service.groups()] == [(CONFLICT_GROUP, 1)]
    assert service.progress("eve").conflicts == (item.id,)
    (shown,) = service.claim("eve", group=CONFLICT_GROUP)
    assert [answer.who for answer in service.details(shown).conflict] == ["ann", "bob"]
    service.answer(EVE, item.id, AnswerKind.REFUSE, reason="colour", resolves=True)
    assert service.groups() == []


def test_filters_choose_by_every_column(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red"}, model_version="turbo/2", category="shoes", channels=["ebay"])
    shop.wait({"b/front": "blue"}, reasons=["off-centre"], worst_reason="off-centre")
    service = service_of(shop)
    asked = {
        "red": (
            ReviewFilter(model_version="turbo/2"), ReviewFilter(category="shoes"), ReviewFilter(channel="ebay"),
            ReviewFilter(reason="blurred"), ReviewFilter(sku="a"),
        ),
        "blue": (ReviewFilter(reason="off-centre"), ReviewFilter(channel="amazon"), ReviewFilter(sku="b")),
    }  # fmt: skip
    for word, filters in asked.items():
        for each in filters:
            assert [group.worst for group in service.groups(each)] == [(shop.item_id(word),)], each
    assert {choice.value: choice.count for choice in service.choices().categories} == {"shoes": 1, "shirts": 1}
    assert len(service.groups(EVERYTHING)) == 2


def test_answers_of_another_console_count_here_after_a_moment(
    shop: ReviewScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.reviews.review_queue.LOOK_AGAIN_SECONDS", 0.0)
    shop.wait({"a/front": "red"})
    here, there = service_of(shop), service_of(shop)
    assert here.progress("ann").left == 1
    given: Answer = there.answer(BOB, shop.item_id("red"), AnswerKind.ACCEPT)
    assert here.progress("ann").left == 0
    assert here.answer(ANN, shop.item_id("red"), AnswerKind.ACCEPT).token > given.token


def test_a_name_that_waits_for_nobody_is_not_found(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red"})
    service = service_of(shop)
    for name in ("../../etc/passwd", "0" * 64, ""):
        with pytest.raises(ItemNotFound, match="waits for nobody"):
            service.find(name)
    with pytest.raises(ItemNotFound, match="has no picture 'live'"):
        service.image(shop.item_id("red"), "live")


def test_a_picture_that_somebody_exchanged_is_not_shown(shop: ReviewScenario) -> None:
    shop.wait({"a/front": "red"})
    service = service_of(shop)
    shop.store.write(service.find(shop.item_id("red")).object, jpeg_of("blue"))
    with pytest.raises(ItemNotFound, match="not the one that was judged"):
        service.image(shop.item_id("red"), "shown")


def test_details_show_limits_the_other_views_and_what_it_would_replace(shop: ReviewScenario) -> None:
    shop.release("r1", {"shirt/front": "old", "shirt/back": "back", "cap/front": "near"})
    shop.wait({"shirt/front": "red"}, collides_with=pixels_of_word("near"))
    shop.wait({"shirt/side": "side"})
    service = service_of(shop)
    details = service.details(service.find(shop.item_id("red")))
    assert "wanted at least 7" in details.findings[0].sentence
    assert details.live is not None
    assert (details.live.sku, details.live.view) == ("shirt", "front")
    assert details.neighbour is not None
    assert details.neighbour.sku == "cap"
    assert [(view.which, view.view, view.state) for view in details.views] == [
        ("view-0", "back", "live"), ("view-1", "side", "review"),
    ]  # fmt: skip
    for which, word in (("live", "old"), ("neighbour", "near"), ("view-0", "back"), ("view-1", "side")):
        assert service.image(shop.item_id("red"), which) == jpeg_of(word), which


def test_answers_that_many_commands_gave_are_folded_by_the_next_console_that_looks(shop: ReviewScenario) -> None:
    shop.wait({"shirt/front": "red"})
    give(shop.store, FOLD_ABOVE + 1)
    given = read_answers(shop.store, CATALOGUE)
    service = service_of(shop)
    service.claim("ann")
    service.writer.wait_for_fold()
    assert list_answer_keys(shop.store, CATALOGUE) == []
    assert read_answers(shop.store, CATALOGUE) == given
