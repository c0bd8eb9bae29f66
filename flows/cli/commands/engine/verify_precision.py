"""Command engine verify-precision: compare a smaller precision's images with the model's, on this GPU."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from catalogs.errors import OptionError
from flows.cli.console import open_console, print_json, read_settings


def verify_precision(
    model: Annotated[str, typer.Option("--model", envvar="PACKSHOT_MODEL", help="A local folder, or hub-id@commit")],
    precision: Annotated[str, typer.Option("--precision", help="fp8 (against bf16), or bf16 (against fp32)")] = "fp8",
    size: Annotated[int, typer.Option("--size", help="Side of the images, in pixels")] = 1024,
    steps: Annotated[int, typer.Option("--steps", min=1, max=100, help="Denoising steps")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table")] = False,
) -> None:
    """Generate fixed prompts in both precisions and keep the verdict on this machine; exit 1 where it does not pass."""
    from flows.cli.views.engines import show_parity
    from flows.engines.benchmark import parse_sides, resolve_engine_option
    from infra.models.loading import require_torch_extra

    if precision not in ("fp8", "bf16"):
        raise OptionError(f"--precision: {precision!r} cannot be verified; choose fp8 or bf16")
    [side] = parse_sides(str(size))
    require_torch_extra()
    from infra.engines.parity import MIN_PSNR, parity_folder
    from infra.evaluation import precision_check as verifying

    folder = parity_folder()
    record = verifying.verify_precision(resolve_engine_option(model, precision, read_settings()), side, steps, folder)
    document: dict[str, Any] = {**asdict(record), "least_psnr": MIN_PSNR, "kept_in": str(folder)}
    if as_json:
        print_json(document)
    else:
        show_parity(open_console(), document)
    if not record.passed:
        raise typer.Exit(1)
