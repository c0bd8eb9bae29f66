"""What a person may still accept lapses where its row is back at what is live; what is asked for still stays."""

from typing import Any

import numpy as np
import pytest

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.answer_rows import answers_to_rows
from catalogs.planning.current_state import CurrentRelease, OutcomeIndex
from catalogs.planning.lapsed_reviews import LapsedReviews
from catalogs.planning.plan import PlanCounts
from catalogs.slot_states import NOT_ASKED_FOR
from tests.catalogs.planning.test_version_selection import ROWS as CARD_ROWS
from tests.catalogs.planning.test_version_selection import cards
from tests.fixtures.planning_harness import LAMP, MUG, PlanningHarness
from tests.fixtures.sample_recipe import recipe_with

ROWS = [MUG, LAMP]
EDITED = [{**MUG, "title": "Short Mug"}, LAMP]


@pytest.fixture
def shop() -> PlanningHarness:
    """Return a store in which a mug and a lamp are live."""
    shop = PlanningHarness()
    shop.publish(shop.plan(ROWS))
    return shop


def ask(shop: PlanningHarness, state: str = "review", **other: Any) -> tuple[bytes, bytes]:
    """Edit the mug and leave its new image in a state; return its slot and its request."""
    planned = shop.plan(EDITED)
    shop.record_outcomes(planned, state, **other)
    (slot,) = planned.slots
    return slot.slot_id, slot.request_key


def test_a_review_ends_when_its_row_is_back_at_what_is_live(shop: PlanningHarness) -> None:
    question = ask(shop)
    assert (shop.plan(EDITED).counts, shop.lapsed) == (PlanCounts(unchanged=1, waiting=1), [])
    assert (shop.plan(ROWS).counts, shop.lapsed) == (PlanCounts(unchanged=2), [question])


def test_it_ends_too_where_only_the_digest_of_the_row_is_another(shop: PlanningHarness) -> None:
    edited = [MUG, {**LAMP, "title": "Tall Lamp"}]
    planned = shop.plan(edited)
    shop.record_outcomes(planned, "review")
    back = shop.plan([MUG, {**LAMP, "color": "", "title": "Lamp, red"}])
    assert back.counts == PlanCounts(unchanged=2, rendered=1)
    assert shop.lapsed == [(planned.slots[0].slot_id, planned.slots[0].request_key)]


@pytest.mark.parametrize("state", ["failed", "deferred", "withdrawn"])
def test_what_nobody_can_accept_lapses_never(shop: PlanningHarness, state: str) -> None:
    ask(shop, state, attempts=3)
    shop.plan(ROWS)
    assert shop.lapsed == []


def test_of_several_outcomes_of_a_slot_those_lapse_that_a_person_may_still_accept(shop: PlanningHarness) -> None:
    question = ask(shop)
    titles = {"Wide Mug": "blocked", "Low Mug": "failed"}
    others = {title: shop.plan([{**MUG, "title": title}, LAMP]) for title in titles}
    for title, planned in others.items():
        shop.record_outcomes(planned, titles[title])
    shop.plan(ROWS)
    (blocked,) = others["Wide Mug"].slots
    assert shop.lapsed == sorted([question, (blocked.slot_id, blocked.request_key)])


def test_what_was_blocked_lapses_once_and_waits_again_with_its_memory_when_its_row_asks(shop: PlanningHarness) -> None:
    slot_id, request_key = ask(shop, "blocked", attempts=3)
    shop.plan(ROWS)
    assert shop.lapsed == [(slot_id, request_key)]
    (outcome,) = shop.outcomes.values()
    outcome["source_digest"] = NOT_ASKED_FOR
    assert (shop.plan(ROWS).counts, shop.lapsed) == (PlanCounts(unchanged=2), [])
    again = shop.plan(EDITED)
    assert (again.counts, again.slots) == (PlanCounts(unchanged=1, waiting=1, rendered=1), [])
    shop.apply_refreshed_digests(again)
    assert outcome["source_digest"] != NOT_ASKED_FOR
    assert shop.plan(EDITED).counts == PlanCounts(unchanged=1, waiting=1)


def test_the_live_image_in_another_finish_is_asked_for_still(shop: PlanningHarness) -> None:
    shop.record_outcomes(shop.plan(ROWS, recipe_with({"finish.canvas": "square"})), "review")
    assert (shop.plan(ROWS).counts, shop.lapsed) == (PlanCounts(unchanged=2), [])


def test_a_slot_that_moved_on_to_a_third_image_ends_nothing(shop: PlanningHarness) -> None:
    """Its new image is decided, and its old question goes with that or when it is old."""
    ask(shop)
    assert (shop.plan([{**MUG, "title": "Wide Mug"}, LAMP]).counts.changed, shop.lapsed) == (1, [])


def test_what_a_backfill_asks_for_waits_through_the_nights_without_one() -> None:
    """Such a slot is unchanged where no backfill runs, but its row has the other version's request as well."""
    shop = PlanningHarness()
    shop.publish(shop.plan(CARD_ROWS, cards(1)))
    shop.record_outcomes(shop.plan(CARD_ROWS, cards(2), backfill=100), "review")
    assert (shop.plan(CARD_ROWS, cards(2)).counts.unchanged, shop.lapsed) == (len(CARD_ROWS), [])
    assert (shop.plan(CARD_ROWS, cards(2), backfill=100).counts.waiting, shop.lapsed) == (len(CARD_ROWS), [])
    shop.plan(CARD_ROWS, cards(1, versions=1))
    assert len(shop.lapsed) == len(CARD_ROWS), "nobody knows that version any more"


def test_the_image_of_an_edited_prompt_is_asked_for_until_the_edit_is_undone(shop: PlanningHarness) -> None:
    own = next(row for row in shop.live.values() if row["slot_id"] == ask(shop)[0])
    shop.outcomes.clear()
    image = ImageTarget(own["request_key"], b"i" * 32, own["finish_digest"], b"p" * 32)
    tokens = [f"20261101-00000{number}-a" for number in (1, 2)]
    edit = Answer(AnswerKind.RETRY, "anna", shop.now, image=image, prompt="A mug", token=tokens[0])
    shop.answers = AnswerIndex(answers_to_rows([edit]))
    planned = shop.plan(ROWS)
    shop.record_outcomes(planned, "review")
    assert (shop.plan(ROWS).counts, shop.lapsed) == (PlanCounts(unchanged=1, waiting=1), [])
    undo = Answer(AnswerKind.UNDO, "anna", shop.now, image=image, undoes=edit.token, token=tokens[1])
    shop.answers = AnswerIndex(answers_to_rows([edit, undo]))
    assert shop.plan(ROWS).counts == PlanCounts(unchanged=2)
    assert shop.lapsed == [(planned.slots[0].slot_id, planned.slots[0].request_key)]


def test_without_outcomes_or_without_a_release_nothing_is_selected() -> None:
    lapsed = LapsedReviews(CurrentRelease([]), OutcomeIndex([]))
    assert lapsed.select(np.array([-1, -1]), np.zeros(2, bool)) == []
