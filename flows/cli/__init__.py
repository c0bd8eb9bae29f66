"""Command line: arguments in, tables or one JSON document out.

Exit codes: 0 done; 1 done, but slots failed or the batch is held; 2 bad input or settings; 3 an external failure
(store, GPU, server). Commands import what they need when they run, so that `--help` is quick and a rehearsal can set
up its own Prefect first.
"""

import sys
from collections.abc import Callable

import typer

from catalogs.errors import InputError
from flows.cli.commands import refresh as refresh_commands
from flows.cli.commands import store as store_commands
from flows.cli.commands import up as up_command
from flows.cli.commands.channels import approve, channels
from flows.cli.commands.doctor import doctor
from flows.cli.commands.engine.group import engine_app
from flows.cli.commands.policy import policy_app
from flows.cli.commands.provenance import provenance
from flows.cli.commands.rollback import readmit, rollback
from flows.cli.commands.upgrade import upgrade
from flows.cli.commands.why import why
from infra.errors import ExternalError

app = typer.Typer(
    name="packshot",
    help="SKU catalogues in, published product images out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
COMMANDS: tuple[Callable[..., None], ...] = (
    refresh_commands.rehearse,
    refresh_commands.plan,
    refresh_commands.refresh,
    refresh_commands.release,
    up_command.up,
    store_commands.releases,
    rollback,
    readmit,
    why,
    store_commands.verify,
    store_commands.sweep,
    upgrade,
    provenance,
    channels,
    approve,
    doctor,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(policy_app)
app.add_typer(engine_app)


def main() -> None:
    """Run the command line; every expected error ends in one sentence and its exit code."""
    try:
        app(standalone_mode=True)
    except (InputError, ExternalError) as error:
        _exit_with_message(str(error), error.exit_code)
    except Exception as error:
        # An error of a vendor's library that no module translated; the usual one is an unreachable Prefect server.
        if not _is_prefect_unreachable(error):
            raise
        _exit_with_message(
            f"The Prefect server cannot be reached ({error}); unset PREFECT_API_URL to use a local one",
            ExternalError.exit_code,
        )


def _is_prefect_unreachable(error: Exception) -> bool:
    # Prefect has no exception class for this: at the start of a flow run it raises a plain RuntimeError.
    is_startup_failure = isinstance(error, RuntimeError) and str(error).startswith("Failed to reach API at")
    return is_startup_failure or type(error).__module__.split(".")[0] in {"httpx", "httpcore"}


def _exit_with_message(message: str, exit_code: int) -> None:
    print(f"packshot: {message}", file=sys.stderr)  # noqa: T201 - errors of the command line go to stderr
    raise SystemExit(exit_code)
