"""When a batch waits for a person's look: the words of a recipe, and what they make of a catalogue's releases."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import RuleFileError
from catalogs.recipe.loading import load_recipe
from catalogs.recipe.release_rule import ASK, NO_FACTS, ChangedRule, ReleaseFacts, ReleaseRule, asking_always
from tests.fixtures.minimal_recipes import stub_recipe_text

RULES: dict[ChangedRule, str] = {"recipe": "r1", "model": "m1", "policy": "p1"}


def rule_of(release: Any) -> ReleaseRule:
    rule = load_recipe(stub_recipe_text(release=release), "shop.yaml").release
    assert rule is not None
    return rule


def test_the_short_form_holds_every_batch() -> None:
    assert rule_of(ASK) == rule_of({"always": True}) == ReleaseRule(always=True)
    assert rule_of(ASK).find_reason(ReleaseFacts(999, RULES), RULES) == "every batch waits for a person's look"


@pytest.mark.parametrize(
    ("release", "message"),
    [
        ("always", "release: give `ask`, or a mapping"),
        ({"silent_after_hours": 3}, "release: say when a batch waits"),
        ({"first_nights": -1}, "release.first_nights"),
        ({"after_change": ["template"]}, "release.after_change"),
        ({"always": True, "silent_after_hours": 0}, "release.silent_after_hours"),
        ({"always": True, "until": 3}, "release.until"),
    ],
)
def test_a_rule_that_says_nothing_or_too_much_is_refused_by_its_name(release: Any, message: str) -> None:
    with pytest.raises(RuleFileError, match=message):
        rule_of(release)


@given(nights=st.integers(1, 1000), released=st.integers(0, 2000))
def test_nights_are_counted_until_there_were_enough(nights: int, released: int) -> None:
    reason = rule_of({"first_nights": nights}).find_reason(ReleaseFacts(released, RULES), RULES)
    assert reason == (f"it is release {released + 1} of the first {nights}" if released < nights else None)


def test_a_change_of_what_the_rule_names_is_said_and_of_nothing_else() -> None:
    rule = rule_of({"after_change": ["recipe", "policy"]})
    before = ReleaseFacts(5, RULES)
    assert rule.find_reason(before, RULES) is None
    assert rule.find_reason(before, {**RULES, "model": "m2"}) is None
    assert rule.find_reason(before, {**RULES, "policy": "p2"}) == "the policy changed since the last release"
    moved: dict[ChangedRule, str] = {"recipe": "r2", "model": "m2", "policy": "p2"}
    assert rule.find_reason(before, moved) == "the recipe and the policy changed since the last release"


def test_what_is_not_known_of_the_last_release_counts_as_changed() -> None:
    rule = rule_of({"after_change": ["model"]})
    assert rule.find_reason(NO_FACTS, RULES) == "the model changed since the last release"


def test_asking_for_one_run_keeps_the_rules_own_patience() -> None:
    patient = rule_of({"first_nights": 3, "silent_after_hours": 7})
    assert asking_always(patient) == ReleaseRule(always=True, first_nights=3, silent_after_hours=7)
    assert asking_always(None) == ReleaseRule(always=True)


def test_the_rule_enters_no_digest_of_the_recipe() -> None:
    plain = load_recipe(stub_recipe_text(), "shop.yaml")
    assert load_recipe(stub_recipe_text(release=ASK), "shop.yaml").digest == plain.digest
