"""A language is unexpected only where that is sure: short titles full of names must pass."""

import pytest

from infra.scanners.languages import SCRIPTS, LanguageScanner

ENGLISH = LanguageScanner(["en"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Photo of Кружка синяя on white", ("CYRILLIC",)),
        ("コーヒーマグカップ", ("KATAKANA",)),
        ("湯呑み 青磁", ("CJK",)),
        ("세라믹 머그컵", ("HANGUL",)),
        ("कॉफी मग", ("DEVANAGARI",)),
        ("كوب قهوة", ("ARABIC",)),
        ("Κεραμική κούπα", ("GREEK",)),
        ("a pіstol with one Cyrillic letter", ("CYRILLIC",)),
        ("Photo of Tasse mit Henkel und Deckel, front view", ("de",)),
        ("Tasse avec anse et couvercle", ("fr",)),
        ("Taza para el café con asa", ("es", "pt")),
        ("Kubek dla dzieci na kawę", ("pl",)),
    ],
)
def test_another_language_is_found(text: str, found: tuple[str, ...]) -> None:
    assert set(ENGLISH.scan(text)) & set(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Stoneware mug, sage green, made of clay, front view, centred on a pure white background",
        "Crème brûlée dish, café au lait bowl, à la carte board",
        "Los Angeles and Las Vegas del Mar map, Fleur de la Mer",
        "Van der Graaf generator, Das Boot poster, Mit Liebe",
        "Ω-3 capsules, 5 μm filter, β-carotene, ΔE meter",
        "Lucky cat 福 ornament",
        "Sans serif poster, pour over kettle, para cord, sin city",
        "Tasse",
        "🎉 party ball ™ ® № 5",
        "a b c 1 2 3",
    ],
)
def test_what_is_not_sure_passes(text: str) -> None:
    assert ENGLISH.scan(text) == ()


def test_the_languages_that_are_named_are_expected() -> None:
    assert LanguageScanner(["en", "de"]).scan("Tasse mit Henkel und Deckel") == ()
    assert LanguageScanner(["ja"]).scan("湯呑み コーヒー") == ()
    assert LanguageScanner(["en", "ru"]).scan("Кружка синяя") == ()
    assert LanguageScanner(["es"]).scan("Taza para el café con una asa") == ()


def test_a_catalogue_in_another_script_expects_its_latin_names_too() -> None:
    assert LanguageScanner(["ru"]).scan("Кружка Tall Latte 350 ml") == ()


def test_every_script_is_one_that_unicode_names() -> None:
    assert {"CYRILLIC", "CJK", "HANGUL"} <= {script for scripts in SCRIPTS.values() for script in scripts.split()}


@pytest.mark.parametrize("text", ["ж" * 200_000, "mit " * 100_000, "é" * 200_000, "\u0301" * 200_000])
def test_a_hostile_text_ends(text: str) -> None:
    assert set(ENGLISH.scan(text)) <= {"CYRILLIC"}
