"""Word rules are the same whatever order they are written in, and refuse what would match nothing."""

import pytest
from pydantic import ValidationError

from catalogs.policy.brands.brand_decisions import NO_FINDINGS
from catalogs.policy.prompt_rules import PromptVerdict, WordCategory, WordRules
from catalogs.verdict import PASS


def test_the_order_in_which_terms_are_written_means_nothing() -> None:
    one = WordRules(categories={"arms": WordCategory(verdict="BLOCK", terms=("b", "a", "a"))}, allow=("y", "x"))
    other = WordRules(categories={"arms": WordCategory(verdict="BLOCK", terms=("a", "b"))}, allow=("x", "y", "x"))
    assert one == other
    assert one.terms_by_category == {"arms": ("a", "b")}


def test_an_empty_term_is_refused() -> None:
    with pytest.raises(ValidationError, match="an empty entry matches nothing"):
        WordCategory(verdict="BLOCK", terms=("gun", " "))
    with pytest.raises(ValidationError, match="an empty entry matches nothing"):
        WordRules(allow=("",))


def test_a_prompt_that_names_no_brand_has_nothing_to_judge_for_each_slot() -> None:
    assert PromptVerdict(PASS).brands is NO_FINDINGS
    assert not NO_FINDINGS
