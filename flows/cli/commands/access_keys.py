"""Commands of `packshot keys`: who may look at a store's images, answer, and let batches go."""

import getpass
from typing import Annotated

import typer

from catalogs.answers.person import Scope, parse_scopes
from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings

keys_app = typer.Typer(
    name="keys", help="Say who may look, answer and release: one key a person.", no_args_is_help=True
)

MAX_DAYS = 36_500
"""Of a key's life: a date must hold its end."""
SCOPES = f"What it opens, separated by commas: {', '.join(Scope)}"


@keys_app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is; answers are kept under this name")],
    store: options.Store,
    scope: Annotated[str, typer.Option("--scope", help=SCOPES)] = f"{Scope.LOOK},{Scope.ANSWER}",
    expires: Annotated[
        int | None, typer.Option("--expires", min=1, max=MAX_DAYS, help="In how many days it ends")
    ] = None,
    create: Annotated[
        bool,
        typer.Option("--create", help="Make the store too, where there is none yet: keys before the first refresh"),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Make a key, and print its token: once, since the store keeps only its sha256."""
    from flows.cli.views.access_keys import show_new_key
    from flows.wiring.open_store import open_for_writing
    from tasks.access.access_keys import add_access_key

    scopes = parse_scopes(scope)
    opened, _ = open_for_writing(store, read_settings(), create=create)
    token, key = add_access_key(opened, name, scopes, by=getpass.getuser(), days=expires)
    if as_json:
        print_json({"token": token, "key": key.description()})
    else:
        show_new_key(open_console(), token, key)


@keys_app.command("list")
def list_keys(store: options.Store, as_json: options.Json = False) -> None:
    """List the keys of a store, ended ones too; no token is among them."""
    from flows.cli.views.access_keys import show_keys
    from flows.wiring.open_store import open_existing
    from tasks.access.access_keys import read_access_keys

    opened, _ = open_existing(store)
    keys, now = read_access_keys(opened), opened.now()
    if as_json:
        print_json({"keys": [{**key.description(), "active": key.is_active(now)} for key in keys]})
    else:
        show_keys(open_console(), keys, now)


@keys_app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose key ends")],
    store: options.Store,
    as_json: options.Json = False,
) -> None:
    """End a person's key; a running console lets nobody in by it a minute later."""
    from flows.cli.views.access_keys import show_keys
    from flows.wiring.open_store import open_for_writing
    from tasks.access.access_keys import revoke_access_keys

    opened, _ = open_for_writing(store, read_settings())
    ended = revoke_access_keys(opened, name)
    if as_json:
        print_json({"revoked": [key.description() for key in ended]})
    else:
        show_keys(open_console(), ended, opened.now())
