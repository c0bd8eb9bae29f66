"""Prompt gate: apply the policy to prompts before images are generated from them.

Inputs: a policy, the recipe's languages, and the text classifier where there is one. Outputs: a gate that the planner
asks once for each prompt. It checks banned words, languages, the classifier's scores and brands. A classifier that
fails on one prompt sends that prompt to review, and is asked again for the next.
"""

from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from catalogs.errors import SettingsError
from catalogs.planning.prompt_samples import PromptSampler
from catalogs.policy.brands.brand_decisions import (
    NO_FINDINGS,
    BrandFindings,
    Homonym,
    OwnBrands,
    decide_brands,
)
from catalogs.policy.decisions import decide_prompt
from catalogs.policy.prompt_rules import PromptFindings, PromptGate, PromptVerdict
from catalogs.policy.schema import Policy
from catalogs.runs.job import RefreshJob
from catalogs.verdict import PASS, Verdict, combine_verdicts
from infra.scanners import TextClassifier
from infra.scanners.blocklist import WordScanner
from infra.scanners.brand_context import BrandMentions, ContextPhrases
from infra.scanners.brands import NO_MENTIONS, BrandScanner
from infra.scanners.languages import LanguageScanner
from infra.scanners.text_classifier import open_classifier
from infra.scanners.text_normalization import WORD, fold

CLASSIFIER = "classifier"


def open_prompt_gate(
    policy: Policy, languages: Sequence[str], classifier_file: str | None, shop_brands: Set[str] = frozenset()
) -> "PolicyPromptGate":
    """Return the gate of a run's prompts. Raises `SettingsError` for a file that holds no classifier."""
    try:
        classifier = open_classifier(Path(classifier_file)) if classifier_file else None
    except ValueError as error:
        raise SettingsError(f"PACKSHOT_CLASSIFIER: {error}") from None
    return PolicyPromptGate(policy, languages, classifier, shop_brands)


def open_job_gate(job: RefreshJob, classifier_file: str | None) -> "PolicyPromptGate":
    """Return the gate of a job's prompts, in its languages and with the brands that its shop sells."""
    return open_prompt_gate(job.policy, job.recipe.languages, classifier_file, job.shop_brands.names)


@dataclass(frozen=True)
class PlanGates:
    """The gates as a plan knows them: prompts are judged now; image scanners are names, where it is known which run."""

    prompts: PromptGate | None = None
    """By default the policy's gate, without a text classifier."""
    scanners: Collection[str] | None = None
    """The scanners of images and of prompts that can be opened here."""
    sampler: PromptSampler | None = None
    """Collects prompts for a person to look at; by default those of a few rows that are rendered anyway."""


def open_plan_gates(
    job: RefreshJob, classifier_file: str | None, image_scanners: Iterable[str], sampler: PromptSampler | None = None
) -> PlanGates:
    """Return the gates of a job's plan, where these scanners of images can be opened."""
    gate = open_job_gate(job, classifier_file)
    return PlanGates(gate, {*image_scanners, *gate.scanners}, sampler)


