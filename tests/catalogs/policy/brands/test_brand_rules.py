"""Brand rules: what is written out, what counts in a digest, and what is refused."""

import pytest
from pydantic import ValidationError

from catalogs.policy.brands.brand_rules import BrandPhrases, BrandRules
from catalogs.policy.schema import Policy, built_in_policy, load_policy


def test_the_order_in_which_brands_are_written_means_nothing() -> None:
    one = BrandRules(names={"A": ("x", "y"), "B": ("z",)})
    assert one.model_dump_json() == BrandRules(names={"B": ("z",), "A": ("y", "x")}).model_dump_json()


def test_a_brand_without_a_name_and_an_empty_phrase_are_refused() -> None:
    with pytest.raises(ValidationError, match="a brand without a name is never found"):
        BrandRules(names={"A": (" ",)})
    with pytest.raises(ValidationError, match="a brand without a name is never found"):
        BrandPhrases(homonyms={"Opium": ()})
    with pytest.raises(ValidationError, match="an empty phrase stands beside every brand"):
        BrandPhrases(imitates=("dupe", " "))


def test_phrases_are_written_out_and_a_kept_policy_needs_no_file_to_be_read_again() -> None:
    policy = built_in_policy("default@2")
    assert policy.brands.phrases is not None
    assert "compatible with" in policy.brands.phrases.fits_before
    assert policy.brands.phrases.homonyms["Opium"] == ("opium",)
    kept = policy.model_dump_json()
    assert '"listed"' not in kept.replace('"listed":false', "")
    assert Policy.model_validate_json(kept).digest == policy.digest


def test_fields_that_were_added_later_count_in_the_digest_only_where_they_are_set() -> None:
    first = load_policy("extends: default@1", "shop.yaml")
    assert first.digest == built_in_policy("default").digest
    assert load_policy("extends: default@1\nbrands: {own: row}", "shop.yaml").digest == first.digest
    texts = [f"extends: default@1\nbrands: {{{field}}}" for field in ("own: shop", "phrases: listed")]
    assert len({first.digest, *(load_policy(text, "shop.yaml").digest for text in texts)}) == 3


def test_all_brands_that_a_text_is_searched_for_are_known() -> None:
    known = built_in_policy("default@2").brands.known_brands
    assert {"Nike", "Apple", "Gap", "Opium"} <= known
    assert BrandRules(names={"Nike": ("nike",)}).known_brands == {"Nike"}
