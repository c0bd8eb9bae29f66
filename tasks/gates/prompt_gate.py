"""Judge prompts before anything is made of them: words, languages, the classifier's scores, brands.

Comes in: a policy, the recipe's languages, the text classifier where there is one. Goes out: the planner's gate. A
classifier that fails on one prompt leaves that prompt to a person, and the next one is asked again.
"""

from collections.abc import Sequence
from pathlib import Path

from catalogs.errors import SettingsError
from catalogs.policy.decisions import decide_prompt
from catalogs.policy.prompt_rules import PromptFindings, PromptVerdict, decide_brands
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


class PolicyPromptGate:
    """The prompt gates of one run. Building it takes milliseconds; keep it for the run's prompts."""

    def __init__(self, policy: Policy, languages: Sequence[str], classifier: TextClassifier | None = None) -> None:
        """Take the policy, the recipe's languages, and the classifier that a policy may ask for."""
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

    def judge(self, prompt: str) -> PromptVerdict:
        """Return the word on a prompt, whoever asks for it, and the brands that it names."""
        hits, languages = self._words.scan(prompt), self._languages.scan(prompt)
        brands = self._brands.scan(prompt, hits)
        hits = {category: terms for category, terms in hits.items() if category in self._policy.words.categories}
        if self._classifier is not None:
            return PromptVerdict(
                self._judge_with_classifier(PromptFindings(hits, languages), self._classifier, prompt), brands
            )
        if not hits and not languages:
            return PromptVerdict(self._clean_verdict, brands)
        return PromptVerdict(
            decide_prompt(PromptFindings(hits, languages), self._scanner_versions, {}, self._policy), brands
        )

    def judge_brands(self, named_brands: Sequence[str], own_brand: str) -> Verdict:
        """Return the word on a slot whose prompt names the brands `found`, and whose row names the brand `brand`."""
        return (
            decide_brands(named_brands, self._brands.brands_of(own_brand), self._policy.brands)
            if named_brands
            else PASS
        )

    def _judge_with_classifier(self, findings: PromptFindings, classifier: TextClassifier, prompt: str) -> Verdict:
        try:
            scores = classifier.score(prompt)
        except Exception as error:  # whatever a model raises, the prompt goes to a person and the run goes on
            return decide_prompt(
                findings, self._scanner_versions, {CLASSIFIER: f"{type(error).__name__}: {error}"}, self._policy
            )
        heard = self._scanner_versions | {CLASSIFIER: classifier.version}
        return decide_prompt(PromptFindings(findings.hits, findings.languages, scores), heard, {}, self._policy)
