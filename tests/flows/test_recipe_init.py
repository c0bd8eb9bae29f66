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


def test_how_a_file_is_read_by_option_stands_in_the_recipe(tmp_path: Path) -> None:
    source = write(tmp_path, "Stock list|||\n|||\nsku|title|price|\nA-1|Oak tray; large|19|\nA-2|Linen apron|39|\n")
    new = make_recipe(source, ["separator=|", "header_row=3"], Settings(), 10)
    assert "source: {separator: '|', header_row: 3}" in new.text
    assert [one["sku"] for one in new.preview.prompts] == ["A-1", "A-2"]
    assert "Oak tray; large" in new.preview.prompts[0]["prompt"]


def test_rows_that_cannot_be_read_are_counted_and_named(tmp_path: Path) -> None:
    source = write(tmp_path, "sku,title,color\nA-1,Oak tray,natural\nA-2,Apron, grey, large\nA-3,Ring dish,brass\n")
    document = make_recipe(source, [], Settings(), 10).document()
    assert (document["rows"]["accepted"], document["rows"]["damaged"]) == (2, 1)
    assert "has 4 values and the header has 3" in document["rejects"][0]["reason"]


def test_nested_values_are_read_by_the_part_that_is_a_text(tmp_path: Path) -> None:
    file = tmp_path / "shop.jsonl"
    file.write_text(
        '{"code": "A-1", "name": [{"lang": "en", "value": "Oak tray"}], "brand": {"id": 7, "name": "Nord"}}\n'
        '{"code": "A-2", "name": [{"lang": "en", "value": "Linen apron"}], "brand": {"id": 7, "name": "Nord"}}\n',
        "utf-8",
    )
    new = make_recipe(str(file), [], Settings(), 10)
    columns = {one["field"]: one["columns"] for one in new.document()["fields"]}
    assert (columns["title"], columns["brand"]) == (["name[0].value"], ["brand.name"])
    assert "Linen apron" in new.preview.prompts[1]["prompt"]
    assert new.document()["not_read"] == []


def test_a_column_of_photos_is_read_though_the_recipe_does_not_map_it(tmp_path: Path) -> None:
    source = write(tmp_path, "sku,title,photo,image_link\nA,Oak tray,a.jpg,https://example.com/a\nB,Jug,,\n")
    assert make_recipe(source, [], Settings(), 10).document()["not_read"] == ["image_link"]
