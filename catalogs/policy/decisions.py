"""Policy decisions: the verdict on a prompt and on an image, from stored findings and scores."""

import math
from collections.abc import Iterator, Mapping

from catalogs.policy.prompt_rules import PromptFindings
from catalogs.policy.scanners import PROMPT_SCANNERS
from catalogs.policy.schema import ALWAYS_MEASURED, CONFIDENCE_SCORE, SCORE_SCANNERS, ImageRule, Policy
from catalogs.verdict import Verdict, combine_verdicts


def decide_prompt(
    prompt_findings: PromptFindings, scanners: Mapping[str, str], errors: Mapping[str, str], policy: Policy
) -> Verdict:
    """Return the word on a prompt.

    `scanners` is name -> version of those that answered, `errors` is name -> why of those that did not. A category that
    the policy does not know is for a person, and so is a label that it judges and that has no score.
    """
    findings = [*_missing_scanner_verdicts(policy, scanners, errors, of_prompts=True)]
    for name, terms in prompt_findings.hits.items():
        if terms:
            category = policy.words.categories.get(name)
            findings.append(Verdict(category.verdict if category else "REVIEW", (f"words.{name}",)))
    if prompt_findings.languages and policy.other_languages != "PASS":
        findings.append(Verdict(policy.other_languages, ("language.unexpected",)))
    for label, thresholds in policy.classifier.items():
        score = prompt_findings.scores.get(label)
        if score is None or not math.isfinite(score):
            findings.append(Verdict("REVIEW", (f"score-missing.classifier.{label}",)))
        elif (word := thresholds.decision_for(score)) != "PASS":
            findings.append(Verdict(word, (f"classifier.{label}",)))
    return combine_verdicts(findings)


def decide_image(
    scores: Mapping[str, float], scanners: Mapping[str, str], errors: Mapping[str, str], policy: Policy, category: str
) -> Verdict:
    """Return the word on an image of a product `category`.

    `scores` is raw numbers by name; `scanners` and `errors` as for `decide_prompt`. A score that a rule needs and that
    is absent, NaN or infinite is for a person, unless its whole scanner is silent: then one reason says so.
    """
    findings = [*_missing_scanner_verdicts(policy, scanners, errors, of_prompts=False)]
    for rule in policy.image:
        findings += _judge_rule(rule, scores, scanners.keys() - errors.keys(), category)
    return combine_verdicts(findings)


def _judge_rule(rule: ImageRule, scores: Mapping[str, float], answered: set[str], category: str) -> Iterator[Verdict]:
    score = scores.get(rule.score)
    if score is None or not math.isfinite(score):
        scanner = SCORE_SCANNERS[rule.score]
        if score is not None or scanner == ALWAYS_MEASURED or scanner in answered:
            yield Verdict("REVIEW", (f"score-missing.{rule.score}",))
    if score is not None:
        word = rule.thresholds_for(category).decision_for(score)
        if word == "BLOCK" and not _is_confident(rule, scores.get(CONFIDENCE_SCORE)):
            word = "REVIEW"
        if word != "PASS":
            yield Verdict(word, (rule.reason,), retryable=rule.again and word == "BLOCK")


def _is_confident(rule: ImageRule, confidence: float | None) -> bool:
    # Not `<`: a confidence that is missing or no number convinces nobody either.
    return rule.believed_from is None or (confidence is not None and confidence >= rule.believed_from)


def _missing_scanner_verdicts(
    policy: Policy, scanners: Mapping[str, str], errors: Mapping[str, str], *, of_prompts: bool
) -> Iterator[Verdict]:
    for name in policy.required:
        if (name in PROMPT_SCANNERS) != of_prompts:
            continue
        if name in errors:
            yield Verdict("REVIEW", (f"scanner-failed.{name}",))
        elif name not in scanners:
            yield Verdict("REVIEW", (f"scanner-missing.{name}",))
