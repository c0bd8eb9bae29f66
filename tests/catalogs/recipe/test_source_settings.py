"""How a catalogue is read: what a recipe and an option may say, and what they mean together."""

import re
from dataclasses import fields

import pytest

from catalogs.errors import RuleFileError
from catalogs.recipe.loading import built_in_recipe, load_recipe
from catalogs.recipe.source_settings import SourceSettings, parse_read_as
from infra.sources.source_options import SourceOptions
from tests.fixtures.sample_recipe import recipe_with


def test_each_setting_is_an_option_of_reading() -> None:
    assert list(SourceSettings.model_fields) == [field.name for field in fields(SourceOptions)]


@pytest.mark.parametrize(
    ("written", "meant"), [("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), ("Semicolon", ";"), ("|", "|"), ("^", "^")]
)
def test_a_separator_is_a_character_or_its_name(written: str, meant: str) -> None:
    assert parse_read_as([f"separator={written}"]) == SourceSettings(separator=meant)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["separator=ab"], "separator: 'ab' cannot separate values; give one character, or comma, semicolon"),
        (["separator=x"], "cannot separate values"),
        (["separator="], "cannot separate values"),
        (["encoding=utf-9"], "encoding: 'utf-9' is no encoding of text; give utf-8, utf-16, cp1252"),
        (["encoding=utf-7"], "is no encoding of text"),
        (["encoding=base64"], "is no encoding of text"),
        (["encoding=a\0b"], "is no encoding of text"),
        (["header_row=0"], "header_row: "),
        (["format=xlsx"], "format: "),
        (["seperator=;"], "'seperator=;' is no NAME=VALUE; the names are format, separator, encoding, header_row"),
        (["separator"], "is no NAME=VALUE"),
        (["separator=;", "separator=tab"], "separator is given twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(texts: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_read_as(texts)


def test_an_option_goes_before_the_recipe_and_leaves_the_rest_to_it() -> None:
    recipe = SourceSettings(separator=";", encoding="cp1252")
    option = parse_read_as(["header-row=3", "encoding=latin1"])
    assert recipe.overridden_by(option).chosen == {"separator": ";", "encoding": "iso8859-1", "header_row": 3}
    assert recipe.overridden_by(parse_read_as([])) == recipe


def test_a_recipe_says_how_its_source_is_read_and_only_then_has_another_digest() -> None:
    plain = recipe_with()
    assert "source" not in built_in_recipe().model_dump(exclude_none=True)
    assert recipe_with({"source": None}).digest == plain.digest
    assert recipe_with({"source": {"separator": "tab"}}).digest != plain.digest


def test_a_wrong_setting_is_named_with_its_field() -> None:
    with pytest.raises(RuleFileError, match=r"r.yaml, line 3: source.separator: '::' cannot separate values"):
        load_recipe(
            "version: 1\ncolumns: {sku: sku, title: title}\nsource: {separator: '::'}\nviews: {}\ndefaults: {}\n",
            "r.yaml",
        )
