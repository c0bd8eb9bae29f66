"""The engine commands: what paints, where it is kept, how fast it is, and whether it can be trusted.

Each command has a module of its own beside this one; here they are only put together.
"""

import typer

from flows.cli import engine_bench, engine_models, engine_precision

engines = typer.Typer(name="engine", help="Export, build, verify and measure engines.", no_args_is_help=True)
for command in (
    engine_bench.bench,
    engine_precision.verify_precision,
    engine_models.models,
    engine_models.register,
    engine_models.canary,
    engine_models.promote,
    engine_models.rollback,
):
    engines.command()(command)
