"""Commands recipe …: make a recipe for a catalogue, look at recipes, and try one before it is used."""

import typer

from flows.cli.commands.recipe_init import init
from flows.cli.commands.recipe_list import list_, show
from flows.cli.commands.recipe_try import try_

recipe_app = typer.Typer(name="recipe", help="Make, look at and try recipes.", no_args_is_help=True)
recipe_app.command()(init)
recipe_app.command("try")(try_)
recipe_app.command("list")(list_)
recipe_app.command()(show)
