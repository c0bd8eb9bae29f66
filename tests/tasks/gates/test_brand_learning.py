"""A full run learns from whole catalogues which brands a shop sells, whatever their order and their batches."""

import random
import unicodedata
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.policy.brands.shop_brands import ShopBrands
from catalogs.policy.schema import built_in_policy, load_policy
from catalogs.recipe.loading import built_in_recipe
from infra.scanners.text_normalization import WORD, fold
from tasks.gates.brand_learning import BrandLearner, prompt_fields, space_words
from tasks.gates.prompt_gate import PolicyPromptGate
from tests.fixtures.sample_recipe import recipe_with

POLICY = built_in_policy("default@2")
RECIPE = built_in_recipe("default")
Row = tuple[str, str]
"""Title and brand."""


def learned(rows: Sequence[Row], batch_rows: int = 1000, known: ShopBrands | None = None) -> list[str]:
    learner = BrandLearner(POLICY, RECIPE, known or ShopBrands(0))
    for first in range(0, len(rows), batch_rows):
        titles, brands = zip(*rows[first : first + batch_rows], strict=True)
        learner.add(pa.table({"title": pa.array(titles, pa.string()), "brand": pa.array(brands, pa.string())}))
    return learner.learned


def three(text: str, brand: str = "") -> list[Row]:
    return [(text.format(number), brand) for number in ("one", "two", "three")]


@pytest.mark.parametrize(
    ("text", "brand", "sold"),
    [
        ("Nike shoe {}", "", ["Nike"]),
        ("Shoe {}, by COCA-COLA", "", ["Coca-Cola"]),
        ("Levi's 501 ({})", "", ["Levi Strauss"]),
        ("Kånken rucksack {}", "", ["Fjällräven"]),
        ("Shoe {}", "Nike, Inc.", ["Nike"]),
        ("Pie dish {}", "Apple", ["Apple"]),
        ("Apple pie dish {}", "", []),
        ("Case {} for iPhone", "", []),
        ("Nike shoe {}", "Acme", []),  # its brand is known, and is none that a prompt is searched for
        ("Rolex replica {}", "", []),
        ("N1ke shoe {}", "", []),  # who disguises a name does not sell it openly
        ("Opium sunglasses {}", "", ["Opium"]),
        ("Black Opium eau de parfum {}", "", ["Yves Saint Laurent"]),
        ("Opium {} g", "", []),
        ("Mug {}", "", []),
    ],
)
def test_what_three_titles_name_as_the_goods_own_is_sold(text: str, brand: str, sold: list[str]) -> None:
    assert learned(three(text, brand)) == sold
    assert learned(three(text, brand)[:2] * 50) == []


def test_neither_order_nor_batches_nor_other_rows_change_what_is_learned() -> None:
    chance = random.Random(7)
    rows = [row for brand in ("Nike", "Adidas", "Gucci") for row in three(f"{brand} thing {{}}")]
    rows += [("One Disney mug", ""), ("Two Disney mugs", "")] + [(f"Mug {number}", "") for number in range(50)]
    for batch_rows in (1, 3, 7, 1000):
        chance.shuffle(rows)
        assert learned(rows, batch_rows) == ["Adidas", "Gucci", "Nike"]


def test_what_is_known_or_refused_is_not_learned_again() -> None:
    known = ShopBrands(3, {"Nike": "person"}, frozenset({"Gucci"}))
    rows = [row for brand in ("Nike", "Adidas", "Gucci") for row in three(f"{brand} thing {{}}")]
    assert learned(rows, known=known) == ["Adidas"]


def test_the_texts_of_all_templates_are_read_and_a_table_may_lack_any_of_them() -> None:
    recipe = recipe_with({"categories": {"shoes": {"template": "{{ title }}, {{ color }}"}}})
    assert {"title", "color"} <= set(prompt_fields(recipe))
    assert "sku" not in prompt_fields(recipe)
    learner = BrandLearner(POLICY, RECIPE)
    learner.add(pa.table({"sku": ["a", "b"]}))
    learner.add(pa.table({"title": pa.array([], pa.string())}))
    assert learner.learned == []


def test_a_policy_without_phrases_teaches_by_the_brand_column_alone() -> None:
    learner = BrandLearner(load_policy("extends: default@1\nbrands: {own: shop}", "x"), RECIPE)
    learner.add(pa.table({"title": [f"Nike {n}" for n in "abc"], "brand": ["", "", ""]}))
    assert learner.learned == []
    learner.add(pa.table({"title": [f"Shoe {n}" for n in "abc"], "brand": ["Nike"] * 3}))
    assert learner.learned == ["Nike"]


LEARNER = BrandLearner(POLICY, RECIPE)
GATE = PolicyPromptGate(POLICY, RECIPE.languages)
NAMES = sorted({name for brand in POLICY.brands.known_brands for name in (brand, *GATE.text_names(brand))})
SEPARATORS = st.sampled_from([*" -/_&+,.®™’'„“–\t\u00a0\u200b\u3000\u0301\x00新用", "", "'s ", "® ", "-Schuhe ", "S "])
SPELLINGS = (str.upper, str.title, str.lower, lambda name: unicodedata.normalize("NFD", name), lambda name: name + "s")
WORDS = st.one_of(
    st.builds(lambda name, spell: spell(name), st.sampled_from(NAMES), st.sampled_from(SPELLINGS)),
    st.builds(lambda name, gap: name.replace(" ", gap).replace("-", gap), st.sampled_from(NAMES), SEPARATORS),
    st.sampled_from(["for", "replica", "red", "sunglasses", "N1ke", "ＮＩＫＥ", "n/a"]),
    st.text(st.characters(codec="utf-8"), max_size=3),
)
TEXTS = st.lists(st.tuples(WORDS, SEPARATORS).map("".join), max_size=3).map("".join)


@settings(max_examples=400)
@given(TEXTS, st.one_of(st.just(""), TEXTS))
def test_the_quick_choice_loses_no_row_that_names_a_brand(text: str, brand: str) -> None:
    owners, texts = (pa.chunked_array([pa.array(values, pa.string())]) for values in (["", brand], ["Mug", text]))
    assert LEARNER.find_candidates(owners, texts).to_pylist() == [1] or not GATE.sold_brands(text, brand)


def test_a_row_whose_brand_no_list_has_is_not_looked_at() -> None:
    owners, texts = (pa.chunked_array([values]) for values in (["Acme", "n/a", "Nike"], ["Nike mug"] * 3))
    assert sorted(LEARNER.find_candidates(owners, texts).to_pylist()) == [1, 2]


def test_words_of_a_column_are_those_of_the_scanners() -> None:
    texts = [text for code in range(0x3100) for text in (f"Nike{chr(code)}x", f"{chr(code)}Red Bull")]
    expected = [fold(" ".join(WORD.findall(text))).split() for text in texts]
    assert [text.split() for text in space_words(pa.array(texts)).to_pylist()] == expected


@pytest.mark.parametrize(
    "text",
    [
        "Nike® shoe {}",
        "Shoe {} „Nike“",
        "Nike's shoe {}",
        "Nike-Schuh {}",
        "Shoe/Nike {}",
        "新品Nike {}",
        "ＮＩＫＥ {}",
    ],
)
def test_a_name_is_found_whatever_stands_around_it(text: str) -> None:
    assert learned(three(text)) == ["Nike"]
    assert learned(three("Shoe {}", text.format(""))) == ["Nike"]
