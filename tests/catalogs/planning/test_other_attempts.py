"""A live slot of whose image another attempt is wanted is planned for one, and keeps its image until that passes."""

from typing import Any

import numpy as np
import pytest

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.answer_rows import answers_to_rows
from catalogs.keys import image_key
from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.other_attempts import OtherAttempts
from catalogs.planning.plan import PlanCounts
from tests.catalogs.answers.test_answer_index import say
from tests.fixtures.planning_harness import LAMP, MUG, PlanningHarness

ROWS = [MUG, dict(MUG, sku="M2"), LAMP]
"""Two mugs share a request."""
ACCEPT, REFUSE, RETRY, UNDO = AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY, AnswerKind.UNDO


@pytest.fixture
def shop() -> PlanningHarness:
    shop = PlanningHarness()
    shop.publish(shop.plan(ROWS))
    return shop


def mug(shop: PlanningHarness, attempt: int = 0, **changes: Any) -> ImageTarget:
    planned = PlanningHarness().plan([MUG])
    row = shop.live[planned.slots[0].slot_id]
    key = bytes.fromhex(image_key(row["request_key"].hex(), attempt))
    bound = {"finish_digest": row["finish_digest"], "pixel_sha": row["pixel_sha"]}
    return ImageTarget(**{"request_key": row["request_key"], "image_key": key} | bound | changes)


def hear(shop: PlanningHarness, *answers: Answer) -> None:
    shop.answers = AnswerIndex(answers_to_rows(answers))


def test_every_slot_that_shows_the_image_gets_another_attempt_and_no_other_slot(shop: PlanningHarness) -> None:
    hear(shop, say(1, RETRY, mug(shop)))
    planned = shop.plan(ROWS)
    assert {slot.sku: slot.kind for slot in planned.slots} == {"M1": "changed", "M2": "changed"}
    (request,) = planned.requests
    assert (request.first_attempt, request.key) == (1, mug(shop).request_key)
    assert all(slot.live_file_sha for slot in planned.slots)


@pytest.mark.parametrize(
    "answers",
    [
        lambda image: [say(1, ACCEPT, image())],
        lambda image: [say(1, RETRY, image()), say(2, ACCEPT, image())],
        lambda image: [say(1, RETRY, image()), say(2, UNDO, image(), undoes="0001")],
        lambda image: [say(1, RETRY, image()), say(2, REFUSE, image(), "ben")],
        lambda image: [say(1, RETRY, image(attempt=1))],
        lambda image: [say(1, RETRY, image(pixel_sha=b"other pixels" * 3))],
        lambda image: [say(1, RETRY, image(finish_digest="another finish"))],
    ],
    ids=["accepted", "accepted since", "undone", "people differ", "another attempt", "other pixels", "other finish"],
)
def test_a_live_image_is_unchanged_where_no_word_that_stands_wants_another(shop: PlanningHarness, answers: Any) -> None:
    hear(shop, *answers(lambda **changes: mug(shop, **changes)))
    assert shop.plan(ROWS).counts == PlanCounts(unchanged=3)


def test_what_is_known_of_the_other_attempt_holds_the_slot_without_rendering(shop: PlanningHarness) -> None:
    hear(shop, say(1, RETRY, mug(shop)))
    planned = shop.plan(ROWS)
    shop.record_outcomes(planned, "review", image_key=mug(shop, 1).image_key)
    assert shop.plan(ROWS).counts == PlanCounts(unchanged=1, waiting=2)
    again = shop.plan(ROWS, policy="policy 2")
    assert {slot.kind for slot in again.slots} == {"waiting"}
    hear(shop)
    assert shop.plan(ROWS).counts == PlanCounts(unchanged=3), "nobody wants it any more"


def test_an_outcome_of_the_very_image_that_is_live_holds_nothing(shop: PlanningHarness) -> None:
    hear(shop, say(1, RETRY, mug(shop)))
    shop.record_outcomes(shop.plan(ROWS), "blocked", image_key=mug(shop).image_key)
    assert {slot.sku for slot in shop.plan(ROWS).slots} == {"M1", "M2"}


def test_nothing_live_is_no_special_case() -> None:
    others = OtherAttempts(CurrentRelease([]), AnswerIndex())
    assert others.select(np.array([-1, -1])).tolist() == [False, False]
    assert others.find(-1) is None
