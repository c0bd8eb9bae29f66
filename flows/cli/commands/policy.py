"""Commands policy try, apply, list, show and calibrate: which policy is in force, and what another one would change."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.commands.policy_calibrate import calibrate
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json, print_yaml, read_settings

policy_app = typer.Typer(name="policy", help="Try, apply, list and calibrate policies.", no_args_is_help=True)
policy_app.command()(calibrate)

AgainstPeople = Annotated[
    bool, typer.Option("--against-people", help="Withdraw refused images that people accepted, too; needs --reason")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Report what would be withdrawn, and withdraw nothing")]
PolicyFile = Annotated[Path, typer.Argument(help="The policy: a YAML file, or default, rehearsal", show_default=False)]


@policy_app.command("try")
def try_(
    policy: PolicyFile, store: options.Store, catalogue: options.Catalogue = None, as_json: options.Json = False
) -> None:
    """Report what a policy would change, from stored scores; generate nothing and write nothing."""
    from flows.cli.views.policies import show_trial
    from flows.parameters import read_policy
    from flows.policy_changes import try_policy
    from flows.wiring.open_store import open_for_reading

    rules, (opened, tables) = read_policy(str(policy)), open_for_reading(store)
    trial = try_policy(opened, tables, resolve_catalogue(opened, catalogue), rules)
    if as_json:
        print_json(trial)
    else:
        show_trial(open_console(), trial)


@policy_app.command()
def apply(
    policy: PolicyFile,
    store: options.Store,
    catalogue: options.Catalogue = None,
    dry_run: DryRun = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="A check that may fail; withdrawn-share is the only one")
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; kept with the policy's record, and required with --accept")
    ] = "",
    against_people: AgainstPeople = False,
    as_json: options.Json = False,
) -> None:
    """Put a policy in force: withdraw the live images that it refuses, in one commit; every later refresh takes it.

    Live images that people accepted stay.
    """
    from flows.cli.views.policies import show_application
    from flows.cli.views.store import show_warnings
    from flows.parameters import read_policy
    from flows.policy_changes import PolicyProposal, enforce_policy
    from flows.purging import purge_amendments
    from flows.run.job_policy import current_person
    from flows.wiring.open_store import open_for_reading

    rules, (opened, tables) = read_policy(str(policy)), open_for_reading(store)
    settings, name = read_settings(), resolve_catalogue(opened, catalogue)
    application = enforce_policy(
        opened,
        tables,
        name,
        PolicyProposal(rules, str(policy), current_person(), reason, tuple(accept or ()), against_people),
        settings,
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


@policy_app.command("list")
def list_(store: options.Store, catalogue: options.Catalogue = None, as_json: options.Json = False) -> None:
    """List the policies that came into force in a catalogue, the newest first: who, when and why."""
    from flows.cli.views.policies import show_policies
    from flows.policy_changes import list_policies
    from flows.wiring.open_store import open_for_reading

    opened, tables = open_for_reading(store)
    policies = list_policies(opened, tables, resolve_catalogue(opened, catalogue))
    if as_json:
        print_json({"policies": policies})
    else:
        show_policies(open_console(), policies)


@policy_app.command()
def show(
    store: options.Store,
    number: Annotated[
        int | None, typer.Option("--number", help="The policy's number; by default the one in force")
    ] = None,
    catalogue: options.Catalogue = None,
    as_json: options.Json = False,
) -> None:
    """Print a policy that came into force, whole, as a YAML file that `policy try` takes."""
    from flows.policy_changes import read_recorded_policy
    from flows.wiring.open_store import open_for_reading

    opened, tables = open_for_reading(store)
    record = read_recorded_policy(opened, tables, resolve_catalogue(opened, catalogue), number)
    if as_json:
        print_json(record.document())
    else:
        print_yaml(record.policy.model_dump(mode="json"))
