"""Answered attempts: what people said of a run's images takes the place of what the gates say of them.

Inputs: the attempt histories of a run, by judged request; the answers that stand. Outputs: the same histories, in which
an answered image has its answer's verdict; and the attempts that people have asked for. Pure: the same images and
answers give the same result, so a resumed run decides as an undisturbed one does.

| what stands about this image, finish and pixels   | verdict                        | tried again                   |
| ------------------------------------------------- | ------------------------------ | ----------------------------- |
| accepted                                          | PASS, whatever the gates say   | no                            |
| refused                                           | BLOCK, `person.<reason>`       | no                            |
| another attempt                                   | BLOCK, `person.another-attempt`| one attempt, beyond the budget|
| people differ                                     | REVIEW, `people-differ`        | no                            |
| nothing, but it passes and was refused in another | REVIEW,                        | no                            |
| finish                                            | `person-refused-before`        |                               |

An acceptance is no proof: likeness to a picture that the person did not see, missing marks and wrong sums hold an
accepted image back all the same, where they are found. A refusal is lifted for a SKU that was readmitted later.
An image whose product is not proven to be its photo's stays as the gates have it: no acceptance speaks for that.
"""

from collections.abc import Mapping, Set
from dataclasses import replace

from catalogs.answers.answer import AnswerKind
from catalogs.answers.answer_verdicts import REFUSED_BEFORE, answer_verdict
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers
from catalogs.photos.kept_judgement import is_unpublishable
from catalogs.runs.attempts import Attempt, AttemptHistory
from catalogs.runs.judged_requests import JudgedRequest, SlotGroup


def answered_attempt(attempt: Attempt, standing: StandingAnswer) -> Attempt:
    """Return an attempt with the verdict of the answer about its image."""
    verdict = answer_verdict(standing)
    return replace(
        attempt, verdict=verdict.decision, reasons=verdict.reasons, needs_retry=False, sentence=None, answer=standing
    )


def accepted_likeness(attempt: Attempt) -> bytes:
    """Return the pixel sha of the picture that a person let this image resemble; empty where there is none."""
    answered = attempt.answer.answer.image if attempt.answer is not None and attempt.is_accepted else None
    return answered.collides_with if answered is not None else b""


def apply_answers(
    histories: Mapping[JudgedRequest, AttemptHistory],
    groups: Mapping[JudgedRequest, SlotGroup],
    answers: StandingAnswers,
) -> dict[JudgedRequest, AttemptHistory]:
    """Return the histories with the verdicts of the answers that stand.

    A refusal that was lifted for any of the request's SKUs is left to the slots of the others (`find_refusal`).
    """
    if not len(answers):
        return dict(histories)
    return {
        judged: AttemptHistory(
            {
                number: _answered(attempt, judged.finish_digest, answers, groups[judged].skus)
                for number, attempt in history.attempts.items()
            }
        )
        for judged, history in histories.items()
    }


def find_refusal(attempt: Attempt, finish_digest: str, answers: StandingAnswers, sku: str) -> StandingAnswer | None:
    """Return the refusal that binds an image in the slots of a SKU; None where there is none, or it was lifted."""
    standing = answers.of_image(attempt.image_key, finish_digest, attempt.finished_sha)
    if standing is None or standing.verdict != AnswerKind.REFUSE or answers.is_lifted(standing, sku):
        return None
    return standing


def find_asked_attempts(histories: Mapping[JudgedRequest, AttemptHistory]) -> dict[JudgedRequest, int]:
    """Return the attempts that people asked for and that are not made: the one after an answered image, once."""
    return {
        judged: number + 1
        for judged, history in histories.items()
        for number, attempt in sorted(history.attempts.items())
        if attempt.answer is not None
        and attempt.answer.verdict == AnswerKind.RETRY
        and number + 1 not in history.attempts
    }


def _answered(attempt: Attempt, finish_digest: str, answers: StandingAnswers, skus: Set[str]) -> Attempt:
    if not attempt.finished_sha:
        return attempt  # there is no picture that an answer could be about
    standing = answers.of_image(attempt.image_key, finish_digest, attempt.finished_sha)
    if standing is None:
        return _refused_before(attempt, finish_digest, answers)
    if any(answers.is_lifted(standing, sku) for sku in skus):
        return attempt
    if standing.verdict == AnswerKind.ACCEPT and is_unpublishable(attempt.reasons, attempt.kept):
        return attempt
    return answered_attempt(attempt, standing)


def _refused_before(attempt: Attempt, finish_digest: str, answers: StandingAnswers) -> Attempt:
    """Return an image that no answer is about; it waits where it passes and was refused in another finish."""
    if attempt.verdict != "PASS":
        return attempt
    others = answers.of_other_finishes(attempt.image_key, finish_digest)
    newest = max(others, key=lambda standing: standing.token, default=None)
    if newest is None or newest.verdict != AnswerKind.REFUSE:
        return attempt
    return replace(attempt, verdict="REVIEW", reasons=(REFUSED_BEFORE,), needs_retry=False)
