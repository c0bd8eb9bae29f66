"""The lists that ship are whole, and a policy takes them up in full."""

import pytest

from catalogs.policy.word_lists import (
    expand_brand_list,
    expand_word_lists,
    packaged_brand_list,
    packaged_word_list,
    packaged_word_list_names,
)

LANGUAGES = ("en", "de", "fr", "es", "it", "ru")


def test_there_is_a_list_for_each_thing_that_a_marketplace_refuses() -> None:
    assert {
        "violence",
        "sexual",
        "minors",
        "hate",
        "politics",
        "drugs",
        "weapons",
        "self-harm",
        "tobacco",
        "alcohol",
    } <= {*packaged_word_list_names()}


@pytest.mark.parametrize("name", packaged_word_list_names())
def test_a_list_has_terms_and_no_term_or_phrase_twice(name: str) -> None:
    listed = packaged_word_list(name)
    assert len(listed.terms) >= 15
    assert len(set(listed.allow)) == len(listed.allow)
    assert all(term == term.strip() and term for term in (*listed.terms, *listed.allow))


@pytest.mark.parametrize("name", packaged_word_list_names())
def test_an_allowed_phrase_does_not_excuse_a_whole_list(name: str) -> None:
    assert not {*packaged_word_list(name).terms} & {*packaged_word_list(name).allow}


def test_no_phrase_excuses_what_concerns_children() -> None:
    assert packaged_word_list("minors").allow == ()


def test_a_list_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no word list '\.\./policy'; choose from adult, alcohol"):
        packaged_word_list("../policy")


def test_words_that_a_policy_adds_and_takes_out() -> None:
    told = {
        "lists": {"alcohol": "BLOCK"},
        "without": ["vodka", "vodka glass"],
        "categories": {"alcohol": {"terms": ["mead"]}, "spells": {"verdict": "REVIEW", "terms": ["hex"]}},
        "allow": ["hex key"],
    }
    taken = expand_word_lists(told)
    assert taken["categories"]["alcohol"]["verdict"] == "BLOCK"
    terms = taken["categories"]["alcohol"]["terms"]
    assert "mead" in terms
    assert "tequila" in terms
    assert "vodka" not in terms
    assert "hex key" in taken["allow"]
    assert "tequila glass" in taken["allow"]
    assert "vodka glass" not in taken["allow"]
    assert taken["categories"]["spells"] == {"verdict": "REVIEW", "terms": ["hex"]}
    assert told["lists"] == {"alcohol": "BLOCK"}, "what was told is left as it is"


@pytest.mark.parametrize(
    "told", [{}, {"lists": 3}, {"lists": {"alcohol": "BLOCK"}, "categories": 3}, {"categories": {}}]
)
def test_what_has_another_shape_is_left_for_the_model_to_name(told: dict[str, object]) -> None:
    assert expand_word_lists(told) == told


def test_brands_are_of_one_kind_each_and_none_is_without_a_name() -> None:
    brands = packaged_brand_list()
    assert len(brands.names) >= 100
    assert not brands.names.keys() & brands.devices.keys()
    for kind in brands:
        assert all(names and all(names) for names in kind.values())


def test_a_policy_begins_with_the_brands_that_ship_only_if_it_asks() -> None:
    assert expand_brand_list({"names": {"Acme": ["acme"]}}) == {"names": {"Acme": ["acme"]}}
    taken = expand_brand_list({"listed": True, "without": ["Nike"], "names": {"Acme": ["acme"], "Gucci": ["gg"]}})
    assert "Nike" not in taken["names"]
    assert (taken["names"]["Acme"], taken["names"]["Gucci"]) == (["acme"], ["gg"])
    assert taken["names"].keys() >= {"Adidas", "LEGO"}
    assert "listed" not in taken
