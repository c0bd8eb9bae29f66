"""Commands recipe list and show: the built-in recipes by name and number, and what a recipe says."""

from typing import Annotated

import typer

from flows.cli import options
from flows.cli.console import open_console, print_file, print_json, print_yaml


def list_(as_json: options.Json = False) -> None:
    """List the built-in recipes. A number never changes; a name without one is number 1."""
    from catalogs.recipe.built_in import built_in_ids, built_in_purpose, newest_number
    from catalogs.recipe.loading import built_in_recipe
    from flows.cli.views.tables import new_table, plain_text

    recipes = [
        {
            "recipe": str(recipe),
            "newest": recipe == newest_number(recipe.name),
            "digest": built_in_recipe(str(recipe)).digest,
            "purpose": built_in_purpose(recipe),
        }
        for recipe in built_in_ids()
    ]
    if as_json:
        print_json({"recipes": recipes})
        return
    table = new_table("recipe", "", "for")
    for one in recipes:
        table.add_row(str(one["recipe"]), "newest" if one["newest"] else "", plain_text(one["purpose"], 400))
    open_console().print(table)


def show(
    recipe: Annotated[str, typer.Argument(help="A built-in recipe, such as default@1, or a YAML file")],
    as_json: options.Json = False,
) -> None:
    """Print a recipe: a built-in one as it is packaged, a file with all that it takes from the one it extends."""
    from catalogs.recipe.built_in import built_in_text, find_built_in
    from flows.parameters import read_recipe

    built_in, fields = find_built_in(recipe), read_recipe(recipe).model_dump(mode="json", exclude_none=True)
    if as_json:
        print_json(fields)
    elif built_in is not None:
        print_file(built_in_text(built_in))
    else:
        print_yaml(fields)
