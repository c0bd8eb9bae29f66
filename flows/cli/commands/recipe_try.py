"""Command recipe try: what another recipe would change, before it is used."""

from pathlib import Path
from typing import Annotated

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings
from flows.parameters import RefreshParameters


def try_(
    recipe: Annotated[str, typer.Argument(help="The recipe to try: a YAML file, or a built-in one such as shopify@1")],
    source: options.Source,
    store: options.Store,
    against: Annotated[
        str | None,
        typer.Option("--against", help="The recipe to compare with; by default the newest release's, else default@1"),
    ] = None,
    sample: Annotated[int, typer.Option("--sample", min=1, max=1000, help="Rows whose prompts are compared")] = 50,
    draw: Annotated[
        Path | None, typer.Option("--draw", help="Draw both pictures of rows that differ into this new folder")
    ] = None,
    catalogue: options.Catalogue = None,
    read_as: Annotated[list[str] | None, options.option("read_as")] = None,
    policy: options.Policy = None,
    engine: Annotated[str | None, options.option("engine")] = None,
    model: options.Model = None,
    precision: options.Precision = None,
    stub_seconds: Annotated[float | None, options.option("stub_seconds")] = None,
    as_json: options.Json = False,
) -> None:
    """Compare a recipe with the one in use: prompts side by side, what is made again, what that costs."""
    parameters = options.parse_parameters(
        source=source,
        store=store,
        recipe=recipe,
        catalogue=catalogue,
        read_as=read_as,
        policy=policy,
        engine=engine,
        model=model,
        precision=precision,
        stub_seconds=stub_seconds,
    )
    _try(parameters, against, sample, draw, as_json)


def _try(parameters: RefreshParameters, against: str | None, sample: int, draw: Path | None, as_json: bool) -> None:
    if draw is not None and draw.exists() and (not draw.is_dir() or any(draw.iterdir())):
        raise OptionError(f"--draw: {str(draw)!r} exists and is not an empty folder; give a new one")
    settings = read_settings()
    from flows.wiring.early_checks import require_usable_inputs

    require_usable_inputs(parameters, settings, generates=draw is not None)
    from flows.cli.views.recipe_trial import show_trial
    from flows.recipe_trial import try_recipe

    trial = try_recipe(parameters, settings, against=against, sample=sample, folder=draw)
    if as_json:
        print_json(trial)
    else:
        show_trial(open_console(), trial)
