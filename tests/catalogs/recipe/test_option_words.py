"""An option is a colour, a material or a size in any language of the prompt gates, and its words are frozen."""

import pytest

from catalogs.recipe.effective_recipe import EffectiveRecipes
from catalogs.recipe.option_words import OPTION_KINDS, is_colour, is_material, is_size, option_words_digest
from catalogs.recipe.templates import compile_template
from tests.fixtures.sample_recipe import recipe_with

FROZEN = "a22501696e0c4a205e507c7d3e158e4f08f92077c68e28b55de98ac5fcf861c0"
"""The digest of all words. A changed list changes prompts, and so remakes pictures of the shops that use its test:
change a list only with a new number of the built-in recipes that use it."""

COLOURS = [
    "Color", "colour", "COLOUR:", "Farbe", "Rahmenfarbe", "Bezugs-Farbe", "Couleur", "Couleur du cadre", "Coloris",
    "Colores", "Colore", "Cor", "Kleur", "Framekleur", "Kolor", "Färg", "Farve", "Väri", "Szín", "Renk", "Цвет", "色",
    "カラー", "本体カラー", "ｶﾗｰ", "颜色", "색상", "Choose color", "color_1", "Finish",
]  # fmt: skip
MATERIALS = [
    "Material",
    "Obermaterial",
    "Stoff",
    "Matière",
    "MATIERE",
    "Tejido",
    "Materiaal",
    "Materiał",
    "素材",
    "材质",
]
SIZES = [
    "Size", "Größe", "GRÖSSE", "Groesse", "Schuhgröße", "Taille", "Pointure", "Talla", "Taglia", "Tamanho", "Maat",
    "Rozmiar", "Storlek", "Размер", "サイズ", "寸法", "尺码", "사이즈", "Length", "Tischlänge", "Format", "Pack size",
]  # fmt: skip
SIZES_THEMSELVES = [
    "XL",
    "s",
    "M/L",
    "3XL",
    "42",
    "EU 42",
    "41 1/3",
    "10 ml",
    "120 x 80 cm",
    "40x40",
    '12"',
    "One Size",
    "Ｌ",
]
NEITHER = [
    "",
    "Title",
    "Default Title",
    "Style",
    "Scent",
    "Senteur",
    "Colorado",
    "Corner",
    "Motiv",
    "Red",
    "Moss",
    "Eiche",
]


@pytest.mark.parametrize("name", COLOURS)
def test_a_colour_is_known_by_its_name(name: str) -> None:
    assert is_colour(name)
    assert not is_size(name)


@pytest.mark.parametrize("name", MATERIALS)
def test_a_material_is_known_by_its_name(name: str) -> None:
    assert is_material(name)
    assert not is_size(name)


@pytest.mark.parametrize("name", SIZES + SIZES_THEMSELVES)
def test_a_size_is_known_by_its_name_or_itself(name: str) -> None:
    assert is_size(name)
    assert not is_colour(name)
    assert not is_material(name)


@pytest.mark.parametrize("name", NEITHER)
def test_other_options_are_none_of_them(name: str) -> None:
    assert [test(name) for test in (is_colour, is_material, is_size)] == [False] * 3


def test_the_words_do_not_move_by_themselves() -> None:
    assert option_words_digest(OPTION_KINDS) == FROZEN
    assert len({option_words_digest([kind]) for kind in OPTION_KINDS}) == 3


def test_a_template_asks_with_is() -> None:
    template = compile_template(
        "{% if name is colour or name is material %}{{ value }}{% endif %}", ("name", "value"), "t"
    )
    assert template.option_tests == {"colour", "material"}
    assert template.render({"name": "Farbe", "value": "Rot"}) == "Rot"
    assert template.render({"name": "Größe", "value": "L"}) == ""


def test_the_words_count_only_where_a_template_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def slice_digest(template: str) -> bytes:
        recipe = recipe_with({"defaults.template": template, "categories": {}})
        return EffectiveRecipes(recipe).get("", "front", "a", "standard", "stub").digest

    asking, plain = "{{ title }}{% if color is size %}!{% endif %}", "{{ title }}{% if color is defined %}!{% endif %}"
    before = slice_digest(asking), slice_digest(plain)
    monkeypatch.setattr("catalogs.recipe.effective_recipe.option_words_digest", lambda kinds: f"other {sorted(kinds)}")
    assert slice_digest(asking) != before[0]
    assert slice_digest(plain) == before[1]
