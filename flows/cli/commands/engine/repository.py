"""Commands engine add and list: the engines that a store keeps."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli import options
from flows.cli.console import open_console, print_json

if TYPE_CHECKING:
    pass


def add(
    folder: Annotated[Path, typer.Argument(help="An export or a built engine: the folder of its card")],
    store: options.Store,
    name: Annotated[str, typer.Option("--name", help="The model that the engine is for: its name in the recipe")],
    as_json: options.Json = False,
) -> None:
    """Put an export or a built engine into a store, as a model repository for Triton; it is not verified yet."""
    from flows.engines.repository import put_engine
    from infra.stores import open_store

    card = put_engine(open_store(store), name, folder)
    if as_json:
        print_json(card)
        return
    engine_name = f"{card['model']}/{card['version']}"
    command = f"packshot engine verify {engine_name} --store {store} --model MODEL"
    open_console().print(f"{engine_name} is in the store. Not verified yet: {command}", soft_wrap=True, highlight=False)


def list_(
    store: options.StoreArgument,
    name: Annotated[str | None, typer.Option("--name", help="Only the engines of this model")] = None,
    as_json: options.Json = False,
) -> None:
    """List the engines of a store: what they are, for which GPU, and whether they may be used."""
    from flows.engines.repository import list_engines
    from infra.stores import open_store

    engines = list_engines(open_store(store), name)
    if as_json:
        print_json({"engines": engines})
    else:
        from flows.cli.views.engines import show_engines

        show_engines(open_console(), engines)
