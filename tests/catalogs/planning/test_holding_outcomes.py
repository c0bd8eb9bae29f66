"""An outcome holds under its policy and its budget, until its retry is due or the picture that it hangs on is gone."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.answer_rows import answers_to_rows
from catalogs.planning.current_state import LIVE_COLUMNS, CurrentRelease, Outcome
from catalogs.planning.holding_outcomes import HoldingRules, is_prompt_outcome
from catalogs.planning.retry_rules import RetryClock
from catalogs.table_schemas import MANIFEST
from tests.fixtures.planning_harness import to_record_batch

NOW = datetime(2026, 11, 1, 2, tzinfo=UTC)
LIVE_PIXELS = b"p" * 32
OUTCOME = Outcome(
    request_key=bytes(32), state="blocked", attempts=1, source_digest=b"", finish_digest="", policy_digest="in force",
    image_key=b"i", reasons=["blank"], tries=None, retry_at=None, collides_with=None, decided_at=NOW,
)  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> HoldingRules:
    row = {"slot_id": bytes(16), "sku": "A", "source_digest": bytes(16), "request_key": bytes(32), "finish_digest": "f",
           "file_sha": bytes(32), "model": "m", "pixel_sha": LIVE_PIXELS}  # fmt: skip
    return HoldingRules(CurrentRelease([to_record_batch(MANIFEST, LIVE_COLUMNS, [row])]), "in force", RetryClock(NOW))


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"policy_digest": "older"}, False),
        ({"state": "withdrawn", "policy_digest": ""}, True),
        ({"state": "withdrawn", "retry_at": NOW}, True),
        ({"state": "failed", "attempts": 2}, False),
        ({"state": "failed", "attempts": 3}, True),
        ({"state": "failed", "attempts": 3, "retry_at": NOW}, False),
        ({"state": "review", "reasons": ["scanner-failed.pixels"], "tries": 1, "retry_at": NOW}, False),
        ({"collides_with": LIVE_PIXELS}, True),
        ({"collides_with": b"q" * 32}, False),
    ],
    ids=str,
)
def test_what_holds(rules: HoldingRules, changes: dict[str, Any], holds: bool) -> None:
    assert rules.still_holds(replace(OUTCOME, **changes), attempts=3) is holds


def test_an_image_accepted_after_another_one_was_refused_is_decided_with_that_word(rules: HoldingRules) -> None:
    def said(kind: AnswerKind, attempt: int, token: str) -> Answer:
        image = ImageTarget(OUTCOME.request_key, bytes([attempt]), "", LIVE_PIXELS)
        return Answer(kind, "anna", NOW, image=image, reason="other", token=token)

    def decided(*answers: Answer, **changes: Any) -> tuple[bool, str | None]:
        index = AnswerIndex(answers_to_rows(answers))
        answered, outcome = replace(rules, answers=index), replace(refused, **changes)
        standing = answered.find_answer(outcome)
        return answered.still_holds(outcome, attempts=3), standing.token if standing is not None else None

    refused = replace(OUTCOME, image_key=b"\x03", pixel_sha=LIVE_PIXELS, answer="2", run_id="0")
    refusal = said(AnswerKind.REFUSE, 3, "2")
    assert decided(refusal) == (True, "2")
    assert decided(refusal, said(AnswerKind.ACCEPT, 1, "1")) == (True, "2"), "an earlier word"
    assert decided(refusal, said(AnswerKind.ACCEPT, 1, "4"), said(AnswerKind.ACCEPT, 2, "3")) == (False, "4")
    assert decided(refusal, said(AnswerKind.REFUSE, 1, "4")) == (True, "2")
    of_gates = {"answer": None, "run_id": "2"}
    assert decided(said(AnswerKind.ACCEPT, 1, "1"), **of_gates) == (True, None), "the run knew of it"
    assert decided(said(AnswerKind.ACCEPT, 1, "3"), **of_gates) == (False, "3")


def test_the_prompt_gates_refuse_before_there_is_an_image() -> None:
    assert is_prompt_outcome(replace(OUTCOME, image_key=None))
    assert not is_prompt_outcome(OUTCOME)
    assert not is_prompt_outcome(replace(OUTCOME, state="failed", image_key=None))