class PolicyPromptGate:
    """The prompt gate of one run. Building it takes milliseconds; keep it for all prompts of the run."""

    def __init__(
        self,
        policy: Policy,
        languages: Sequence[str],
        classifier: TextClassifier | None = None,
        shop_brands: Set[str] = frozenset(),
    ) -> None:
        """Build the scanners from policy and recipe's languages; `shop_brands` are those that the shop sells."""
        self._policy = policy
        self._brands = open_brand_scanner(policy)
        self._shop_brands = shop_brands if policy.brands.own == "shop" else frozenset()
        phrases = policy.brands.phrases
        self._homonyms: dict[str, tuple[str, ...]] = {}
        self._homonym_names = dict(phrases.homonyms) if phrases is not None else {}
        for brand, names in self._homonym_names.items():
            for term in names:
                self._homonyms[term] = (*self._homonyms.get(term, ()), brand)
        self._no_brand = frozenset(
            " ".join(WORD.findall(fold(text))) for text in (phrases.no_brand if phrases is not None else ())
        )
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
        """Return the verdict on a prompt, which is the same for every slot, and how the prompt names brands."""
        hits, languages = self._words.scan(prompt), self._languages.scan(prompt)
        mentions = self._brands.scan(prompt, hits)
        hits = {category: terms for category, terms in hits.items() if category in self._policy.words.categories}
        homonyms = self._take_homonyms(hits) if self._homonyms and hits else ()
        brands = _brand_findings(mentions, homonyms)
        findings = PromptFindings(hits, languages)
        if self._classifier is not None:
            return PromptVerdict(self._evaluate_with_classifier(findings, self._classifier, prompt), brands)
        if not hits and not languages:
            return PromptVerdict(self._clean_verdict, brands)
        return PromptVerdict(decide_prompt(findings, self._scanner_versions, {}, self._policy), brands)

    def evaluate_brands(self, findings: BrandFindings, own_brand: str) -> Verdict:
        """Return the verdict on a slot whose prompt names brands in this way, and whose row names `own_brand`."""
        if not findings:
            return PASS
        rules = self._policy.brands
        is_named = rules.own == "row" or self._names_brand(own_brand)
        own = OwnBrands(self._brands.brands_of(own_brand), is_named, self._shop_brands)
        return decide_brands(findings, own, rules)

    def text_names(self, brand: str) -> Sequence[str]:
        """Return the names by which a text may name a brand as its goods' own."""
        rules = self._policy.brands
        return [name for kind in (rules.names, rules.devices, self._homonym_names) for name in kind.get(brand, ())]

    def column_brands(self, own_brand: str) -> Set[str] | None:
        """Return the known brands of a brand column's text; None where it names none, known or not."""
        return self._brands.brands_of(own_brand) if self._names_brand(own_brand) else None

    def sold_brands(self, text: str, own_brand: str) -> Set[str]:
        """Return the brands that a row names as its goods' own: its column's, or its text's where it has none."""
        of_column = self.column_brands(own_brand)
        if of_column is not None:
            return of_column
        phrases = self._policy.brands.phrases
        goods = phrases.homonym_goods if phrases is not None else {}
        words = frozenset(fold(" ".join(WORD.findall(text))).split()) if goods else frozenset()
        homonyms = {
            brand
            for brand, members in goods.items()
            if not words.isdisjoint(members)
            and any(words.issuperset(WORD.findall(fold(term))) for term in self._homonym_names.get(brand, ()))
        }
        return self._brands.find_sold(text) | homonyms

    def _names_brand(self, own_brand: str) -> bool:
        """Tell whether a brand column's text names a brand, known or not."""
        words = " ".join(WORD.findall(fold(own_brand)))
        return bool(words) and words not in self._no_brand

    def evaluate_stored_prompt(self, prompt: str) -> Verdict:
        """Return the verdict on a prompt whose rows are not at hand: whose brand it names is not judged.

        A term that is a brand too is that term, unless the shop is known to sell the brand.
        """
        verdict, brands = self.evaluate_prompt(prompt)
        if not brands.homonyms:
            return verdict
        own = OwnBrands(shop=self._shop_brands)
        return combine_verdicts(
            (verdict, decide_brands(BrandFindings(homonyms=brands.homonyms), own, self._policy.brands))
        )

    def _take_homonyms(self, hits: dict[str, list[str]]) -> tuple[Homonym, ...]:
        """Take the terms that are brands too out of the hits, which are judged for each slot."""
        taken = []
        for category, terms in list(hits.items()):
            if all(term in self._homonyms for term in terms):
                del hits[category]
                decision, reason = self._policy.words.categories[category].verdict, f"words.{category}"
                taken += [Homonym(self._homonyms[term], decision, reason) for term in terms]
        return tuple(taken)

    def _evaluate_with_classifier(self, findings: PromptFindings, classifier: TextClassifier, prompt: str) -> Verdict:
        versions = self._scanner_versions
        try:
            scores = classifier.score(prompt)
        except Exception as error:  # whatever a model raises, this prompt goes to review and the run continues
            return decide_prompt(findings, versions, {CLASSIFIER: f"{type(error).__name__}: {error}"}, self._policy)
        versions = versions | {CLASSIFIER: classifier.version}
        return decide_prompt(PromptFindings(findings.hits, findings.languages, scores), versions, {}, self._policy)


def open_brand_scanner(policy: Policy) -> BrandScanner:
    """Return the scanner of a policy's brands."""
    rules, phrases = policy.brands, policy.brands.phrases
    if phrases is None:
        return BrandScanner(rules.names, rules.devices, rules.words)
    context = ContextPhrases(**{name: getattr(phrases, name) for name in ContextPhrases.__dataclass_fields__})
    return BrandScanner(rules.names, rules.devices, rules.words, context, phrases.homonyms)


def _brand_findings(mentions: BrandMentions, homonyms: tuple[Homonym, ...]) -> BrandFindings:
    if mentions is NO_MENTIONS and not homonyms:
        return NO_FINDINGS
    if not (homonyms or mentions.own or mentions.imitated or mentions.resembled):
        return NO_FINDINGS
    return BrandFindings(_sorted(mentions.own), _sorted(mentions.imitated), _sorted(mentions.resembled), homonyms)


def _sorted(brands: Set[str]) -> tuple[str, ...]:
    return tuple(sorted(brands))
