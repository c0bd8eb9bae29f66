"""Taken back: the published images that a person's newest word takes out of sight.

Inputs: all answers about some requests. Outputs: for each image that is to go its verdict and reasons, and the answer
that binds it. Pure.

| what was said last of a published image             | it goes, and                                               |
| --------------------------------------------------- | ---------------------------------------------------------- |
| refused                                             | stays blocked for the person's reason                      |
| an acceptance was undone, or people differ since,   | the gates decide it again                                  |
| and the gates had not passed it                     |                                                            |
| another attempt, also with another prompt           | nothing: it stays until that one passes                    |

Of a prompt that was accepted before an image was made, an undone acceptance or a refusal takes the images with it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.answer_verdicts import answer_verdict
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers
from catalogs.slot_states import SlotState
from catalogs.verdict import Verdict

UNDONE = "person-undone"
"""Reason of an image whose acceptance was undone, where the gates' own reasons are not known."""
_PASSED_BY_GATES = (SlotState.PUBLISH, "")


class TakenBack(NamedTuple):
    """An image, or all images of a prompt, that may be shown no longer."""

    target: ImageTarget
    verdict: Verdict
    answer: str | None
    """Token of the refusal that binds it; None where the next run decides it again."""
    since: str
    """Token of the newest answer about it."""


def find_taken_back(answers: Sequence[Answer]) -> Iterator[TakenBack]:
    """Yield what the answers take out of sight, of all images and prompts that they are about."""
    standing_answers = StandingAnswers(answers)
    about: dict[tuple[bytes, str, bytes], list[Answer]] = {}
    for answer in sorted(answers, key=lambda each: each.token):
        if answer.image is not None:
            about.setdefault(answer.image.key, []).append(answer)
    for (key, finish, pixels), given in about.items():
        target = given[-1].image
        assert target is not None  # noqa: S101 - only such answers were grouped
        is_prompt = target.is_prompt
        standing = standing_answers.of_prompt(key) if is_prompt else standing_answers.of_image(key, finish, pixels)
        found = _take_back(given, standing)
        if found is not None:
            verdict, token = found
            yield TakenBack(target, verdict, None if is_prompt else token, since=given[-1].token)


def _take_back(given: Sequence[Answer], standing: StandingAnswer | None) -> tuple[Verdict, str | None] | None:
    verdict = standing.verdict if standing is not None else None
    if verdict in (AnswerKind.ACCEPT, AnswerKind.RETRY):
        return None
    if standing is not None and verdict == AnswerKind.REFUSE:
        return answer_verdict(standing), standing.token
    accepted = [answer for answer in given if answer.kind == AnswerKind.ACCEPT]
    doubted = next((each.image for each in reversed(accepted) if each.image and _is_doubted(each.image)), None)
    if doubted is None:
        return None
    decision = "BLOCK" if doubted.state == SlotState.BLOCKED else "REVIEW"
    return Verdict(decision, doubted.reasons or (UNDONE,)), None  # type: ignore[arg-type]


def _is_doubted(image: ImageTarget) -> bool:
    """Tell whether the gates had not passed what was accepted."""
    return image.is_prompt or image.state not in _PASSED_BY_GATES
