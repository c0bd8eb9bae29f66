"""Brand decisions: the verdict on a slot whose prompt names brands.

Inputs: how a prompt names brands (`BrandFindings`), the brands of its row and of its shop, and the brand rules.
Outputs: a verdict. A pure function of these, so neither the order of rows nor what else is in a catalogue changes it.

A person is asked where another brand is named, not as what the goods fit; and where words of imitation stand beside a
brand. Terms of word lists that are brands too (Opium) count as those terms unless the row or the shop sells that brand.
"""

from collections.abc import Set
from dataclasses import dataclass

from catalogs.policy.brands.brand_rules import BrandRules
from catalogs.verdict import PASS, Decision, Verdict, combine_verdicts

OTHER_BRAND = "brand.other"
IMITATED_BRAND = "brand.imitation"
BRAND_REASONS = frozenset({OTHER_BRAND, IMITATED_BRAND})


@dataclass(frozen=True, slots=True)
class Homonym:
    """A term of a word list in a prompt that is a brand too: its brands, and what the list would decide."""

    brands: tuple[str, ...]
    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class BrandFindings:
    """How a prompt names brands; each brand once, sorted. Hashable: requests of a plan share few of them."""

    named: tuple[str, ...] = ()
    """Named as the goods' own."""
    imitated: tuple[str, ...] = ()
    """Named beside words that always mean an imitation: `replica`, `dupe`."""
    resembled: tuple[str, ...] = ()
    """Named beside words that may mean one: `style`, `inspired by`."""
    homonyms: tuple[Homonym, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything was found that is judged for each slot."""
        return bool(self.named or self.imitated or self.resembled or self.homonyms)


@dataclass(frozen=True, slots=True)
class OwnBrands:
    """The brands that a slot may name: those of its row's brand column, and those that its shop sells."""

    row: Set[str] = frozenset()
    row_names_one: bool = False
    """Whether the row has a brand, known or not: then the shop's others are not its own."""
    shop: Set[str] = frozenset()

    @property
    def own(self) -> Set[str]:
        """Return the row's brands, or the shop's where the row has none."""
        return self.row if self.row_names_one else self.shop


NO_FINDINGS = BrandFindings()


def decide_brands(findings: BrandFindings, brands: OwnBrands, rules: BrandRules) -> Verdict:
    """Return the verdict on a slot whose prompt names brands in this way."""
    verdicts = []
    if not brands.own >= set(findings.named):
        verdicts.append(Verdict(rules.verdict, (OTHER_BRAND,)))
    if findings.imitated or not brands.row >= set(findings.resembled):
        verdicts.append(Verdict(rules.verdict, (IMITATED_BRAND,)))
    sold = brands.row | brands.shop
    verdicts += [Verdict(one.decision, (one.reason,)) for one in findings.homonyms if sold.isdisjoint(one.brands)]
    return combine_verdicts(verdicts) if verdicts else PASS
