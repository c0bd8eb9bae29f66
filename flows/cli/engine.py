"""The engine commands: what paints, where it is kept, how fast it is, and whether it can be trusted.

Each command has a module of its own beside this one; here they are only put together.
"""

import typer

from flows.cli.engine_build import build
from flows.cli.engine_calibrate import calibrate
from flows.cli.engine_export import export
from flows.cli.engine_store import add, list_
from flows.cli.engine_verify import verify

engines = typer.Typer(name="engine", help="Export, build, verify and measure engines.", no_args_is_help=True)
engines.command()(export)
engines.command()(calibrate)
engines.command()(build)
engines.command()(verify)
engines.command()(add)
engines.command("list")(list_)
