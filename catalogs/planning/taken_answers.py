"""Taken answers: how many of people's answers a plan takes for the first time, by what they say.

Inputs: the outcomes that a plan decides anew, each with the answer that stands about it. Outputs: counts of answers,
however many slots show the image. An answer that was taken before is not counted again.
"""

from dataclasses import dataclass, field

from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswer

ACCEPTED, REFUSED, RETRIED, CONFLICTS = "accepted", "refused", "retried", "conflicts"
_NAMES = {AnswerKind.ACCEPT: ACCEPTED, AnswerKind.REFUSE: REFUSED, AnswerKind.RETRY: RETRIED, None: CONFLICTS}


@dataclass
class TakenAnswers:
    """The answers that one plan takes."""

    _tokens: dict[str, set[str]] = field(default_factory=dict)

    def add(self, standing: StandingAnswer) -> None:
        """Count an answer, once."""
        self._tokens.setdefault(_NAMES[standing.verdict], set()).add(standing.token)

    def document(self) -> dict[str, int]:
        """Return the counts by name; what was not counted is left out."""
        return {name: len(tokens) for name, tokens in sorted(self._tokens.items())}
