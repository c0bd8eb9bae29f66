"""Policy decisions: the verdict on a prompt and on an image.

Inputs: what the scanners found (hits, scores, versions, errors) and a policy. Outputs: verdicts. A decision is a pure
function of stored findings and the policy, so a changed policy decides millions of images again without reading one
of them.

It fails closed: a required scanner that did not answer, and a score that should exist and does not, give REVIEW, never
PASS.
"""

import math
from collections.abc import Collection, Iterator, Mapping

from catalogs.photos.kept_judgement import is_kept, is_on_scene, judge_kept
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.policy.prompt_rules import PromptFindings
from catalogs.policy.scanners import ALWAYS_MEASURED, CONFIDENCE_SCORE, PROMPT_SCANNERS, SCORE_SCANNERS
from catalogs.policy.schema import ImageRule, Policy
from catalogs.verdict import Verdict, combine_verdicts

NOT_OF_KEPT_IMAGES = frozenset({"text", "logos"})
"""Scanners that do not judge an image that keeps a photo's product: the real article bears its own labels and brand."""


def decide_prompt(
    prompt_findings: PromptFindings, scanners: Mapping[str, str], errors: Mapping[str, str], policy: Policy
) -> Verdict:
    """Return the verdict on a prompt.

    `scanners` is name -> version of the scanners that answered, `errors` is name -> reason of those that failed. A
    word category that the policy does not know gives REVIEW, and so does a classifier label that the policy judges and
    that has no score.
    """
    verdicts = [*_missing_scanner_verdicts(policy, scanners, errors, of_prompts=True)]
    for name, terms in prompt_findings.hits.items():
        if terms:
            category = policy.words.categories.get(name)
            verdicts.append(Verdict(category.verdict if category else "REVIEW", (f"words.{name}",)))
    if prompt_findings.languages and policy.other_languages != "PASS":
        verdicts.append(Verdict(policy.other_languages, ("language.unexpected",)))
    for label, thresholds in policy.classifier.items():
        score = prompt_findings.scores.get(label)
        if score is None or not math.isfinite(score):
            verdicts.append(Verdict("REVIEW", (f"score-missing.classifier.{label}",)))
        elif (decision := thresholds.decision_for(score)) != "PASS":
            verdicts.append(Verdict(decision, (f"classifier.{label}",)))
    return combine_verdicts(verdicts)


def decide_image(
    scores: Mapping[str, float], scanners: Mapping[str, str], errors: Mapping[str, str], policy: Policy, category: str
) -> Verdict:
    """Return the verdict on an image of a product `category`.

    `scores` is raw numbers by name; `scanners` and `errors` are as for `decide_prompt`. A score that a rule needs and
    that is absent, NaN or infinite gives REVIEW, unless its whole scanner did not answer: then one reason names the
    scanner if it is required, and none is given if it is optional. An image that keeps a photo's product is judged by
    the photo rules too, and not by the scanners of words and logos; on a stage, not by the rules on white grounds.
    """
    unasked = NOT_OF_KEPT_IMAGES if is_kept(scores, errors) else frozenset()
    verdicts = [*_missing_scanner_verdicts(policy, scanners, errors, of_prompts=False, unasked=unasked)]
    for rule in judging_rules(policy, scores, errors):
        verdicts += _judge_rule(rule, scores, scanners.keys() - errors.keys(), category)
    if unasked:
        verdicts += judge_kept(scores, errors, policy.photos or built_in_photo_rules())
    return combine_verdicts(verdicts)


def judging_rules(policy: Policy, scores: Mapping[str, float], errors: Collection[str]) -> list[ImageRule]:
    """Return the policy's rules that judge an image of these scores: by whether it keeps a product, and on what."""
    unasked = NOT_OF_KEPT_IMAGES if is_kept(scores, errors) else frozenset()
    not_judged = policy.not_of_scenes if is_on_scene(scores) else frozenset()
    return [rule for rule in policy.image if SCORE_SCANNERS[rule.score] not in unasked and rule.score not in not_judged]


def _judge_rule(rule: ImageRule, scores: Mapping[str, float], answered: set[str], category: str) -> Iterator[Verdict]:
    score = scores.get(rule.score)
    if score is None or not math.isfinite(score):
        scanner = SCORE_SCANNERS[rule.score]
        if score is not None or scanner == ALWAYS_MEASURED or scanner in answered:
            yield Verdict("REVIEW", (f"score-missing.{rule.score}",))
    if score is not None:
        decision = rule.thresholds_for(category).decision_for(score)
        if decision == "BLOCK" and not _is_confident(rule, scores.get(CONFIDENCE_SCORE)):
            decision = "REVIEW"
        if decision != "PASS":
            yield Verdict(decision, (rule.reason,), retryable=rule.again and decision == "BLOCK")


def _is_confident(rule: ImageRule, confidence: float | None) -> bool:
    # Not `<`, since a missing or NaN confidence must count as too low.
    return rule.believed_from is None or (confidence is not None and confidence >= rule.believed_from)


def _missing_scanner_verdicts(
    policy: Policy,
    scanners: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    of_prompts: bool,
    unasked: frozenset[str] = frozenset(),
) -> Iterator[Verdict]:
    for name in policy.required:
        if (name in PROMPT_SCANNERS) != of_prompts or name in unasked:
            continue
        if name in errors:
            yield Verdict("REVIEW", (f"scanner-failed.{name}",))
        elif name not in scanners:
            yield Verdict("REVIEW", (f"scanner-missing.{name}",))
