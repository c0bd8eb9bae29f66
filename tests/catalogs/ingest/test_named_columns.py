"""Every name of a column in a recipe is asked for."""

from catalogs.ingest.named_columns import named_columns
from catalogs.recipe.loading import built_in_recipe


def test_columns_are_named_by_mappings_filters_and_inheritance() -> None:
    recipe = built_in_recipe("shopify").model_copy(
        update={"columns": {"sku": "item[0].id", "title": "{{ Title }} {{ Option1 Value }}", "color": "Title"}}
    )
    assert recipe.inherit is not None
    expected = dict.fromkeys(
        ["item[0].id", "Title", "Option1 Value", *recipe.ignore_when_empty, recipe.inherit.by],
    )
    assert named_columns(recipe) == (*expected,)
