"""Answer statistics: what people's answers say of the gates, of their thresholds and of the people themselves.

Inputs: all answers of some months; the thresholds of the policy in force. Outputs: a plain document, rates with 95 %
intervals (`catalogs.intervals`). Pure. A gate is overturned where people accept what it kept back; a sample is missed
where people refuse what passed. An image on which people differ counts for neither.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any, Literal

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.answered_scores import category_of, scores_of
from catalogs.answers.reviewer_agreement import KnownAnswers, measure_agreement, measure_known
from catalogs.answers.standing_answers import StandingAnswers, image_of
from catalogs.intervals import CONFIDENCE_LEVEL, IntervalEstimate, wilson_interval

KEPT_BACK = frozenset({"review", "blocked"})
"""States of an image that the gates did not let pass."""
MAX_SECONDS = 600.0
"""A longer look is a pause: it is left out of the pace."""


@dataclass(frozen=True)
class ScoreLimit:
    """One threshold of a policy: images whose score is on its `side` wait for a person."""

    reason: str
    score: str
    side: Literal["below", "above"]
    limit: float
    category: str = ""
    """The product category whose own threshold it is; empty for all that have none."""
    others: frozenset[str] = frozenset()
    """The categories that have thresholds of their own, where this one is for all the rest."""

    def concerns(self, category: str) -> bool:
        """Tell whether images of a category are judged by it."""
        return category == self.category if self.category else category not in self.others

    def is_outside(self, value: float) -> bool:
        """Tell whether a score is on the side that waits."""
        return value < self.limit if self.side == "below" else value > self.limit


def summarize_answers(answers: Sequence[Answer], limits: Iterable[ScoreLimit] = ()) -> dict[str, Any]:
    """Return the statistics of these answers as plain values."""
    of_images = [answer for answer in answers if answer.image is not None]
    standing = list(StandingAnswers(of_images))
    settled = [each.answer for each in standing if each.verdict is not None]
    kept_back = [answer for answer in settled if image_of(answer).state in KEPT_BACK]
    samples = [answer for answer in settled if image_of(answer).state not in KEPT_BACK]
    agreement, known = measure_agreement(of_images), measure_known(of_images)
    return {
        "level": CONFIDENCE_LEVEL,
        "answers": len(of_images),
        "images": len(standing),
        "undone": sum(answer.kind == AnswerKind.UNDO for answer in of_images),
        "conflicts": len(standing) - len(settled),
        "overturned": _rate(map(_is_accepted, kept_back)),
        "gates": list(_by_reason(kept_back)),
        "limits": [line for limit in limits if (line := _by_limit(kept_back, limit))["images"]],
        "samples": _rate(not _is_accepted(answer) for answer in samples),
        "refusals": _shares(answer.reason or "other" for answer in settled if answer.kind == AnswerKind.REFUSE),
        "agreement": _estimate(agreement.rate, agreement.images, agreement.agreed)
        | {"kappa": asdict(agreement.kappa) if agreement.images else asdict(IntervalEstimate())},
        "known": _known(sum(known.values(), KnownAnswers()))
        | {"people": [{"who": who} | _known(of_person) for who, of_person in sorted(known.items())]},
        "seconds": _pace(of_images)
        | {"people": [{"who": who} | _pace(given) for who, given in sorted(_by_person(of_images).items())]},
    }


def _by_reason(kept_back: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    """Yield how often each reason was overturned, the commonest first."""
    counts = Counter(reason for answer in kept_back for reason in image_of(answer).reasons)
    for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        given = [answer for answer in kept_back if reason in image_of(answer).reasons]
        retried = sum(answer.kind == AnswerKind.RETRY for answer in given)
        share = count / len(kept_back)
        yield {"reason": reason, "share": share, "retried": retried} | _rate(map(_is_accepted, given))


def _by_limit(kept_back: Sequence[Answer], limit: ScoreLimit) -> dict[str, Any]:
    """Return how often a threshold was overturned, with the middle score of what people accepted and refused."""
    outside = []
    for answer in kept_back:
        value = scores_of(answer).get(limit.score) if limit.concerns(category_of(answer)) else None
        if value is not None and limit.is_outside(value) and limit.reason in image_of(answer).reasons:
            outside.append((_is_accepted(answer), value))
    accepted, refused = ([value for is_in, value in outside if is_in == wanted] for wanted in (True, False))
    middles = {"accepted_median": median(accepted) if accepted else None}
    middles |= {"refused_median": median(refused) if refused else None}
    named = {name: getattr(limit, name) for name in ("reason", "score", "side", "limit", "category")}
    return named | _rate(is_in for is_in, _ in outside) | middles


def _known(known: KnownAnswers) -> dict[str, Any]:
    return _estimate(known.rate, known.asked, known.wrong)


def _rate(hits: Iterable[bool]) -> dict[str, Any]:
    found = list(hits)
    return _estimate(wilson_interval(sum(found), len(found)), len(found), sum(found))


def _estimate(estimate: IntervalEstimate, images: int, count: int) -> dict[str, Any]:
    return {"images": images, "count": count, "rate": estimate.value, "low": estimate.low, "high": estimate.high}


def _shares(names: Iterable[str]) -> list[dict[str, Any]]:
    counts = Counter(names)
    total = sum(counts.values())
    return [
        {"reason": name, "count": count} | asdict(wilson_interval(count, total))
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _by_person(answers: Iterable[Answer]) -> Mapping[str, list[Answer]]:
    people: dict[str, list[Answer]] = {}
    for answer in answers:
        people.setdefault(answer.who, []).append(answer)
    return people


def _pace(answers: Iterable[Answer]) -> dict[str, Any]:
    """Return how long people looked: the middle, and what nine of ten answers took at most."""
    counted = [answer for answer in answers if answer.kind != AnswerKind.UNDO]
    seconds = sorted(each.seconds for each in counted if each.seconds is not None and each.seconds <= MAX_SECONDS)
    if not seconds:
        return {"answers": 0, "median": None, "p90": None}
    ninth = quantiles(seconds, n=10, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return {"answers": len(seconds), "median": median(seconds), "p90": ninth}


def _is_accepted(answer: Answer) -> bool:
    return answer.kind == AnswerKind.ACCEPT
