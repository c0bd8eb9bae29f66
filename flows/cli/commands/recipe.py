"""Commands recipe …: make a recipe for a catalogue."""

import typer

from flows.cli.commands.recipe_init import init

recipe_app = typer.Typer(name="recipe", help="Make a recipe for a catalogue.", no_args_is_help=True)
recipe_app.command()(init)
