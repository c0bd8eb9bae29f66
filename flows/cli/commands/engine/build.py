"""Command engine build: build a TensorRT engine from an export, for this machine's GPU."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.console import open_console, print_json, print_progress


def build(
    model: Annotated[str, typer.Option("--model", envvar="PACKSHOT_MODEL", help="A local folder, or hub-id@commit")],
    onnx: Annotated[Path, typer.Option("--onnx", help="What `packshot engine export` wrote")],
    out: Annotated[Path, typer.Option("--out", help="The engine's folder")],
    sizes: Annotated[
        str, typer.Option("--sizes", help="Sizes of the images in pixels: 1024 or 1024x768, comma-separated")
    ] = "1024x1024",
    batch: Annotated[str, typer.Option("--batch", help="Batch sizes: 1-4, or 4 alone; fastest at the highest")] = "1-4",
    precision: Annotated[
        str, typer.Option("--precision", help="bf16 or fp32, as the export; fp8; fp16 is refused")
    ] = "bf16",
    compatibility: Annotated[
        str,
        typer.Option("--compatibility", help="Other GPUs it is good for: none, same-compute-capability, ampere-plus"),
    ] = "none",
    runtime: Annotated[
        str, typer.Option("--runtime", help="tensorrt; or onnxruntime: no plan, a slow rehearsal on any CPU")
    ] = "tensorrt",
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="What `packshot engine calibrate` wrote; for fp8")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Build a TensorRT engine: one optimization profile a size. Needs an NVIDIA GPU and packshot[tensorrt]."""
    from flows.engines.build import BuildOptions, build_engine

    build_options = BuildOptions(model, onnx, out, sizes, batch, precision, compatibility, runtime, calibration)
    card = build_engine(build_options, print_progress)
    if as_json:
        print_json({"out": str(out), **card})
        return
    sizes_text = ", ".join(f"{width}x{height}" for width, height in card["sizes"])
    low, _, high = card["batch"]
    open_console().print(
        f"Built in {out}: {sizes_text}, batches of {low} to {high}, {card['precision']}.", soft_wrap=True
    )
