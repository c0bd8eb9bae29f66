"""Command engine verify: compare an export, or an engine of the store, with its model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli import options
from flows.cli.commands.engine.export import ModelOption
from flows.cli.console import open_console, print_json, print_progress, read_settings

if TYPE_CHECKING:
    pass


def verify(
    engine: Annotated[str, typer.Argument(help="A folder that export or build made; with --store a name/version")],
    model: ModelOption,
    store: Annotated[str | None, typer.Option("--store", help="The store that keeps the engine: folder or URL")] = None,
    graphs: Annotated[
        Path | None, typer.Option("--graphs", help="For an engine with plans: the export that it was built from")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compare graphs with the model that they were made from, on fixed cases; exit 1 where they differ too much.

    An engine of a store is marked ready or refused, with a tag by the integrity key: hosts that have the key load it.
    """
    if store is None:
        from flows.engines.onnx_export import verify_onnx_graphs

        verification = verify_onnx_graphs(model, Path(engine), print_progress, graphs)
    else:
        from flows.engines.repository import verify_engine
        from infra.engines.tensorrt.engine_open import EngineGraphOpener
        from infra.stores import open_store
        from tasks.models.engine_trust import open_engine_trust

        trust = open_engine_trust(read_settings())
        verification = verify_engine(open_store(store), engine, model, print_progress, trust, graphs, EngineGraphOpener)
    if as_json:
        print_json(verification)
    else:
        from flows.cli.views.engines import show_verification

        show_verification(open_console(), verification)
    if not verification["passed"]:
        raise typer.Exit(1)
