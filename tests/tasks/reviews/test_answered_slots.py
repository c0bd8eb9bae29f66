"""Answered slots: an answer is taken once, covers every slot of its image, and what it cannot decide now is named."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.keys import image_key, slot_id
from catalogs.slot_states import NOT_ASKED_FOR, SlotState
from catalogs.table_schemas import OUTCOME_KEY, OUTCOMES
from infra.stores.json_objects import write_json_once
from infra.stores.memory import MemoryStore
from infra.tables.idempotent_commit import commit_once
from infra.testing.memory_tables import MemoryTables
from tasks.reviews.answered_slots import LEFT_TO_REFRESH, AnsweredSlots, find_answered_slots
from tests.fixtures.store_scenarios import CATALOGUE, finish_digest_of, request_key_of

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ACCEPT, REFUSE, RETRY = AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY
PIXELS = b"p" * 32


def image_of(label: str, attempt: int = 0) -> bytes:
    return bytes.fromhex(image_key(request_key_of(label).hex(), attempt))


def target(label: str, attempt: int = 0, pixels: bytes = PIXELS) -> ImageTarget:
    """Return the image of a word as an answer's target."""
    return ImageTarget(request_key_of(label), image_of(label, attempt), finish_digest_of(label), pixels, sku=label)


def answer(kind: AnswerKind, image: ImageTarget, who: str = "anna", token: str = "1", **words: Any) -> Answer:  # noqa: S107
    return Answer(kind, who, NOW, image=image, token=token, **words)


def outcome(sku: str, label: str, **changes: Any) -> dict[str, Any]:
    """Return the outcome of a SKU's front view, which waits for a person to look at a word's image."""
    values = {
        "slot_id": slot_id(sku, "front", "a", 0), "request_key": request_key_of(label), "sku": sku,
        "state": "review", "attempts": 1, "reasons": ["blurred"], "source_digest": b"s" * 16,
        "finish_digest": finish_digest_of(label), "policy_digest": "policy", "image_key": image_of(label),
        "run_id": "0", "decided_at": NOW, "pixel_sha": PIXELS,
    }  # fmt: skip
    return values | changes


def find(outcomes: list[dict[str, Any]], *answers: Answer) -> AnsweredSlots:
    """Return what is found of these outcomes under these answers; an answer is later than those before it."""
    store, table = MemoryStore(uuid4().hex), layout.outcomes_table(CATALOGUE)
    tables = MemoryTables(store.url)
    for each in answers:
        key = layout.person_decision(CATALOGUE, each.token, layout.ANSWER)
        write_json_once(store, key, each.document())
    tables.ensure(table, OUTCOMES)
    changes = OUTCOMES.append(pa.field("_op", pa.string()))
    rows = pa.Table.from_pylist([row | {"_op": "put"} for row in outcomes], changes)
    commit_once(tables, table, "run-1", lambda _: (None, rows), on=OUTCOME_KEY, metadata={"run_id": "run-1"})
    return find_answered_slots(store, tables, CATALOGUE)


def test_an_answer_covers_every_slot_that_shows_its_image_and_no_other() -> None:
    found = find([outcome("s", "red"), outcome("m", "red"), outcome("x", "blue")], answer(ACCEPT, target("red")))
    assert sorted(slot.outcome["sku"] for slot in found.slots) == ["m", "s"]
    assert {slot.verdict for slot in found.slots} == {ACCEPT}


def test_what_was_decided_with_an_answer_is_not_decided_again() -> None:
    found = find([outcome("s", "red", answer="1")], answer(ACCEPT, target("red")))
    assert (found.slots, dict(found.left)) == ([], {})


def test_an_answer_that_was_taken_back_is_noticed() -> None:
    (slot,) = find([outcome("s", "red", state="blocked", reasons=["person.other"], answer="1")]).slots
    assert (slot.standing, slot.verdict, slot.token) == (None, None, "")


def test_people_who_differ_are_a_verdict_of_none_with_a_token_of_their_own() -> None:
    image = target("red")
    (slot,) = find(
        [outcome("s", "red")], answer(ACCEPT, image), answer(REFUSE, image, "bert", "2", reason="other")
    ).slots
    assert (slot.verdict, slot.token) == (None, "1+2")


