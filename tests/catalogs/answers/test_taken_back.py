"""Which published images a person's newest word takes out of sight."""

from typing import Any

import pytest

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose, ImageTarget
from catalogs.answers.taken_back import find_taken_back
from tests.catalogs.answers.test_answer_index import say

ACCEPT, REFUSE, RETRY, UNDO = AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY, AnswerKind.UNDO


def image(state: str) -> ImageTarget:
    return ImageTarget(
        b"r" * 32, b"i" * 32, "f1", b"p" * 32, state=state, reasons=("soft",) if state != "publish" else ()
    )


WAITED, BLOCKED, SAMPLE, PROMPT = (
    image("review"),
    image("blocked"),
    image("publish"),
    ImageTarget(b"r" * 32, state="review"),
)
UNDONE: dict[str, Any] = {"undoes": "0001"}


@pytest.mark.parametrize(
    ("answers", "taken"),
    [
        ([say(1, REFUSE, SAMPLE, reason="colour")], ("BLOCK", ("person.colour",), "0001")),
        ([say(1, RETRY, SAMPLE)], None),
        ([say(1, ACCEPT, WAITED), say(2, RETRY, WAITED)], None),
        ([say(1, RETRY, SAMPLE, prompt="a mug")], None),
        ([say(1, ACCEPT, WAITED)], None),
        ([say(1, ACCEPT, WAITED), say(2, UNDO, WAITED, **UNDONE)], ("REVIEW", ("soft",), None)),
        ([say(1, ACCEPT, BLOCKED), say(2, UNDO, BLOCKED, **UNDONE)], ("BLOCK", ("soft",), None)),
        ([say(1, ACCEPT, SAMPLE), say(2, UNDO, SAMPLE, **UNDONE)], None),
        ([say(1, REFUSE, SAMPLE), say(2, UNDO, SAMPLE, **UNDONE)], None),
        ([say(1, ACCEPT, WAITED), say(2, REFUSE, WAITED, "ben")], ("REVIEW", ("soft",), None)),
        ([say(1, ACCEPT, SAMPLE), say(2, REFUSE, SAMPLE, "ben")], None),
        ([say(1, REFUSE, SAMPLE, purpose=AnswerPurpose.KNOWN)], None),
        ([say(1, ACCEPT, PROMPT), say(2, UNDO, PROMPT, **UNDONE)], ("REVIEW", ("person-undone",), None)),
        ([say(1, REFUSE, PROMPT, reason="other")], ("BLOCK", ("person.other",), None)),
    ],
)
def test_what_goes_and_what_binds_it(answers: list[Answer], taken: tuple[Any, ...] | None) -> None:
    found = [(each.verdict.decision, each.verdict.reasons, each.answer) for each in find_taken_back(answers)]
    assert found == ([] if taken is None else [taken])
    assert [each.since for each in find_taken_back(answers)] == [answers[-1].token for _ in found]
