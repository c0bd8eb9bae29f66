"""Answered requests: at which attempt a request begins of whose images people have said something.

Inputs: a request, the answers. Outputs: the request with its first attempt and its budget. Pure. What was accepted is
found by content and published without making the attempts before it anew; what a person wants another attempt of goes
on with the next one, whatever the budget says, and once: the next plan begins at the same attempt. A refusal speaks of
its own image alone: one that another category's slots showed hides neither.
"""

from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers
from catalogs.keys import image_key
from catalogs.planning.plan import Request

MAX_ATTEMPTS = 200
"""Attempts among which an answered image is searched: no budget and no patience has as many."""


def begin_at_answer(request: Request, answers: StandingAnswers) -> None:
    """Let a request begin at the image that was accepted last, or after that of which another attempt is wanted.

    Where neither was said of any of its images, it begins at the one that was answered last.
    """
    about_images = [each for each in answers.of_request(request.key) if not _is_prompt(each)]
    leading = [each for each in about_images if each.verdict in (AnswerKind.ACCEPT, AnswerKind.RETRY)]
    newest = max(leading or about_images, key=lambda standing: standing.token, default=None)
    number = _attempt_of(request, newest) if newest is not None else None
    if newest is None or number is None:
        return
    if newest.verdict == AnswerKind.RETRY:
        request.first_attempt = number + 1
        request.attempts_allowed = max(request.attempts_allowed, number + 2)
    else:  # screening is to ask for no further attempt: the person's word decides
        request.first_attempt, request.attempts_allowed = number, number + 1


def _is_prompt(standing: StandingAnswer) -> bool:
    return standing.answer.image is None or standing.answer.image.is_prompt


def _attempt_of(request: Request, standing: StandingAnswer) -> int | None:
    answered = standing.answer.image
    assert answered is not None  # noqa: S101 - standing answers are about images and prompts
    numbers = (number for number in range(MAX_ATTEMPTS) if _key(request, number) == answered.image_key)
    return next(numbers, None)


def _key(request: Request, number: int) -> bytes:
    return bytes.fromhex(image_key(request.key.hex(), number))
