"""What an answer makes of an image in the gates' own terms."""

from datetime import UTC, datetime

import pytest

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.answer_verdicts import answer_verdict, is_final, was_given_after
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.verdict import PASS, Verdict

IMAGE = ImageTarget(b"r" * 32, b"i" * 32, "f1", b"p" * 32)


def given(kind: AnswerKind, reason: str = "") -> Answer:
    return Answer(kind, "anna", datetime(2026, 11, 30, tzinfo=UTC), image=IMAGE, reason=reason, token="1")  # noqa: S106


@pytest.mark.parametrize(
    ("answer", "verdict", "final"),
    [
        (given(AnswerKind.ACCEPT), PASS, False),
        (given(AnswerKind.REFUSE, "cropped"), Verdict("BLOCK", ("person.cropped",)), True),
        (given(AnswerKind.REFUSE), Verdict("BLOCK", ("person.other",)), True),
        (given(AnswerKind.REFUSE, "a-later-version"), Verdict("BLOCK", ("person.a-later-version",)), True),
        (given(AnswerKind.RETRY), Verdict("BLOCK", ("person.another-attempt",)), False),
    ],
)
def test_an_answer_has_a_verdict_and_a_refusal_holds_whatever_moves(
    answer: Answer, verdict: Verdict, final: bool
) -> None:
    standing = StandingAnswer(answer)
    assert (answer_verdict(standing), is_final(standing)) == (verdict, final)


def test_where_people_differ_the_image_waits_whatever_moves() -> None:
    both = StandingAnswer(given(AnswerKind.ACCEPT), (given(AnswerKind.REFUSE), given(AnswerKind.ACCEPT)))
    assert (answer_verdict(both), is_final(both)) == (Verdict("REVIEW", ("people-differ",)), True)


def test_an_answer_is_later_than_a_time_to_the_microsecond() -> None:
    when = datetime(2026, 11, 30, 8, 0, 0, 5, tzinfo=UTC)
    tokens = [f"20261130T080000{microsecond:06}-aa" for microsecond in (4, 5, 6)]
    assert [was_given_after(token, when) for token in tokens] == [False, True, True]
