"""Commands policy try, apply and calibrate: what another policy would change, and where its thresholds should be."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.commands.policy_calibrate import calibrate
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json, read_settings

policy_app = typer.Typer(name="policy", help="Try, apply and calibrate policies.", no_args_is_help=True)
policy_app.command()(calibrate)

PolicyFile = Annotated[Path, typer.Argument(help="The policy: a YAML file", show_default=False)]


@policy_app.command("try")
def try_(
    policy: PolicyFile, store: options.Store, catalogue: options.Catalogue = None, as_json: options.Json = False
) -> None:
    """Report what a policy would change, from stored scores; generate nothing and write nothing."""
    from flows.cli.views.policies import show_trial
    from flows.parameters import read_policy
    from flows.policy_changes import try_policy
    from infra.stores import open_store
    from infra.tables import open_tables

    rules, opened = read_policy(str(policy)), open_store(store)
    trial = try_policy(opened, open_tables(store), resolve_catalogue(opened, catalogue), rules)
    if as_json:
        print_json(trial)
    else:
        show_trial(open_console(), trial)


@policy_app.command()
def apply(
    policy: PolicyFile,
    store: options.Store,
    catalogue: options.Catalogue = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be withdrawn, and withdraw nothing")
    ] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="A check that may fail; withdrawn-share is the only one")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why so many may be withdrawn; kept with the run")] = "",
    as_json: options.Json = False,
) -> None:
    """Withdraw the live images that a policy refuses, in one commit; give refresh the same policy from then on."""
    from flows.cli.views.policies import show_application
    from flows.cli.views.store import show_warnings
    from flows.parameters import read_policy
    from flows.policy_changes import enforce_policy
    from flows.purging import purge_amendments
    from infra.stores import open_store
    from infra.tables import open_tables
    from tasks.amendments.apply_policy import CheckOverride

    rules, opened = read_policy(str(policy)), open_store(store)
    tables, settings, name = open_tables(store), read_settings(), resolve_catalogue(opened, catalogue)
    application = enforce_policy(
        opened,
        tables,
        name,
        rules,
        settings,
        CheckOverride(tuple(accept), reason, getpass.getuser()) if accept else None,
        dry_run=dry_run,
    )
    warnings = [] if dry_run else purge_amendments(opened, tables, name, settings)
    if as_json:
        print_json(application | {"warnings": warnings})
    else:
        show_application(open_console(), application)
        show_warnings(open_console(), warnings)
    if application["held"] and not dry_run:
        raise typer.Exit(1)
