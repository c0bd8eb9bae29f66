"""Recipe hints: the right recipe for an export that was read with the wrong one, and never the one in use."""

import pytest

from catalogs.recipe.built_in import built_in_ids
from catalogs.recipe.loading import built_in_recipe, load_recipe
from catalogs.recipe.schema import Recipe
from catalogs.recognition.recipe_hint import recipe_hint

SHOPIFY = [
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Option1 Name", "Option1 Value", "Option2 Name",
    "Option2 Value", "Option3 Name", "Option3 Value", "Variant SKU", "Variant Price",
]  # fmt: skip
WOOCOMMERCE = ["ID", "Type", "SKU", "Name", "Regular price", "Visibility in catalog", "Parent"]
OWN = load_recipe("extends: shopify@1\ncolumns: {brand: Marke}", "shop.yaml")


@pytest.mark.parametrize(
    ("recipe", "columns", "hint"),
    [
        (built_in_recipe(), SHOPIFY, "It looks like a Shopify export: try --recipe shopify@"),
        (built_in_recipe("shopify"), SHOPIFY[:-3], "It looks like a Shopify export: `packshot recipe init SOURCE`"),
        (OWN, SHOPIFY, "It looks like a Shopify export: `packshot recipe init SOURCE` writes a recipe for it."),
        (built_in_recipe(), WOOCOMMERCE, "It looks like a WooCommerce export: `packshot recipe init SOURCE`"),
        (built_in_recipe("shopify"), ["sku", "title"], "A built-in recipe reads it as it is: try --recipe default@"),
        (built_in_recipe(), ["a", "b"], "Map it under columns, or start anew: `packshot recipe init SOURCE`"),
    ],
)
def test_the_hint_names_what_fits(recipe: Recipe, columns: list[str], hint: str) -> None:
    assert recipe_hint(recipe, columns).startswith(hint)


@pytest.mark.parametrize("name", [str(recipe) for recipe in built_in_ids()])
@pytest.mark.parametrize("columns", [SHOPIFY, SHOPIFY[:-3], WOOCOMMERCE, ["sku", "title"], []])
def test_no_hint_names_the_recipe_in_use(name: str, columns: list[str]) -> None:
    assert f"--recipe {name}." not in recipe_hint(built_in_recipe(name), columns)
