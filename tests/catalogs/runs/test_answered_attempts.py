"""Answers take the place of verdicts in any order, and only about the very picture that was shown."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.runs.answered_attempts import accepted_likeness, apply_answers, find_asked_attempts, find_refusal
from catalogs.runs.attempts import Attempt, AttemptHistory
from catalogs.runs.judged_requests import JudgedRequest, SlotGroup

WHEN = datetime(2026, 11, 30, 8, tzinfo=UTC)
ACCEPT, REFUSE, RETRY = AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY
JUDGED = JudgedRequest(b"r" * 32, "f1")


def attempt(number: int, verdict: str) -> Attempt:
    reasons = () if verdict == "PASS" else ("blurred",)
    return Attempt(number, b"i%d" % number, "generated", verdict, reasons, verdict == "BLOCK", b"p%d" % number, b"f", 1,
                   8, 8, b"", 1.0, None, None, "", [], [], None)  # fmt: skip


def say(kind: AnswerKind, number: int, token: str = "1", **image: Any) -> Answer:  # noqa: S107
    values = {
        "request_key": b"r" * 32,
        "image_key": b"i%d" % number,
        "finish_digest": "f1",
        "pixel_sha": b"p%d" % number,
    }
    return Answer(kind, "anna", WHEN, image=ImageTarget(**values | image), reason="colour", token=token)


def history_of(*verdicts: str) -> AttemptHistory:
    return AttemptHistory({number: attempt(number, verdict) for number, verdict in enumerate(verdicts)})


def answered(history: AttemptHistory, *answers: Answer, skus: frozenset[str] = frozenset({"A"})) -> AttemptHistory:
    groups = {JUDGED: SlotGroup(set(skus))}
    return apply_answers({JUDGED: history}, groups, StandingAnswers(answers))[JUDGED]


@given(st.lists(st.sampled_from(["PASS", "REVIEW", "BLOCK"]), min_size=1, max_size=5), st.data())
def test_an_accepted_attempt_is_the_one_selected_whatever_the_others_are(verdicts: list[str], data: Any) -> None:
    number = data.draw(st.integers(0, len(verdicts) - 1))
    selected = answered(history_of(*verdicts), say(ACCEPT, number)).select_attempt()
    assert (selected.attempt, selected.verdict, selected.reasons, selected.needs_retry) == (number, "PASS", (), False)


@given(st.lists(st.sampled_from(["PASS", "REVIEW", "BLOCK"]), min_size=1, max_size=5), st.data())
def test_an_answer_about_other_pixels_or_another_finish_changes_no_verdict_but_a_pass(
    verdicts: list[str], data: Any
) -> None:
    kind = data.draw(st.sampled_from([ACCEPT, REFUSE, RETRY]))
    other = data.draw(st.sampled_from([{"pixel_sha": b"q"}, {"finish_digest": "f2"}, {"image_key": b"other"}]))
    before, after = history_of(*verdicts), answered(history_of(*verdicts), say(kind, 0, **other))
    if kind == REFUSE and verdicts[0] == "PASS" and "finish_digest" in other:
        assert (after.attempts[0].verdict, after.attempts[0].reasons) == ("REVIEW", ("person-refused-before",))
        before.attempts.pop(0), after.attempts.pop(0)
    assert after == before


def test_of_two_accepted_attempts_the_one_accepted_last_is_selected() -> None:
    both = [say(ACCEPT, 0, "2"), say(ACCEPT, 1, "1")]
    assert answered(history_of("REVIEW", "REVIEW"), *both).select_attempt().attempt == 0


def test_an_attempt_that_was_asked_for_is_owed_until_it_is_made() -> None:
    one = answered(history_of("REVIEW"), say(RETRY, 0))
    assert find_asked_attempts({JUDGED: one}) == {JUDGED: 1}
    two = answered(history_of("REVIEW", "BLOCK"), say(RETRY, 0))
    assert find_asked_attempts({JUDGED: two}) == {}
    assert two.select_attempt().attempt == 1
    again = answered(history_of("REVIEW", "BLOCK"), say(RETRY, 0, "1"), say(RETRY, 1, "2"))
    assert find_asked_attempts({JUDGED: again}) == {JUDGED: 2}


def test_a_refusal_binds_the_slots_of_every_sku_but_the_readmitted_ones() -> None:
    back = Answer(AnswerKind.READMISSION, "anna", WHEN, details={"skus": ["B"]}, token="2")  # noqa: S106
    answers = [say(REFUSE, 0, "1"), back]
    history = answered(history_of("PASS"), *answers, skus=frozenset({"A", "B"}))
    assert history.attempts[0].verdict == "PASS", "left to the slots"
    standing = StandingAnswers(answers)
    assert find_refusal(history.attempts[0], "f1", standing, "A") is not None
    assert find_refusal(history.attempts[0], "f1", standing, "B") is None


def test_a_likeness_is_accepted_with_the_image_alone() -> None:
    (accepted,) = answered(history_of("BLOCK"), say(ACCEPT, 0, collides_with=b"n")).attempts.values()
    (refused,) = answered(history_of("BLOCK"), say(REFUSE, 0, collides_with=b"n")).attempts.values()
    assert (accepted_likeness(accepted), accepted_likeness(refused)) == (b"n", b"")


def test_no_acceptance_speaks_for_an_image_whose_product_is_not_proven() -> None:
    for reasons, kept in ((("kept.broken",), None), (("scanner-failed.kept",), None), (("blurred",), "{}")):
        kept_back = replace(attempt(0, "BLOCK"), reasons=reasons, kept=kept)
        [after] = answered(AttemptHistory({0: kept_back}), say(ACCEPT, 0)).attempts.values()
        assert after == kept_back
        [refused] = answered(AttemptHistory({0: kept_back}), say(REFUSE, 0)).attempts.values()
        assert (refused.verdict, refused.is_accepted) == ("BLOCK", False)
