"""engine verify: is an export, or an engine of the store, the same model?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli import options
from flows.cli.commands.engine.export import ModelOption, print_progress
from flows.cli.console import open_console, print_json

if TYPE_CHECKING:
    from rich.console import Console


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

    An engine of a store is marked ready or refused.
    """
    if store is None:
        from flows.engines.onnx_export import verify_onnx_graphs

        found = verify_onnx_graphs(model, Path(engine), print_progress, graphs)
    else:
        from flows.engines.repository import verify_engine
        from infra.engines.tensorrt.engine_open import EngineGraphOpener
        from infra.stores import open_store

        found = verify_engine(open_store(store), engine, model, print_progress, graphs, EngineGraphOpener)
    if as_json:
        print_json(found)
    else:
        _show_verification(open_console(), found)
    if not found["passed"]:
        raise typer.Exit(1)


def _show_verification(console: "Console", verification: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("graph", "latents", "captions", "largest difference", "PSNR"):
        table.add_column(title)
    for case in verification["cases"]:
        difference = "no number" if case["max_abs_diff"] is None else f"{case['max_abs_diff']:.2e}"
        words = " ".join(map(str, case["captions"]))
        table.add_row(case["graph"], "x".join(map(str, case["shape"])), words, difference, f"{case['psnr']:.0f} dB")
    console.print(table)
    by = verification["runtime"] + (
        f" (an {verification['twin']} twin of the {verification['precision']} graphs)" if verification["twin"] else ""
    )
    verdict = "is the same model" if verification["passed"] else "is NOT the same model"
    marked = f" The store has it as {verification['state']}." if "state" in verification else ""
    console.print(f"By {by}, to {verification['tolerance']:g}: it {verdict}.{marked}", soft_wrap=True)
