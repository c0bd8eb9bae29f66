"""engine export: a model as ONNX graphs, in a folder with a card."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.console import console, print_json

ExportedModel = Annotated[
    str, typer.Option("--model", envvar="PACKSHOT_MODEL", help="A local folder, or hub-id@commit", show_default=False)
]


def export(
    model: ExportedModel,
    out: Annotated[Path, typer.Option("--out", help="The folder to make", show_default=False)],
    precision: Annotated[str, typer.Option("--precision", help="fp32 or bf16; fp16 makes black pictures")] = "bf16",
    as_json: options.Json = False,
) -> None:
    """Write the transformer and the VAE's decoder as ONNX graphs, with a card that says what they are."""
    from flows.engines.onnx_export import export_graphs

    card = export_graphs(model, out, precision, say)
    if as_json:
        print_json({"out": str(out), **card})
        return
    size = sum(each["bytes"] for each in card["files"])
    console().print(
        f"Exported to {out}: {len(card['graphs'])} graphs in {precision}, {size / 1e6:,.0f} MB.", soft_wrap=True
    )


def say(words: str) -> None:
    """Say on stderr what is going on, so that stdout stays the command's answer."""
    typer.echo(f"{words} …", err=True)
