"""A person's prompt takes the place of a row's own in all its slots, every night until the row or the edit goes."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.answer_rows import answers_to_rows
from catalogs.planning.edited_prompts import EditedPrompts, marked_source
from catalogs.planning.plan import Request
from tests.catalogs.answers.test_answer_index import say
from tests.catalogs.planning.test_version_selection import ROWS as CARD_ROWS
from tests.catalogs.planning.test_version_selection import cards
from tests.fixtures.planning_harness import LAMP, MUG, PlannedRun, PlanningHarness
from tests.fixtures.run_rows import REQUEST

SHIRTS = [dict(MUG, sku=sku) for sku in ("M1", "M2")]
"""Two sizes of one product: one request."""


def edit(request: Request, prompt: str, number: int = 1, kind: AnswerKind = AnswerKind.RETRY, **other: Any) -> Answer:
    return say(number, kind, ImageTarget(request.key), prompt=prompt, **other)


def answered(*answers: Answer) -> AnswerIndex:
    return AnswerIndex(answers_to_rows(answers))


def night(shop: PlanningHarness, *answers: Answer, rows: Any = (*SHIRTS, LAMP), publish: bool = True) -> PlannedRun:
    shop.answers = answered(*answers)
    planned = shop.plan(list(rows))
    if publish:
        shop.publish(planned)
    return planned


def test_every_slot_of_the_request_gets_the_edited_prompt_and_the_next_nights_render_none() -> None:
    shop = PlanningHarness()
    own = next(request for request in night(shop).requests if "Mug" in request.prompt)
    given_edit = edit(own, "A mug on a table")
    changed = night(shop, given_edit)
    assert [request.prompt for request in changed.requests] == ["A mug on a table"]
    assert {slot.sku for slot in changed.slots} == {"M1", "M2"}
    assert {slot.kind for slot in changed.slots} == {"changed"}
    for _ in range(2):
        idle = night(shop, given_edit)
        assert (idle.slots, idle.counts.rendered, idle.refreshed) == ([], 0, [])


def test_an_undone_edit_brings_the_rows_own_prompt_back() -> None:
    shop = PlanningHarness()
    own = next(request for request in night(shop).requests if "Mug" in request.prompt)
    given_edit = edit(own, "A mug on a table")
    night(shop, given_edit)
    undone = edit(own, "", 2, AnswerKind.UNDO, undoes=given_edit.token)
    back = night(shop, given_edit, undone)
    assert {request.key for request in back.requests} == {own.key}
    assert night(shop, given_edit, undone).counts.rendered == 0


def test_an_edit_lapses_where_the_rows_own_prompt_moves_and_no_other_digest_moves() -> None:
    shop = PlanningHarness()
    own = next(request for request in night(shop).requests if "Mug" in request.prompt)
    given_edit = edit(own, "A mug on a table")
    night(shop, given_edit)
    moved = night(shop, given_edit, rows=[*(dict(row, title="Wide Mug") for row in SHIRTS), LAMP])
    assert {slot.sku for slot in moved.slots} == {"M1", "M2"}
    assert all("Wide Mug" in request.prompt for request in moved.requests)


def test_a_refused_edit_waits_without_being_rendered_and_a_lamp_is_never_touched() -> None:
    shop = PlanningHarness()
    own = next(request for request in night(shop).requests if "Mug" in request.prompt)
    given_edit = edit(own, "A mug on a table")
    refused = night(shop, given_edit, publish=False)
    shop.record_outcomes(refused, "review")
    waiting = night(shop, given_edit)
    assert (waiting.slots, waiting.counts.waiting, waiting.counts.rendered) == ([], 2, 0)


def test_an_edit_reaches_the_slots_that_wait_with_another_attempt_of_the_same_request() -> None:
    shop = PlanningHarness()
    planned = night(shop, publish=False)
    shop.record_outcomes(planned, "review")
    own = next(request for request in planned.requests if "Mug" in request.prompt)
    other_attempt = ImageTarget(own.key, b"i" * 32, own.finish_digest, b"p" * 32)
    reached = night(shop, say(1, AnswerKind.RETRY, other_attempt, prompt="A mug on a table"), publish=False)
    assert {slot.sku for slot in reached.slots} == {"M1", "M2"}
    assert [request.prompt for request in reached.requests] == ["A mug on a table"]


def test_an_edited_prompt_may_be_edited_again_and_the_last_one_counts() -> None:
    shop = PlanningHarness()
    own = next(request for request in night(shop).requests if "Mug" in request.prompt)
    first = edit(own, "A mug on a table")
    (second_request,) = night(shop, first).requests
    second = edit(second_request, "A mug on a chair", 2)
    assert [request.prompt for request in night(shop, first, second).requests] == ["A mug on a chair"]
    assert night(shop, first, second).counts.rendered == 0


def test_an_edit_that_says_what_the_row_says_changes_nothing() -> None:
    shop = PlanningHarness()
    own = next(request for request in night(shop).requests if "Mug" in request.prompt)
    given_edit = edit(own, own.prompt)
    assert (night(shop, given_edit).slots, night(shop, given_edit).counts.rendered) == ([], 0)


def test_an_edit_back_to_the_rows_own_prompt_is_the_last_word_and_the_nights_after_it_are_idle() -> None:
    shop = PlanningHarness()
    own = next(request for request in night(shop).requests if "Mug" in request.prompt)
    first = edit(own, "A mug on a table")
    (edited,) = night(shop, first).requests
    back = edit(edited, own.prompt, 2)
    assert {request.key for request in night(shop, first, back).requests} == {own.key}
    idle = night(shop, first, back)
    assert (idle.slots, idle.counts.rendered, idle.refreshed) == ([], 0, [])
    again = edit(own, "A mug on a chair", 3)
    assert [request.prompt for request in night(shop, first, back, again).requests] == ["A mug on a chair"]
    assert night(shop, first, back, again).counts.rendered == 0


def test_edits_in_a_circle_end_at_the_last_one() -> None:
    keys = {"a": b"a" * 32, "b": b"b" * 32}

    def rebuild(prompt: str) -> Request:
        return replace(REQUEST, prompt=prompt, key=keys[prompt])

    both = [edit(rebuild("a"), "b", 1), edit(rebuild("b"), "a", 2)]
    assert EditedPrompts(answered(*both)).replace(rebuild("a"), rebuild).prompt == "a"
    assert EditedPrompts(answered(*both)).replace(rebuild("b"), rebuild).prompt == "a"


def live_lamp(shop: PlanningHarness, planned: PlannedRun) -> Request:
    """Return the request of the first lamp that a night plans, which is live from then on."""
    shop.publish(planned)
    return next(request for request in planned.requests if "Lamp 0" in request.prompt)


def prompts(planned: PlannedRun) -> dict[str, tuple[str, str]]:
    by_key = {request.key: (request.prompt, request.model) for request in planned.requests}
    return {slot.sku: by_key[slot.request_key] for slot in planned.slots}


def test_an_edit_of_a_live_image_is_made_by_the_version_that_was_promoted_since_and_survives_a_backfill() -> None:
    shop = PlanningHarness()
    shop.answers = answered(edit(live_lamp(shop, shop.plan(CARD_ROWS, cards(1))), "A lamp on a table"))
    planned = shop.plan(CARD_ROWS, cards(2))
    assert prompts(planned) == {"SKU-0": ("A lamp on a table", "cards@2")}
    shop.publish(planned)
    idle = shop.plan(CARD_ROWS, cards(2))
    assert (idle.slots, idle.counts.rendered, idle.refreshed) == ([], 0, [])
    backfill = shop.plan(CARD_ROWS, cards(3), backfill=100)
    assert prompts(backfill)["SKU-0"] == ("A lamp on a table", "cards@3")
    assert len(backfill.slots) == len(CARD_ROWS)
    shop.publish(backfill)
    assert (quiet := shop.plan(CARD_ROWS, cards(3))).counts.rendered == len(quiet.slots) == 0


def test_an_edit_of_what_waits_under_an_earlier_version_reaches_the_image_of_the_newer_one() -> None:
    shop = PlanningHarness()
    planned = shop.plan(CARD_ROWS[:1], cards(1))
    shop.record_outcomes(planned, "review", has_image=False)
    given_edit = edit(planned.requests[0], "A lamp on a table")
    shop.answers = answered(given_edit)
    assert prompts(shop.plan(CARD_ROWS[:1], cards(2))) == {"SKU-0": ("A lamp on a table", "cards@2")}
    moved = shop.plan([dict(CARD_ROWS[0], title="Tall Lamp")], cards(2))
    assert ["Tall Lamp" in prompt for prompt, _ in prompts(moved).values()] == [True], "the row's own prompt moved"


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.text(min_size=1))
def test_a_mark_is_explained_by_its_own_source_alone(own: bytes, other: bytes, prompt: str) -> None:
    given_edit = edit(REQUEST, prompt)
    edits = EditedPrompts(answered(given_edit))
    assert marked_source(own, "") == own
    marked = marked_source(own, given_edit.token)
    edited, original = b"e" * 32, REQUEST.key
    assert edits.is_of_source(marked, [own], edited)
    assert edits.is_of_source(marked, [other], edited) == (own == other)
    assert not EditedPrompts().is_of_source(marked, [own], edited)
    assert edits.is_of_source(own, [own], edited)
    assert not edits.is_of_source(own, [own], original), "its prompt was edited since"
    assert edits.is_of_source(marked, [own], original), "it was edited back"
