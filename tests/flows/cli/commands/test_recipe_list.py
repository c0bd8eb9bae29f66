"""`packshot recipe list` and `show`: the built-in recipes, and all that a file says."""

from pathlib import Path

import yaml

from catalogs.recipe.built_in import built_in_ids, built_in_text
from tests.fixtures.command_line import RunCli


def test_every_built_in_recipe_is_listed_with_what_it_is_for(run_cli: RunCli) -> None:
    listed = run_cli("recipe", "list", "--json").document["recipes"]
    assert [one["recipe"] for one in listed] == [str(recipe) for recipe in built_in_ids()]
    assert all(len(one["digest"]) == 64 and one["purpose"].endswith(".") for one in listed)
    text = run_cli("recipe", "list").stdout
    assert "shopify@1" in text
    assert "newest" in text


def test_a_built_in_recipe_is_shown_as_it_is_packaged(run_cli: RunCli) -> None:
    assert run_cli("recipe", "show", "shopify").stdout == built_in_text(
        built_in_ids()[-1]._replace(name="shopify", number=1)
    )


def test_a_file_is_shown_with_all_that_it_takes(run_cli: RunCli, tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("extends: default@1\ncolumns: {sku: Item}\n")
    shown = yaml.safe_load(run_cli("recipe", "show", file).stdout)
    assert (shown["columns"]["sku"], shown["columns"]["title"]) == ("Item", "title")
    assert "three-quarter" in shown["views"]


def test_an_unknown_number_is_refused(run_cli: RunCli) -> None:
    said = run_cli("recipe", "show", "shopify@99")
    assert said.exit_code == 2
    assert "did you mean shopify@1" in said.stderr
