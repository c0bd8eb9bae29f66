"""A catalogue names photos where one of its first rows does, in a column that its recipe reads."""

from pathlib import Path
from typing import Any

import pytest

from catalogs.recipe.loading import built_in_recipe
from catalogs.recipe.schema import Recipe
from flows.wiring.photo_columns import names_photos, photo_columns, photo_wish
from infra.sources import Source, open_source


def source(folder: Path, text: str) -> Source:
    (folder / "catalogue.csv").write_text(text, "utf-8")
    return open_source(str(folder / "catalogue.csv"))


@pytest.mark.parametrize(
    ("text", "columns", "named"),
    [
        ("sku,title\nA,Mug\n", (), False),
        ("sku,title,photo\nA,Mug,mug.jpg\n", ("photo",), True),
        ("sku,title,reference_image\nA,Mug,\nB,Cup,cup.jpg\n", ("reference_image",), True),
        ("sku,title,reference_image\nA,Mug,\nB,Cup,  \n", ("reference_image",), False),
        ("sku,title,photo_front,photo_moon\nA,Mug,,moon.jpg\n", ("photo_front",), False),
        ("sku,title,image_link\nA,Mug,https://x.example/a.jpg\n", (), False),
        ("sku,title,photo\n", ("photo",), False),
    ],
)
def test_columns_and_first_rows_tell(tmp_path: Path, text: str, columns: tuple[str, ...], named: bool) -> None:
    recipe, opened = built_in_recipe(), source(tmp_path, text)
    assert "front" in recipe.views
    assert photo_columns(recipe, opened) == columns
    assert names_photos(recipe, opened) is named


def test_a_recipe_says_by_which_cutters_and_may_leave_photos_alone() -> None:
    wish = photo_wish(built_in_recipe())
    assert wish is not None
    assert (wish.cutters, wish.separator) == (("plain-ground", "u2netp"), None)
    chosen = photo_wish(with_rules({"cutters": ["plain-ground"], "separator": "|"}))
    assert chosen is not None
    assert (chosen.cutters, chosen.separator) == (("plain-ground",), "|")
    assert photo_wish(with_rules({"mode": "ignore"})) is None


def test_the_cutters_of_every_category_are_wished_for() -> None:
    shoes = {"shoes": {"photo": {"cutters": ["birefnet", "plain-ground"]}}}
    wish = photo_wish(with_rules({"cutters": ["plain-ground"]}, shoes))
    assert wish is not None
    assert wish.cutters == ("plain-ground", "birefnet")
    only_shoes = photo_wish(with_rules({"mode": "ignore"}, shoes))
    assert only_shoes is not None
    assert only_shoes.cutters == ("birefnet", "plain-ground")


def with_rules(photo: dict[str, Any], categories: dict[str, Any] | None = None) -> Recipe:
    content = built_in_recipe().model_dump(mode="json", exclude_none=True)
    return Recipe.model_validate(content | {"photo": photo, "categories": categories or {}})
