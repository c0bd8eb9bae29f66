"""Command line: arguments in, tables or one JSON document out.

How a command ends is decided in `flows.cli.exit_codes`. Commands import what they need when they run, so that `--help`
is quick and a rehearsal can set up its own Prefect first.
"""

from collections.abc import Callable
from typing import NoReturn

import typer

from flows.cli.commands import refresh as refresh_commands
from flows.cli.commands import store as store_commands
from flows.cli.commands import up as up_command
from flows.cli.commands.access_keys import keys_app
from flows.cli.commands.brands import brands_app
from flows.cli.commands.bucket_policy import bucket_policy
from flows.cli.commands.channels import approve, channels
from flows.cli.commands.doctor import doctor
from flows.cli.commands.engine.group import engine_app
from flows.cli.commands.gallery import gallery_app
from flows.cli.commands.policy import policy_app
from flows.cli.commands.provenance import provenance
from flows.cli.commands.recipe import recipe_app
from flows.cli.commands.review import review_app
from flows.cli.commands.review_exchange import review_export, review_import
from flows.cli.commands.review_stats import review_stats
from flows.cli.commands.rollback import readmit, rollback
from flows.cli.commands.stage import stage_app
from flows.cli.commands.upgrade import upgrade
from flows.cli.commands.why import why
from flows.cli.exit_codes import run_command_line

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
    bucket_policy,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(policy_app)
app.add_typer(recipe_app)
app.add_typer(brands_app)
app.add_typer(engine_app)
review_app.command("stats")(review_stats)
review_app.command("export")(review_export)
review_app.command("import")(review_import)
app.add_typer(review_app)
app.add_typer(gallery_app)
app.add_typer(stage_app)
app.add_typer(keys_app)


def main() -> NoReturn:
    """Run the command line; every error ends in one sentence and its exit code."""
    run_command_line(app)
