"""Commands rollback and readmit: take back what was published, and let it come again."""

import getpass
from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json, read_settings


def rollback(
    store: options.StoreArgument,
    catalogue: options.Catalogue = None,
    to: Annotated[
        int | None,
        typer.Option("--to", help="The release to go back to; by default the newest that shows something else"),
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", help="Take back what this run's release changed, and nothing else")
    ] = None,
    sku: Annotated[
        list[str] | None,
        typer.Option("--sku", help="Only this SKU; without --to, take back its last change. May be given repeatedly"),
    ] = None,
    drop_new: Annotated[
        bool, typer.Option("--drop-new", help="Take away what is new since the release too; by default it stays")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what would be done, and do nothing")] = False,
    as_json: options.Json = False,
) -> None:
    """Go back for what changed, in one commit; what is taken back is not published again.

    An image that a policy took away since, that the policy in force refuses, or that resembles another SKU's live
    image, is left out and named.
    """
    from catalogs.runs.rollback_selection import RollbackSelection
    from flows.cli.views.rollbacks import show_rollback
    from flows.cli.views.store import show_warnings
    from flows.purging import purge_amendments
    from flows.rollbacks import roll_back
    from flows.wiring.open_store import open_for_reading

    opened, tables = open_for_reading(store)
    selection = RollbackSelection(to, run, tuple(sku or ()), drop_new)
    name = resolve_catalogue(opened, catalogue)
    settings = read_settings()
    change = roll_back(opened, tables, name, selection, settings, dry_run=dry_run)
    warnings = [] if dry_run else purge_amendments(opened, tables, name, settings)
    if as_json:
        print_json({**asdict(change), "dry_run": dry_run, "warnings": warnings})
    else:
        show_rollback(open_console(), change, dry_run=dry_run)
        show_warnings(open_console(), warnings)


def readmit(
    skus: Annotated[list[str], typer.Argument(help="SKUs whose images may come back")],
    reason: Annotated[str, typer.Option("--reason", help="Why they may; kept with the decisions of people")],
    store: options.Store,
    catalogue: options.Catalogue = None,
    as_json: options.Json = False,
) -> None:
    """Let the next refresh publish again what rollbacks took away of these SKUs, and try again what failed."""
    from flows.cli.views.rollbacks import show_readmission
    from flows.rollbacks import let_back
    from flows.wiring.open_store import open_for_reading

    (opened, tables), settings, person = open_for_reading(store), read_settings(), getpass.getuser()
    name = resolve_catalogue(opened, catalogue)
    change = let_back(opened, tables, name, skus, settings, reason=reason, person=person)
    if as_json:
        print_json(asdict(change))
    else:
        show_readmission(open_console(), skus, change)
