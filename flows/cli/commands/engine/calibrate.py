"""Command engine calibrate: the ranges that an fp8 engine is scaled by, measured on a catalogue's prompts."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.console import open_console, print_json, print_progress, read_settings


def calibrate(
    source: options.Source,
    model: Annotated[str, typer.Option("--model", envvar="PACKSHOT_MODEL", help="A local folder, or hub-id@commit")],
    out: Annotated[Path, typer.Option("--out", help="The calibration file to write")],
    recipe: options.Recipe = "default",
    prompts: Annotated[int, typer.Option("--prompts", help="How many, evenly over the catalogue")] = 32,
    as_json: options.Json = False,
) -> None:
    """Measure the inputs of the layers that fp8 is for, while torch generates a recipe's own prompts."""
    from flows.engines.fp8_calibration import calibrate_engine

    calibration = calibrate_engine(source, recipe, model, prompts, out, read_settings(), print_progress)
    if as_json:
        print_json(calibration)
        return
    open_console().print(
        f"Measured {calibration['layers']} layers on {calibration['prompts']} prompts: {out}.", soft_wrap=True
    )
