"""The brand that a prompt names decides over each slot, not over the image that slots share."""

import pytest
from pydantic import ValidationError

from catalogs.policy.prompt_rules import BrandRules, decide_brands
from catalogs.verdict import PASS, Verdict

BRANDS = BrandRules(names={"Nike": ("nike",)})
OTHER = Verdict("REVIEW", ("brand.other",))


def test_the_skus_own_brand_is_fine_and_any_other_is_for_a_person() -> None:
    assert decide_brands(("Nike",), {"Nike"}, BRANDS) == PASS
    assert decide_brands((), set(), BRANDS) == PASS
    assert decide_brands(("Nike",), set(), BRANDS) == OTHER
    assert decide_brands(("Nike",), {"Adidas"}, BRANDS) == OTHER
    assert decide_brands(("Nike", "Apple"), {"Nike"}, BRANDS) == OTHER


def test_a_policy_may_block_it() -> None:
    assert decide_brands(("Nike",), set(), BRANDS.model_copy(update={"verdict": "BLOCK"})).decision == "BLOCK"


def test_the_order_in_which_brands_are_written_means_nothing() -> None:
    one = BrandRules(names={"A": ("x", "y"), "B": ("z",)})
    assert one.model_dump_json() == BrandRules(names={"B": ("z",), "A": ("y", "x")}).model_dump_json()


def test_a_brand_without_a_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="a brand without a name is never found"):
        BrandRules(names={"A": (" ",)})
