"""A full run learns from whole catalogues which brands a shop sells, whatever their order and their batches."""

import random
from collections.abc import Sequence

import pyarrow as pa
import pytest

from catalogs.policy.brands.shop_brands import ShopBrands
from catalogs.policy.schema import built_in_policy, load_policy
from catalogs.recipe.loading import built_in_recipe
from tasks.gates.brand_learning import BrandLearner, prompt_fields
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
