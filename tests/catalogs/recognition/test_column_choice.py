"""In a table that nobody knows, names propose and values decide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.recognition.column_choice import FieldChoice, choose_columns
from catalogs.recognition.column_profiles import profile

Table = dict[str, list[str]]
TITLES = ["Oak tray, large", "Pine bowl", "Linen apron with pocket", "Brass ring dish"]
CODES = ["A-1", "A-2", "B-7", "C-9"]


def choices(table: Table) -> dict[str, FieldChoice]:
    found = choose_columns({name: profile(values) for name, values in table.items()}, table)
    return {choice.field: choice for choice in found}


def columns(table: Table) -> dict[str, tuple[str, ...]]:
    return {field: choice.columns for field, choice in choices(table).items()}


@pytest.mark.parametrize(
    ("sku", "title", "color", "language"),
    [
        ("Artikelnummer", "Bezeichnung", "Farbe", "de"),
        ("Référence", "Désignation", "Coloris", "fr"),
        ("Código de producto", "Nombre del producto", "Nombre del color", "es"),
        ("Codice articolo", "Nome prodotto", "Colore", "it"),
        ("Artikelcode", "Productnaam", "Kleur", "nl"),
        ("Código do produto", "Nome do produto", "Cor", "pt"),
        ("Kod towaru", "Nazwa towaru", "Kolor", "pl"),
        ("商品番号", "商品名", "カラー", "ja"),
        ("sku_code", "Product Name", "baseColour", "en"),
    ],
)
def test_columns_are_found_by_their_names_in_nine_languages(sku: str, title: str, color: str, language: str) -> None:
    table = {"Preis": ["1,00", "2,00", "3,00", "4,00"], title: TITLES, color: ["rot", "blau", "rot", ""], sku: CODES}
    found = choices(table)
    assert {field: choice.columns for field, choice in found.items()} == {
        "sku": (sku,), "title": (title,), "color": (color,)
    }  # fmt: skip
    assert language in found["title"].languages
    assert [choice.doubt for choice in found.values()] == [None, None, None]


def test_a_sku_that_repeats_is_joined_with_colour_and_size() -> None:
    table = {"style number": ["S1", "S1", "S1", "S2"], "name": TITLES, "colour": ["red", "red", "blue", "red"],
             "size": ["S", "M", "S", "S"]}  # fmt: skip
    found = choices(table)["sku"]
    assert found.columns == ("{{ style number }}-{{ colour }}-{{ size }}",)
    assert "repeats" in found.why


def test_a_sku_that_repeats_without_a_reason_is_taken_with_a_doubt() -> None:
    found = choices({"sku": ["A", "B", "C", "C"], "title": TITLES})["sku"]
    assert found.columns == ("sku",)
    assert found.doubt == "25% of its values repeat another: such rows are rejected"


def test_a_sku_that_is_empty_in_some_rows_is_helped_by_another_name() -> None:
    found = choices({"SKU": ["A", "", "C", "D"], "ID": ["17", "9", "4", "12"], "title": TITLES})["sku"]
    assert found.columns == ("ID",), "an id in every row is better than a SKU in most"
    table = {"SKU": ["A", "", "C", "D"], "EAN": ["4006381333931", "4006381333948", "", ""], "title": TITLES}
    assert choices(table)["sku"].columns == ("SKU", "EAN")


def test_without_a_known_name_a_column_that_names_every_row_is_taken_and_doubted() -> None:
    table = {"": ["0", "1", "2", "3"], "kolumna": CODES, "opis towaru": TITLES, "cena": ["3", "4", "5", "6"]}
    found = choices(table)
    assert found["sku"].columns == ("kolumna",)
    assert found["sku"].doubt == "no column has a name that means SKU"
    assert found["title"].columns == ("opis towaru",)
    assert found["title"].doubt == "no column is called title"


def test_a_column_that_counts_the_rows_is_no_sku() -> None:
    assert "sku" not in choices({"": ["0", "1", "2", "3"], "n": ["1", "2", "3", "4"], "title": TITLES})


def test_prices_links_and_constants_are_never_a_sku_or_a_title() -> None:
    table = {
        "name": ["same"] * 4, "label": TITLES, "code": ["x"] * 4,
        "photo": [f"https://example.com/{n}.jpg" for n in range(4)], "price": ["1.5", "2.5", "3.5", "4.5"],
    }  # fmt: skip
    assert columns(table) == {"title": ("label",)}


def test_long_texts_without_a_known_name_are_the_description() -> None:
    texts = [f"{title} is made by hand from one piece, and oiled twice before it leaves us." for title in TITLES]
    assert columns({"sku": CODES, "title": TITLES, "blurb": texts})["description"] == ("blurb",)


@given(st.permutations(["sku", "title", "color", "price"]))
def test_the_order_of_columns_does_not_move_a_choice(order: list[str]) -> None:
    values = {"sku": CODES, "title": TITLES, "color": ["red", "blue", "red", "tan"], "price": ["1", "2", "3", "4"]}
    assert columns({name: values[name] for name in order}) == {
        "sku": ("sku",),
        "title": ("title",),
        "color": ("color",),
    }


@given(st.dictionaries(st.text(max_size=12), st.lists(st.text(max_size=12), min_size=3, max_size=3), max_size=6))
def test_any_table_gives_choices_of_its_own_columns_or_none(table: Table) -> None:
    for choice in choose_columns({name: profile(values) for name, values in table.items()}, table):
        assert all(name in table or "{{" in name for name in choice.columns)
        assert choice.why
