"""A session counts what one person did, and forgets what they took back."""

from datetime import UTC, datetime, timedelta

from catalogs.answers.answer import Answer, AnswerKind
from tasks.reviews.review_session import ReviewSession

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def answer(token: str, seconds: float | None = None) -> Answer:
    return Answer(AnswerKind.ACCEPT, "ann", NOW, seconds=seconds, token=token)


def test_the_pace_counts_pauses_and_the_median_does_not() -> None:
    session = ReviewSession("ann", NOW, "")
    assert (session.median_seconds, session.pace(NOW + timedelta(hours=1))) == (None, None)
    for number, seconds in enumerate((1.0, 2.0, 600.0, None)):
        session.remember(answer(f"t{number}", seconds), f"i{number}")
    assert session.median_seconds == 2.0
    assert session.pace(NOW + timedelta(hours=2)) == 2.0


def test_an_answer_ends_a_skip_and_marks_a_known_item_as_answered() -> None:
    session = ReviewSession("ann", NOW, "", skipped={"i"}, known={"i": False})
    session.remember(answer("t"), "i")
    assert (session.skipped, session.known, session.answers) == (set(), {"i": True}, [(answer("t"), "i")])


def test_what_was_taken_back_counts_no_more_whatever_was_answered_after_it() -> None:
    session = ReviewSession("ann", NOW, "", known={"i": False})
    session.remember(answer("t", 600.0), "i")
    session.remember(answer("u", 2.0), "j")
    session.forget(answer("t", 600.0), "i")
    assert (session.known, session.median_seconds, session.answers) == ({"i": False}, 2.0, [(answer("u", 2.0), "j")])