@pytest.mark.parametrize(
    ("code", "row", "said"),
    [
        ("retry", outcome("s", "red"), answer(RETRY, target("red"))),
        ("prompt", outcome("s", "red", image_key=None, pixel_sha=None),
         answer(ACCEPT, ImageTarget(request_key_of("red"), sku="s"))),
        ("taken-back", outcome("s", "red", state=SlotState.WITHDRAWN), answer(ACCEPT, target("red"))),
        ("row-back", outcome("s", "red", state=SlotState.BLOCKED, source_digest=NOT_ASKED_FOR),
         answer(ACCEPT, target("red"))),
    ],
)  # fmt: skip
def test_what_a_refresh_must_take_is_named(code: str, row: dict[str, Any], said: Answer) -> None:
    found = find([row], said)
    assert (found.slots, dict(found.left)) == ([], {code: ["s"]})
    assert code in LEFT_TO_REFRESH


def test_a_slot_that_waits_with_two_prompts_is_left_since_only_its_row_knows_which_one_counts() -> None:
    found = find([outcome("s", "red"), outcome("s", "blue")], answer(ACCEPT, target("red")))
    assert dict(found.left) == {"row-moved": ["s"]}
    withdrawn = outcome("s", "blue", state=SlotState.WITHDRAWN)
    assert len(find([outcome("s", "red"), withdrawn], answer(ACCEPT, target("red"))).slots) == 1
    of_no_row = outcome("s", "blue", state=SlotState.BLOCKED, source_digest=NOT_ASKED_FOR)
    assert len(find([outcome("s", "red"), of_no_row], answer(ACCEPT, target("red"))).slots) == 1


def test_other_pixels_under_the_same_name_are_another_image() -> None:
    assert find([outcome("s", "red")], answer(REFUSE, target("red", pixels=b"?" * 32), reason="other")).slots == []
    older = outcome("s", "red", pixel_sha=None)  # of a version that did not keep them: what was recorded decides
    assert len(find([older], answer(REFUSE, target("red", pixels=b"?" * 32), reason="other")).slots) == 1


def test_an_acceptance_of_an_earlier_attempt_counts_and_a_refusal_of_one_does_not() -> None:
    row = outcome("s", "red", image_key=image_of("red", 1), attempts=2)
    assert find([row], answer(ACCEPT, target("red"))).slots[0].verdict == ACCEPT
    assert find([row], answer(REFUSE, target("red"), reason="other")).slots == []
    assert find([row | {"run_id": "2"}], answer(ACCEPT, target("red"))).slots == [], "known when the run decided"


def test_an_earlier_attempt_that_was_accepted_last_counts_for_more_than_a_refusal_of_the_selected_one() -> None:
    row = outcome("s", "red", image_key=image_of("red", 1), attempts=2, reasons=["person.other"], answer="1")
    refused = answer(REFUSE, target("red", 1), reason="other")
    accepted = answer(ACCEPT, target("red"), who="ben").named("2")
    (slot,) = find([row], refused, accepted).slots
    assert (slot.verdict, slot.token) == (ACCEPT, "2")
    assert find([row], refused.named("3"), accepted).slots[0].verdict == REFUSE, "the last word counts"


def test_a_catalogue_without_outcomes_has_none() -> None:
    store = MemoryStore("empty-shop")
    assert find_answered_slots(store, MemoryTables(store.url), CATALOGUE).outcomes_version is None


def test_a_refusal_binds_the_slots_of_a_readmitted_sku_no_more() -> None:
    row = outcome("s", "red", state="blocked", reasons=["person.other"], answer="1")
    refused = answer(REFUSE, target("red"), reason="other")
    readmitted = Answer(AnswerKind.READMISSION, "anna", NOW, details={"skus": ["s"]}).named("2")
    assert [slot.standing for slot in find([row], refused, readmitted).slots] == [None]
    assert find([{**row, "answer": None}], refused, readmitted).slots == []
