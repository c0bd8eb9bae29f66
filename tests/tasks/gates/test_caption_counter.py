"""A recipe's captions are counted by the tokenizer of the model that reads them."""

import pytest

from infra.nano import MODEL_FOLDER
from tasks.gates.caption_counter import RecipeCaptionCounter
from tests.fixtures.sample_recipe import recipe_with

NANO = {"family": "z-image", "precision": "fp32", "source": str(MODEL_FOLDER)}
ELSEWHERE = {"family": "z-image", "source": "nobody/at-all", "revision": "0a" * 20}


def test_each_model_counts_by_its_own_tokenizer() -> None:
    pytest.importorskip("transformers")
    counter = RecipeCaptionCounter(recipe_with({"engine": "torch", "models": {"nano": NANO, "hub": ELSEWHERE}}))
    assert (counter.has_limit("nano"), counter.has_limit("hub")) == (True, True)
    assert counter.count_tokens("hub", "a red mug") is None
    short, long = counter.count_tokens("nano", "a red mug"), counter.count_tokens("nano", "a red mug " * 400)
    assert short is not None
    assert long is not None
    assert short < 40 < counter.limit == 512 < long
    assert counter.describe_excess(long).startswith(f"A caption has {long:,} tokens and the model reads 512: shorten")


def test_drawn_cards_have_no_limit() -> None:
    assert not RecipeCaptionCounter(recipe_with()).has_limit("stub")
