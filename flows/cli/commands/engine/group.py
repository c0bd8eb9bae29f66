"""The engine commands: what paints, where it is kept, how fast it is, and whether it can be trusted.

Each command has a module of its own beside this one; here they are only put together.
"""

import typer

from flows.cli.commands.engine import bench as engine_bench
from flows.cli.commands.engine import build as engine_build
from flows.cli.commands.engine import calibrate as engine_calibrate
from flows.cli.commands.engine import export as engine_export
from flows.cli.commands.engine import models as engine_models
from flows.cli.commands.engine import repository as engine_store
from flows.cli.commands.engine import verify as engine_verify
from flows.cli.commands.engine import verify_precision as engine_precision

engine_app = typer.Typer(
    name="engine",
    help="Export, build, verify and measure engines.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
for command in (
    engine_export.export,
    engine_calibrate.calibrate,
    engine_build.build,
    engine_verify.verify,
    engine_precision.verify_precision,
    engine_bench.bench,
    engine_store.add,
    engine_models.models,
    engine_models.register,
    engine_models.canary,
    engine_models.promote,
    engine_models.rollback,
):
    engine_app.command()(command)
engine_app.command("list")(engine_store.list_)
