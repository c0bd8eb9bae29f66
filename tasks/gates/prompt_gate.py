"""Prompt gate: apply the policy to prompts before images are generated from them.

Inputs: a policy, the recipe's languages, and the text classifier where there is one. Outputs: a gate that the planner
asks once for each prompt. It checks banned words, languages, the classifier's scores and brands. A classifier that
fails on one prompt sends that prompt to review, and is asked again for the next.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalogs.errors import SettingsError
from catalogs.planning.prompt_samples import PromptSampler
from catalogs.policy.decisions import decide_prompt
from catalogs.policy.prompt_rules import PromptFindings, PromptGate, PromptVerdict, decide_brands
from catalogs.policy.schema import Policy
from catalogs.verdict import PASS, Verdict
from infra.scanners import TextClassifier
from infra.scanners.blocklist import WordScanner
from infra.scanners.brands import BrandScanner
from infra.scanners.languages import LanguageScanner
from infra.scanners.text_classifier import open_classifier

CLASSIFIER = "classifier"


def open_prompt_gate(policy: Policy, languages: Sequence[str], classifier_file: str | None) -> "PolicyPromptGate":
    """Return the gate of a run's prompts. Raises `SettingsError` for a file that holds no classifier."""
    try:
        classifier = open_classifier(Path(classifier_file)) if classifier_file else None
    except ValueError as error:
        raise SettingsError(f"PACKSHOT_CLASSIFIER: {error}") from None
    return PolicyPromptGate(policy, languages, classifier)


@dataclass(frozen=True)
class PlanGates:
    """The gates as a plan knows them: prompts are judged now; image scanners are names, where it is known which run."""

    prompts: PromptGate | None = None
    """By default the policy's gate, without a text classifier."""
    scanners: Collection[str] | None = None
    """The scanners of images and of prompts that can be opened here."""
    sampler: PromptSampler | None = None
    """Collects prompts for a person to look at; by default those of a few rows that are rendered anyway."""


class PolicyPromptGate:
    """The prompt gate of one run. Building it takes milliseconds; keep it for all prompts of the run."""

    def __init__(self, policy: Policy, languages: Sequence[str], classifier: TextClassifier | None = None) -> None:
        """Build the scanners from the policy and the recipe's languages."""
        self._policy = policy
        self._brands = BrandScanner(policy.brands.names, policy.brands.devices, policy.brands.words)
        terms = {**policy.words.terms_by_category, **self._brands.terms}
        self._words = WordScanner(terms, [*policy.words.allow, *self._brands.allow])
        self._languages = LanguageScanner(languages)
        self._classifier = classifier
        self._scanner_versions = {
            "words": self._words.version,
            "languages": self._languages.version,
            "brands": self._brands.version,
        }
        self._clean_verdict = decide_prompt(PromptFindings(), self._scanner_versions, {}, policy)

    @property
    def scanners(self) -> frozenset[str]:
        """Return the names of the scanners that judge prompts here."""
        return frozenset({*self._scanner_versions, *((CLASSIFIER,) if self._classifier is not None else ())})

    def evaluate_prompt(self, prompt: str) -> PromptVerdict:
        """Return the verdict on a prompt, which is the same for every slot, and the brands that it names."""
        hits, languages = self._words.scan(prompt), self._languages.scan(prompt)
        brands = self._brands.scan(prompt, hits)
        hits = {category: terms for category, terms in hits.items() if category in self._policy.words.categories}
        findings = PromptFindings(hits, languages)
        if self._classifier is not None:
            return PromptVerdict(self._evaluate_with_classifier(findings, self._classifier, prompt), brands)
        if not hits and not languages:
            return PromptVerdict(self._clean_verdict, brands)
        return PromptVerdict(decide_prompt(findings, self._scanner_versions, {}, self._policy), brands)

    def evaluate_brands(self, named_brands: Sequence[str], own_brand: str) -> Verdict:
        """Return the verdict on a slot whose prompt names `named_brands` and whose row names `own_brand`."""
        if not named_brands:
            return PASS
        return decide_brands(named_brands, self._brands.brands_of(own_brand), self._policy.brands)

    def _evaluate_with_classifier(self, findings: PromptFindings, classifier: TextClassifier, prompt: str) -> Verdict:
        versions = self._scanner_versions
        try:
            scores = classifier.score(prompt)
        except Exception as error:  # whatever a model raises, this prompt goes to review and the run continues
            return decide_prompt(findings, versions, {CLASSIFIER: f"{type(error).__name__}: {error}"}, self._policy)
        versions = versions | {CLASSIFIER: classifier.version}
        return decide_prompt(PromptFindings(findings.hits, findings.languages, scores), versions, {}, self._policy)
