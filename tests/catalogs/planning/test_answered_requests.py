"""A request whose images were answered begins where the person looked."""

from dataclasses import replace

import pytest

from catalogs.answers.answer import AnswerKind, ImageTarget
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.keys import image_key
from catalogs.planning.answered_requests import begin_at_answer
from tests.catalogs.answers.test_answer_index import say
from tests.fixtures.run_rows import REQUEST

ACCEPT, REFUSE, RETRY = AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY


def attempt(number: int, finish: str = "plain") -> ImageTarget:
    key = bytes.fromhex(image_key(REQUEST.key.hex(), number))
    return ImageTarget(REQUEST.key, key, finish, b"p" * 32)


@pytest.mark.parametrize(
    ("given", "first", "allowed"),
    [
        ([], 0, 3),
        ([(ACCEPT, 2)], 2, 3),
        ([(ACCEPT, 0)], 0, 1),
        ([(REFUSE, 1)], 1, 2),
        ([(RETRY, 2)], 3, 4),
        ([(RETRY, 0)], 1, 3),
        ([(RETRY, 2), (RETRY, 3)], 4, 5),
        ([(RETRY, 2), (REFUSE, 3)], 3, 4),
        ([(RETRY, 2), (ACCEPT, 1)], 1, 2),
        ([(ACCEPT, 2), (REFUSE, 0)], 2, 3),
        ([(RETRY, 1), (REFUSE, 0)], 2, 3),
        ([(REFUSE, 0), (REFUSE, 1)], 1, 2),
    ],
)
def test_it_begins_at_the_image_answered_last_and_after_it_for_another_attempt(
    given: list[tuple[AnswerKind, int]], first: int, allowed: int
) -> None:
    answers = StandingAnswers(say(number, kind, attempt(place)) for number, (kind, place) in enumerate(given))
    request = replace(REQUEST)
    begin_at_answer(request, answers)
    assert (request.first_attempt, request.attempts_allowed) == (first, allowed)


def test_an_image_of_another_finish_is_begun_at_and_a_prompt_or_an_unknown_image_changes_nothing() -> None:
    request = replace(REQUEST)
    begin_at_answer(request, StandingAnswers([say(1, ACCEPT, ImageTarget(REQUEST.key))]))
    begin_at_answer(request, StandingAnswers([say(1, ACCEPT, replace(attempt(0), image_key=b"unknown"))]))
    assert request == REQUEST
    both = replace(REQUEST)
    begin_at_answer(both, StandingAnswers([say(1, RETRY, attempt(2)), say(2, ACCEPT, ImageTarget(REQUEST.key))]))
    assert both.first_attempt == 3, "the prompt's answer hides none about an image"
    begin_at_answer(request, StandingAnswers([say(1, ACCEPT, attempt(2, "another finish"))]))
    assert request.first_attempt == 2
