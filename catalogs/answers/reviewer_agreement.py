"""Reviewer agreement: how often two people answer alike, and how often a person misses a known answer.

Inputs: all answers of some months. Outputs: raw agreement and Cohen's kappa over images that two people have answered;
errors by person against images that two others agree on. Pure. An answer counts as "accepted" or "not": another attempt
and a refusal both keep the image away.

Kappa (J. Cohen, Educational and Psychological Measurement 20, 1960, 37-46) is agreement beyond what chance would give:
where nearly everything is accepted, two people who never look agree too, and kappa says so. Its interval is Cohen's own
normal one, and rough below some fifty images. An answer that ends a conflict is left out: it was given knowing both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose
from catalogs.answers.standing_answers import image_of
from catalogs.intervals import NORMAL_QUANTILE, IntervalEstimate, wilson_interval

ImageKey = tuple[bytes, str, bytes]
MINIMUM_AGREED = 2
"""People who must agree on an image before it measures others."""


@dataclass(frozen=True)
class Agreement:
    """How often the first two people who answered an image said the same."""

    images: int
    agreed: int
    kappa: IntervalEstimate
    """None where both accepted everything, or nothing: then chance explains it all."""

    @property
    def rate(self) -> IntervalEstimate:
        """Return the share of images on which both agreed."""
        return wilson_interval(self.agreed, self.images)


@dataclass(frozen=True)
class KnownAnswers:
    """A person's answers to images with a known answer: how many, and how many were wrong."""

    asked: int = 0
    wrong: int = 0

    def __add__(self, other: "KnownAnswers") -> "KnownAnswers":
        return KnownAnswers(self.asked + other.asked, self.wrong + other.wrong)

    @property
    def rate(self) -> IntervalEstimate:
        """Return the share of wrong answers."""
        return wilson_interval(self.wrong, self.asked)


def newest_by_person(answers: Iterable[Answer]) -> dict[ImageKey, dict[str, Answer]]:
    """Return each person's newest answer to each image or prompt that was not undone, those to known ones included."""
    answers = [answer for answer in answers if answer.image is not None]
    undone = {answer.undoes for answer in answers if answer.kind == AnswerKind.UNDO}
    newest: dict[ImageKey, dict[str, Answer]] = {}
    for answer in sorted(answers, key=lambda each: each.token):
        if answer.kind != AnswerKind.UNDO and answer.token not in undone:
            given = newest.setdefault(image_of(answer).key, {})
            given.pop(answer.who, None)
            given[answer.who] = answer
    return newest


def measure_agreement(answers: Iterable[Answer]) -> Agreement:
    """Return how the first two people agree, over all images that two have answered."""
    pairs = []
    for given in newest_by_person(_without_known(answers)).values():
        own = [answer for answer in given.values() if not answer.resolves]
        if len(own) > 1:
            first, second = sorted(own, key=lambda answer: answer.token)[:2]
            pairs.append((_is_accepted(first), _is_accepted(second)))
    agreed = sum(first == second for first, second in pairs)
    return Agreement(len(pairs), agreed, _kappa(pairs, agreed))


def measure_known(answers: Iterable[Answer]) -> Mapping[str, KnownAnswers]:
    """Return each person's answers to known images; the truth is what two or more others agree on."""
    answers = list(answers)
    agreed = newest_by_person(_without_known(answers))
    asked = newest_by_person(answer for answer in answers if _is_test(answer))
    people: dict[str, KnownAnswers] = {}
    for key, given in asked.items():
        for who, answer in given.items():
            truth = {name: _is_accepted(other) for name, other in agreed.get(key, {}).items() if name != who}
            if len(truth) >= MINIMUM_AGREED and len(set(truth.values())) == 1:
                wrong = _is_accepted(answer) not in truth.values()
                people[who] = people.get(who, KnownAnswers()) + KnownAnswers(1, int(wrong))
    return people


def _kappa(pairs: list[tuple[bool, bool]], agreed: int) -> IntervalEstimate:
    count = len(pairs)
    first, second = (sum(column) / count for column in zip(*pairs, strict=True)) if count else (0.0, 0.0)
    observed, chance = agreed / count if count else 0.0, first * second + (1 - first) * (1 - second)
    if chance == 1:
        return IntervalEstimate()
    kappa = (observed - chance) / (1 - chance)
    half_width = NORMAL_QUANTILE * sqrt(observed * (1 - observed) / count) / (1 - chance)
    return IntervalEstimate(kappa, max(-1.0, kappa - half_width), min(1.0, kappa + half_width))


def _without_known(answers: Iterable[Answer]) -> Iterable[Answer]:
    return (answer for answer in answers if answer.purpose != AnswerPurpose.KNOWN)


def _is_test(answer: Answer) -> bool:
    return answer.purpose == AnswerPurpose.KNOWN or answer.kind == AnswerKind.UNDO


def _is_accepted(answer: Answer) -> bool:
    return answer.kind == AnswerKind.ACCEPT
