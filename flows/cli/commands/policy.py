"""policy try, policy apply, policy calibrate: what another policy would change, and where its thresholds should be."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.commands.policy_calibrate import calibrate
from flows.cli.commands.store import named_catalogue
from flows.cli.console import console, print_json, read_settings

policies = typer.Typer(name="policy", help="Try, apply and calibrate policies.", no_args_is_help=True)
policies.command()(calibrate)

NewPolicy = Annotated[Path, typer.Argument(help="The policy: a YAML file", show_default=False)]


@policies.command("try")
def try_(
    policy: NewPolicy, store: options.Store, catalogue: options.Catalogue = None, as_json: options.Json = False
) -> None:
    """Say what a policy would change, from stored scores; make nothing and write nothing."""
    from flows.cli.views.policies import show_trial
    from flows.parameters import read_policy
    from flows.policy_changes import try_policy
    from infra.stores import open_store
    from infra.tables import open_tables

    rules, opened = read_policy(str(policy)), open_store(store)
    trial = try_policy(opened, open_tables(store), named_catalogue(opened, catalogue), rules)
    if as_json:
        print_json(trial)
    else:
        show_trial(console(), trial)


@policies.command()
def apply(
    policy: NewPolicy,
    store: options.Store,
    catalogue: options.Catalogue = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and withdraw nothing")] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="A check that may fail; withdrawn-share is the only one")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why so many may go; kept with the run")] = "",
    as_json: options.Json = False,
) -> None:
    """Withdraw the live pictures that a policy refuses, in one commit; give refresh the same policy from then on."""
    from flows.cli.views.policies import show_application
    from flows.parameters import read_policy
    from flows.policy_changes import put_in_force
    from infra.stores import open_store
    from infra.tables import open_tables
    from tasks.amendments.apply_policy import Consent

    rules, opened = read_policy(str(policy)), open_store(store)
    done = put_in_force(
        opened,
        open_tables(store),
        named_catalogue(opened, catalogue),
        rules,
        read_settings(),
        Consent(tuple(accept), reason, getpass.getuser()) if accept else None,
        dry_run=dry_run,
    )
    if as_json:
        print_json(done)
    else:
        show_application(console(), done)
    if done["held"] and not dry_run:
        raise typer.Exit(1)
