"""Command recipe init: a recipe for a source that was never seen, and the prompts that it gives."""

from pathlib import Path
from typing import Annotated, Any

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings


def init(
    source: options.Source,
    out: Annotated[Path, typer.Option("--out", help="The file to write")] = Path("recipe.yaml"),
    read_as: Annotated[list[str] | None, options.option("read_as")] = None,
    prompts: Annotated[int, typer.Option("--prompts", min=0, max=100, help="Prompts to show")] = 10,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists")] = False,
    as_json: options.Json = False,
) -> None:
    """Write a recipe for a catalogue: recognise its columns, and show the prompts of its first rows."""
    from flows.cli.views.recipe_init import show_new_recipe
    from flows.recipe_init import make_recipe

    parameters = options.parse_parameters(source=source, store="unused", read_as=read_as)
    _check_out(out, force)
    new = make_recipe(parameters.source, parameters.read_as, read_settings(), prompts)
    _write(out, new.text, force)
    document: dict[str, Any] = {"out": str(out), **new.document()}
    if as_json:
        print_json(document)
    else:
        show_new_recipe(open_console(), document, parameters.source)


def _check_out(out: Path, force: bool) -> None:
    if out.is_dir():
        raise OptionError(f"--out: {str(out)!r} is a folder; name a file")
    if out.exists() and not force:
        raise OptionError(f"--out: {str(out)!r} exists; give another file, or --force to replace it")


def _write(out: Path, text: str, force: bool) -> None:
    try:
        with out.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OptionError(f"--out: {str(out)!r} cannot be written ({error.strerror})") from None
