"""The brand that a prompt names decides over each slot, by whose it is and how it is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.policy.brands.brand_decisions import BrandFindings, Homonym, OwnBrands, decide_brands
from catalogs.policy.brands.brand_rules import BrandRules
from catalogs.verdict import PASS, Verdict

RULES = BrandRules(names={"Nike": ("nike",)})
OTHER = Verdict("REVIEW", ("brand.other",))
IMITATION = Verdict("REVIEW", ("brand.imitation",))
OPIUM = Homonym(("Opium", "Yves Saint Laurent"), "BLOCK", "words.drugs")
BRANDS = st.frozensets(st.sampled_from(["Nike", "Adidas", "Apple", "Opium"]))


def row_of(*brands: str) -> OwnBrands:
    return OwnBrands(frozenset(brands), row_names_one=True, shop=frozenset({"Adidas"}))


@pytest.mark.parametrize(
    ("named", "own", "verdict"),
    [
        (("Nike",), row_of("Nike"), PASS),
        ((), row_of(), PASS),
        (("Nike",), row_of(), OTHER),  # a maker that no list has
        (("Nike",), row_of("Adidas"), OTHER),
        (("Apple", "Nike"), row_of("Nike"), OTHER),
        (("Adidas",), row_of("Nike"), OTHER),  # the shop sells it, and the row is another's
        (("Adidas",), OwnBrands(shop=frozenset({"Adidas"})), PASS),
        (("Nike",), OwnBrands(shop=frozenset({"Adidas"})), OTHER),
        (("Nike",), OwnBrands(), OTHER),  # nothing is known yet
    ],
)
def test_a_brand_that_is_neither_the_rows_nor_the_shops_is_for_a_person(
    named: tuple[str, ...], own: OwnBrands, verdict: Verdict
) -> None:
    assert decide_brands(BrandFindings(named), own, RULES) == verdict


def test_an_imitation_is_for_a_person_in_its_owners_row_too() -> None:
    copy = BrandFindings(("Nike",), imitated=("Nike",))
    assert decide_brands(copy, row_of("Nike"), RULES) == IMITATION
    assert decide_brands(copy, row_of(), RULES) == Verdict("REVIEW", ("brand.imitation", "brand.other"))


def test_a_fashion_word_beside_a_brand_is_fine_in_its_owners_row_only() -> None:
    style = BrandFindings(("Adidas",), resembled=("Adidas",))
    assert decide_brands(style, row_of("Adidas"), RULES) == PASS
    assert decide_brands(style, OwnBrands(shop=frozenset({"Adidas"})), RULES) == IMITATION


def test_a_term_that_is_a_brand_is_that_term_unless_the_row_or_the_shop_sells_it() -> None:
    drug = BrandFindings(homonyms=(OPIUM,))
    blocked = Verdict("BLOCK", ("words.drugs",))
    assert decide_brands(drug, row_of(), RULES) == blocked
    assert decide_brands(drug, OwnBrands(), RULES) == blocked
    assert decide_brands(drug, row_of("Opium"), RULES) == PASS
    assert decide_brands(drug, row_of("Yves Saint Laurent"), RULES) == PASS
    assert decide_brands(drug, OwnBrands(shop=frozenset({"Opium"})), RULES) == PASS


def test_a_policy_may_block_a_brand() -> None:
    strict = RULES.model_copy(update={"verdict": "BLOCK"})
    assert decide_brands(BrandFindings(("Nike",)), OwnBrands(), strict).decision == "BLOCK"


@given(named=BRANDS, imitated=BRANDS, row=BRANDS, shop=BRANDS, more=BRANDS, known=st.booleans())
def test_a_brand_more_that_is_sold_never_makes_a_verdict_worse(
    named: frozenset[str],
    imitated: frozenset[str],
    row: frozenset[str],
    shop: frozenset[str],
    more: frozenset[str],
    known: bool,
) -> None:
    findings = BrandFindings(tuple(sorted(named)), tuple(sorted(imitated)), homonyms=(OPIUM,))
    before = decide_brands(findings, OwnBrands(row, known, shop), RULES)
    after = decide_brands(findings, OwnBrands(row, known, shop | more), RULES)
    assert after.severity <= before.severity
    assert ("brand.imitation" in after.reasons) == bool(imitated)
