"""Score sentences: what was measured of an image, in words, with the number beside the limit.

Inputs: reasons, scores, the scanners that answered and that did not, a policy, a category. Outputs: findings, those
past a limit first. Pure: the same numbers under the same policy give the same words, in a page and in a terminal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from catalogs.photos.fitness import judge_photo
from catalogs.photos.kept_judgement import is_kept
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.photos.photo_sentences import PHOTO_SENTENCES, is_photo_reason, say_photo_reason
from catalogs.policy.decisions import judging_rules
from catalogs.policy.scanners import SCORE_MEANINGS
from catalogs.policy.schema import ImageRule, Policy
from catalogs.thresholds import Thresholds

Decision = Literal["PASS", "REVIEW", "BLOCK"]

_LIMITS = ("block_below", "review_below", "review_above", "block_above")
_REASON_WORDS = {
    "duplicate-exact": "it has exactly the pixels of another SKU's image",
    "duplicate-near": "it is almost the same as another SKU's image",
    "duplicate-maybe": "it resembles another SKU's image",
    "view-not-distinct": "two views of this SKU show the same image",
    "views-differ": "the views of this SKU differ in hue or in size",
    "review-expired": "nobody answered in time",
    "people-differ": "people gave different answers",
    "person-refused-before": "a person refused the same image in another finish",
    "not-released": "its batch was let go without it",
    "brand.other": "the prompt names a brand that is not the row's own",
    "brand.imitation": "the prompt speaks of an imitation of a brand",
    "language.unexpected": "the prompt is in a language that the recipe does not name",
    "engine-failed": "the engine could not make the image",
    "kept.broken": "the product is not shown to be the photo's; nobody can accept it",
    "kept.jpeg-loss": "the JPEG lost too much of the photo's product",
    "scanner-failed.kept": "the photo's product could not be proven again; nobody can accept it",
    "mask.one-cutter": "one cutter alone cut the product out",
}
_PREFIX_WORDS = {
    "words.": "the prompt has a term of the list {rest}",
    "classifier.": "the text classifier takes the prompt for {rest}",
    "scanner-failed.": "the scanner {rest} failed",
    "scanner-missing.": "the scanner {rest} is not installed",
    "score-missing.": "the score {rest} is missing",
    "person.": "a person refused it: {rest}",
    "photo.": "the photo cannot be used: {rest}",
    "mask.": "the product was not cut out well: {rest}",
}


@dataclass(frozen=True)
class ScoreFinding:
    """One score with its limits, or one reason that no score gives."""

    reason: str
    sentence: str
    decision: Decision = "REVIEW"
    score: str = ""
    value: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    """Name of the limit (review_above …) -> the limit."""

    @property
    def is_past_limit(self) -> bool:
        """Tell whether it is something to look at."""
        return self.decision != "PASS"


def explain_scores(
    reasons: Sequence[str],
    scores: Mapping[str, float],
    policy: Policy,
    category: str,
    sentence: str = "",
    photo: Sequence[ScoreFinding] = (),
) -> tuple[ScoreFinding, ...]:
    """Return a finding for each rule on a known score, and for each reason that no rule explains.

    `sentence` is what a scanner or the engine itself said; it stands behind the first reason without a score. `photo`
    are the findings on a kept product's photo (`catalogs.reviews.photo_findings`); they stand among the others.
    """
    rules = judging_rules(policy, scores, ())
    of_rules = [*(photo or _explain_photo(scores, policy))]
    of_rules += [finding for rule in rules for finding in _explain_rule(rule, scores, category)]
    explained = {finding.reason for finding in of_rules if finding.is_past_limit}
    others = [ScoreFinding(reason, say_reason(reason)) for reason in reasons if reason not in explained]
    if others and sentence:
        first = others[0]
        others[0] = ScoreFinding(first.reason, f"{first.sentence}: {sentence}")
    past = [finding for finding in of_rules if finding.is_past_limit]
    past.sort(key=lambda finding: (finding.decision != "BLOCK", finding.reason))
    return (*others, *past, *(finding for finding in of_rules if not finding.is_past_limit))


def say_reason(reason: str) -> str:
    """Return what a reason code means, in words; the code itself where it is a policy's own."""
    if reason in PHOTO_SENTENCES:
        return say_photo_reason(reason)
    if reason in _REASON_WORDS:
        return _REASON_WORDS[reason]
    for prefix, words in _PREFIX_WORDS.items():
        if reason.startswith(prefix):
            return words.format(rest=reason.removeprefix(prefix))
    return reason.replace("-", " ")


def _explain_photo(scores: Mapping[str, float], policy: Policy) -> list[ScoreFinding]:
    """Return what speaks against the photo and the mask of an image that keeps a photo's product."""
    if not is_kept(scores, ()):
        return []
    found = judge_photo(scores, policy.photos or built_in_photo_rules()).findings
    return [ScoreFinding(each.reason, each.sentence, each.decision, each.score, each.value) for each in found]


def explain_limits(reason: str, score: str, value: float, thresholds: Thresholds, meaning: str) -> ScoreFinding | None:
    """Return the finding on a score beside its limits; None where it has none."""
    limits = {name: limit for name in _LIMITS if (limit := getattr(thresholds, name)) is not None}
    if not limits:
        return None
    decision = thresholds.decision_for(value)
    below = [limit for name, limit in limits.items() if name.endswith("below")]
    above = [limit for name, limit in limits.items() if name.endswith("above")]
    wanted = [f"at least {max(below):g}"] if below else []
    wanted += [f"at most {min(above):g}"] if above else []
    verdict = {"PASS": "", "REVIEW": ": a person decides", "BLOCK": ": blocked"}[decision]
    words = f"{name_reason(reason)}: {value:.4g}, wanted {' and '.join(wanted)} ({meaning}){verdict}"
    return ScoreFinding(reason, words, decision, score, value, limits)


def name_reason(reason: str) -> str:
    """Return a reason's name, short enough for a table: the code in plain letters."""
    plain = reason.replace("-", " ")
    return plain.replace(".", " ") if is_photo_reason(reason) else plain


def _explain_rule(rule: ImageRule, scores: Mapping[str, float], category: str) -> Iterator[ScoreFinding]:
    value = scores.get(rule.score)
    if value is not None:
        meaning = SCORE_MEANINGS[rule.score]
        finding = explain_limits(rule.reason, rule.score, value, rule.thresholds_for(category), meaning)
        if finding is not None:
            yield finding
