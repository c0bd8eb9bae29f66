"""Answer verdicts: what an answer that stands makes of an image or a prompt, in the gates' own terms.

Inputs: a `StandingAnswer`. Outputs: a `Verdict`; and the reason codes that speak of people. Pure.
"""

from datetime import datetime

from catalogs.answers.answer import AnswerKind
from catalogs.answers.refusal_reasons import PERSON
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.verdict import PASS, Verdict

TOKEN_TIME = "%Y%m%dT%H%M%S%f"  # noqa: S105 - how the token of an answer begins
PEOPLE_DIFFER = "people-differ"
"""Reason of an image or a prompt of which people say different things."""
REFUSED_BEFORE = "person-refused-before"
"""Reason of an image that passes, and that a person has refused in another finish."""
ANOTHER_ATTEMPT = f"{PERSON}another-attempt"
"""Reason of an image in whose place a person wants another attempt."""


def answer_verdict(standing: StandingAnswer) -> Verdict:
    """Return the verdict that an answer gives: PASS, BLOCK for the person's reason, REVIEW where people differ."""
    if standing.verdict is None:
        return Verdict("REVIEW", (PEOPLE_DIFFER,))
    if standing.verdict == AnswerKind.ACCEPT:
        return PASS
    if standing.verdict == AnswerKind.RETRY:
        return Verdict("BLOCK", (ANOTHER_ATTEMPT,))
    return Verdict("BLOCK", (PERSON + (standing.answer.reason or "other"),))


def was_given_after(token: str, when: datetime) -> bool:
    """Tell whether an answer was given after a time (UTC): tokens begin with the time, as text that sorts."""
    return token > token_at(when)


def token_at(when: datetime) -> str:
    """Return a text after which the tokens of all answers sort that were given later than a time (UTC)."""
    return f"{when:{TOKEN_TIME}}"


def is_final(standing: StandingAnswer) -> bool:
    """Tell whether what was decided with this answer holds whatever the gates say: a refusal, or a conflict."""
    return standing.verdict in (None, AnswerKind.REFUSE)
