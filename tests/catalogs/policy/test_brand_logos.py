"""An image may show the brands that its prompt names, and no other."""

import pytest

from catalogs.policy.brand_logos import without_own_brands

BOTH = {
    "blur.foreground": 9.0,
    "logos.mark": 31.0,
    "logos.mark:Acme": 31.0,
    "logos.mark:Bolt & Co": 12.0,
    "logos.name": 92.0,
    "logos.name:Acme": 92.0,
}


def test_a_prompt_without_brands_keeps_every_brands_score() -> None:
    assert without_own_brands(BOTH, "a red mug") == BOTH


def test_the_brand_that_the_prompt_names_is_left_out_and_the_best_of_the_others_stands() -> None:
    assert without_own_brands(BOTH, "A red mug by ACME, on white") == {
        "blur.foreground": 9.0,
        "logos.mark": 12.0,
        "logos.mark:Bolt & Co": 12.0,
        "logos.name": 0.0,
    }


def test_all_brands_of_the_prompt_are_left_out() -> None:
    assert without_own_brands(BOTH, "Acme for Bolt-Co") == {
        "blur.foreground": 9.0,
        "logos.mark": 0.0,
        "logos.name": 0.0,
    }


@pytest.mark.parametrize("prompt", ["an acmeter", "ac me", "bolt", "co bolt", ""])
def test_half_a_name_is_no_name(prompt: str) -> None:
    assert without_own_brands(BOTH, prompt) == BOTH


def test_accents_and_case_do_not_make_another_brand() -> None:
    assert without_own_brands({"logos.name": 100.0, "logos.name:L'Oréal": 100.0}, "cream by L’OREAL") == {
        "logos.name": 0.0
    }


def test_scores_of_no_brand_are_left_as_they_are() -> None:
    assert without_own_brands({"file.bytes": 3.0}, "Acme") == {"file.bytes": 3.0}
    assert without_own_brands({"logos.mark": 0.0, "logos.name": 0.0}, "Acme") == {"logos.mark": 0.0, "logos.name": 0.0}
