"""A proposal says in few lines what differs from the built-in recipe, why, and what is doubtful."""

import csv
import io

import pytest

from catalogs.errors import CatalogueError
from catalogs.recipe.built_in import newest_number
from catalogs.recipe.loading import built_in_recipe
from catalogs.recognition.proposal import RecipeProposal, SourceSample, propose

BASE = {name: built_in_recipe(str(newest_number(name))) for name in ("default", "options", "shopify")}


def sample_of(text: str, separator: str = ",") -> SourceSample:
    header, *rows = csv.reader(io.StringIO(text.strip()), delimiter=separator)
    return SourceSample(tuple(header), {name: [row[at] for row in rows] for at, name in enumerate(header)})


def proposal_of(text: str, separator: str = ",", languages: tuple[str, ...] = ()) -> RecipeProposal:
    return propose(sample_of(text, separator), BASE, languages)


def test_a_woocommerce_export_takes_variations_and_their_parents_values() -> None:
    proposal = proposal_of("""
ID,Type,SKU,Name,Published,Is featured?,Short description,Categories,Parent,Attribute 1 name,Attribute 1 value(s),Brands
7,variable,MUG,Stone mug,1,0,Wheel thrown,Kitchen > Mugs,,Glaze,"Oat, Moss",Nord
8,variation,MUG-O,Stone mug - Oat,1,0,,,MUG,Glaze,Oat,
9,variation,,Stone mug - Moss,1,0,,,id:7,Glaze,Moss,
""")
    assert proposal.kind is not None
    assert proposal.kind.name == "WooCommerce"
    assert proposal.content["columns"]["sku"] == ["SKU", "ID"]
    assert proposal.content["columns"]["option"] == "Attribute 1 value(s)"
    assert proposal.content["only"] == {"Type": ["simple", "variation", "external"], "Published": ["1"]}
    assert proposal.content["inherit"] == {
        "by": "Parent", "from": ["SKU", "ID"], "fields": ["category", "description", "brand"]
    }  # fmt: skip
    assert proposal.doubts == ["a variation's name holds its options, so each size has a prompt of its own"]


def test_a_translated_woocommerce_export_is_one_too() -> None:
    proposal = proposal_of("""
ID,Typ,Artikelnummer,Name,Veröffentlicht,Ist hervorgehoben?,Sichtbarkeit im Katalog,Kategorien,Übergeordnetes Produkt
7,simple,BE-1,Steingutbecher,1,0,visible,Küche,
""")
    assert proposal.content["columns"] == {
        "sku": ["Artikelnummer", "ID"], "title": "Name", "category": "Kategorien"
    }  # fmt: skip
    assert proposal.content["only"]["Typ"] == ["simple", "variation", "external"]


def test_an_akeneo_export_is_read_in_english_where_it_has_it() -> None:
    header = "uuid;sku;categories;enabled;family;parent;groups;name-de_DE;name-en_US;variation_name-en_US"
    english = proposal_of(
        f"{header}\nu;tray;kitchen;1;trays;;;Tablett;Tray;\nv;bowl;kitchen;1;bowls;;;Schale;Bowl;", ";"
    )
    assert english.content["columns"]["title"] == ["name-en_US", "variation_name-en_US"]
    assert "languages" not in english.content
    german = proposal_of(f"{header}\nu;tray;kitchen;1;trays;;;Tablett;;\nv;bowl;kitchen;1;bowls;;;Schale;;", ";")
    assert german.content["columns"]["title"][0] == "name-de_DE"
    assert german.content["languages"] == ["en", "de"]


def test_what_a_built_in_recipe_reads_by_itself_is_not_repeated() -> None:
    proposal = proposal_of("""
id,title,description,link,price,availability,brand,color
1,Wool hat,Warm,https://shop.example/1,24 EUR,in_stock,Fjell,Moss
2,Enamel pot,Classic,https://shop.example/2,39 EUR,in_stock,Fjell,White
""")
    assert proposal.content == {"columns": {"sku": "id"}}


def test_a_rule_that_would_leave_out_every_row_is_left_out_itself_and_said() -> None:
    proposal = proposal_of("""
sku,store_view_code,attribute_set_code,product_type,name,additional_attributes
A,,Top,bundle,Set of two,
""")
    assert "product_type" not in proposal.content["only"]
    assert proposal.doubts[0] == "product_type has none of simple in the first rows, so every row is read"


def test_a_table_of_nobodys_is_read_by_names_and_values() -> None:
    proposal = proposal_of(
        """
Artikelnr;Bezeichnung;Farbe;width;Preis
1001;Eichentablett;natur;51,0;19,00
1002;Kiefernschale;weiß;33,5;24,00
""",
        ";",
    )
    assert proposal.kind is None
    assert proposal.content["columns"] == {
        "sku": "Artikelnr", "title": "Bezeichnung", "color": "Farbe", "width": None
    }  # fmt: skip
    assert proposal.content["languages"] == ["en", "de"]
    assert proposal.not_found == ("category", "material", "brand", "description")


def test_languages_of_the_titles_are_added_to_the_recipes() -> None:
    proposal = proposal_of("sku,title\nA-1,Vassoio di rovere\nA-2,Ciotola di pino", languages=("it", "en"))
    assert proposal.content == {"languages": ["en", "it"]}


def test_a_table_without_a_title_is_refused_with_its_columns() -> None:
    with pytest.raises(CatalogueError, match=r"No column looks like a title; the source has 'sku', 'price'\. Write"):
        proposal_of("sku,price\nA,1\nB,2\nC,3")


def test_an_empty_source_is_refused() -> None:
    with pytest.raises(CatalogueError, match="No column looks like a sku or a title"):
        propose(SourceSample((), {}), BASE)
