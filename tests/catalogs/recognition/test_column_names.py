"""Column names mean the same whatever their case, accents and punctuation, in every language of the list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.recognition.column_names import folded, meanings, split_locale
from catalogs.rule_files import parse_yaml_mapping, read_packaged_rules

NAMES = parse_yaml_mapping(read_packaged_rules("column-names"), "column-names.yaml")
SPELLINGS = [
    (field, language, spelling)
    for field, languages in NAMES.items()
    for language, spellings in languages.items()
    for spelling in spellings
]


def test_every_field_has_names_in_the_languages_of_the_prompt_gates() -> None:
    for field in ("sku", "title", "description", "category", "color", "material", "brand", "size"):
        assert {"en", "de", "fr", "es", "it", "nl", "pt", "pl", "ja"} <= NAMES[field].keys(), field


@given(
    st.sampled_from(SPELLINGS), st.sampled_from(["lower", "upper", "title"]), st.sampled_from(["_", "-", ".", " ", ""])
)
def test_a_known_name_is_known_in_any_case_and_with_any_separator(
    known: tuple[str, str, str], case: str, separator: str
) -> None:
    field, language, spelling = known
    written = getattr(spelling, case)().replace(" ", separator)
    found = {one.field: one for one in meanings(f"  {written}")}
    assert field in found
    assert language in found[field].languages


@pytest.mark.parametrize(
    ("name", "field", "languages"),
    [
        ("Artikel-Nr.", "sku", ("de", "sv")),
        ("productDisplayName", "title", ("en",)),
        ("g:title", "title", ("en",)),
        ("Désignation", "title", ("fr",)),
        ("DESIGNACAO", "title", ("pt",)),
        ("Nazwa produktu", "title", ("pl",)),
        ("商品名", "title", ("ja",)),
        ("ﾌﾞﾗﾝﾄﾞ", "brand", ("ja",)),
        ("Größe", "size", ("de",)),
        ("name-de_DE", "title", ("de",)),
        ("description (fr)", "description", ("fr",)),
    ],
)
def test_a_name_means_its_field_in_its_languages(name: str, field: str, languages: tuple[str, ...]) -> None:
    first = meanings(name)[0]
    assert (first.field, first.languages) == (field, languages)


@pytest.mark.parametrize("name", ["", "   ", "foo", "x1", "…", "_", "\u200e"])
def test_an_unknown_name_means_nothing(name: str) -> None:
    assert meanings(name) == ()


def test_a_language_tag_is_split_off_and_a_word_is_not() -> None:
    assert split_locale("name-en_US") == ("name", "en_US")
    assert split_locale("title (de)") == ("title", "de")
    assert split_locale("catalogue") == ("catalogue", None)
    assert split_locale("brand") == ("brand", None)


@given(st.text())
def test_folding_is_stable_and_never_fails(text: str) -> None:
    once = folded(text)
    assert folded(once) == once or not once.isascii()
    assert folded(f" {text} ") == once
