"""A recipe is made from a source alone, and what it was made from can be told."""

from pathlib import Path

import pytest

from catalogs.errors import CatalogueError
from catalogs.recipe.loading import load_recipe
from flows.recipe_init import make_recipe
from infra.settings import Settings


def write(folder: Path, text: str) -> str:
    file = folder / "shop.csv"
    file.write_text(text, "utf-8")
    return str(file)


def test_the_recipe_loads_and_its_document_tells_all_of_it(tmp_path: Path) -> None:
    source = write(tmp_path, "Artikelnummer,Bezeichnung,Farbe,Preis\n0017,Holzbrett,natur,19\n0018,Glaskrug,klar,9\n")
    new = make_recipe(source, [], Settings(), 10)
    recipe = load_recipe(new.text, "shop.yaml")
    assert (recipe.columns["sku"], recipe.columns["title"], recipe.languages) == (
        "Artikelnummer", "Bezeichnung", ("en", "de")
    )  # fmt: skip
    document = new.document()
    assert document["export"] is None
    assert document["rows"]["accepted"] == 2
    assert [one["sku"] for one in document["prompts"]] == ["0017", "0018"]
    assert "Holzbrett" in document["prompts"][0]["prompt"]
    assert [(one["field"], one["columns"]) for one in document["fields"]] == [
        ("sku", ["Artikelnummer"]), ("title", ["Bezeichnung"]), ("color", ["Farbe"])
    ]  # fmt: skip
    assert document["not_read"] == ["Preis"]
    assert document["not_found"] == ("category", "material", "brand", "description")


def test_languages_of_the_titles_are_named_so_that_prompts_do_not_wait(tmp_path: Path) -> None:
    new = make_recipe(write(tmp_path, "sku,title\nA,Eine Schale aus Holz für den Herd\n"), [], Settings(), 1)
    assert new.document()["prompts"][0]["verdict"] == "PASS"
    assert "languages: [en, de]" in new.text


def test_a_table_without_titles_is_refused_with_its_columns(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="No column looks like a title"):
        make_recipe(write(tmp_path, "sku,price\nA,1\nB,2\nC,3\n"), [], Settings(), 10)
