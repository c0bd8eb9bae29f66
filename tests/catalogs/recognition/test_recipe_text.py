"""The file that is written is the proposal, loads as YAML, and no column's name can write a line of it."""

from hypothesis import given
from hypothesis import strategies as st

from catalogs.recipe.built_in import newest_number
from catalogs.recipe.loading import built_in_recipe
from catalogs.recognition.proposal import RecipeProposal, SourceSample, propose
from catalogs.recognition.recipe_text import recipe_text
from catalogs.rule_files import parse_yaml_mapping

BASE = {name: built_in_recipe(str(newest_number(name))) for name in ("default", "options", "shopify")}


def test_a_recipe_is_short_and_says_why_each_line_is_there() -> None:
    values = {
        "handleId": ["p1", "p1"], "fieldType": ["Product", "Variant"], "name": ["Tray", ""], "ribbon": ["", ""],
        "productOptionName1": ["Color", ""], "productOptionDescription1": ["", "Oak"], "collection": ["Kitchen", ""],
    }  # fmt: skip
    text = recipe_text(propose(SourceSample(tuple(values), values), BASE), "default@1", "shop.csv")
    lines = text.splitlines()
    assert lines[0] == "# Made by packshot recipe init for shop.csv."
    assert lines[1].startswith("# An export of Wix, by its columns handleId, fieldType, name, ")
    assert "https://support.wix.com/" in lines[1]
    assert "extends: default@1" in lines
    assert len([line for line in lines if not line.lstrip().startswith("#")]) <= 12
    assert all(len(line) <= 200 for line in lines)


@given(
    st.dictionaries(st.text(max_size=20), st.one_of(st.text(max_size=20), st.none(), st.lists(st.text(), max_size=3))),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_any_names_come_back_as_they_were(columns: dict[str, object], doubt: str, source: str) -> None:
    proposal = RecipeProposal("default", content={"columns": columns} if columns else {}, doubts=[doubt])
    proposal.reasons = {f"columns.{name}": doubt for name in columns}
    loaded = parse_yaml_mapping(recipe_text(proposal, "default@1", source), "test.yaml")
    assert loaded == {"extends": "default@1", **proposal.content}


def test_what_does_not_show_is_written_as_an_escape() -> None:
    text = recipe_text(RecipeProposal("default", doubts=["a\nextends: evil\u202e"]), "default@1", "x\x1b[2J.csv")
    assert text.splitlines()[2] == "# Look at this: a\\U0000000aextends: evil\\U0000202e."
    assert "\x1b" not in text
