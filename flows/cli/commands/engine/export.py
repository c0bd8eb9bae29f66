"""Command engine export: a model as ONNX graphs, in a folder with a manifest."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.console import open_console, print_json, print_progress

ModelOption = Annotated[
    str, typer.Option("--model", envvar="PACKSHOT_MODEL", help="A local folder, or hub-id@commit", show_default=False)
]


def export(
    model: ModelOption,
    out: Annotated[Path, typer.Option("--out", help="The folder to make", show_default=False)],
    precision: Annotated[
        str, typer.Option("--precision", help="fp32 or bf16; fp16 is refused, since its images come out black")
    ] = "bf16",
    as_json: options.Json = False,
) -> None:
    """Write the transformer and the VAE's decoder as ONNX graphs, with a card that says what they are."""
    from flows.engines.onnx_export import export_onnx_graphs

    card = export_onnx_graphs(model, out, precision, print_progress)
    if as_json:
        print_json({"out": str(out), **card})
        return
    size = sum(file["bytes"] for file in card["files"])
    open_console().print(
        f"Exported to {out}: {len(card['graphs'])} graphs in {precision}, {size / 1e6:,.0f} MB.", soft_wrap=True
    )
