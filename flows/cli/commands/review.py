"""Commands of people's review: the group `packshot review`, to which each command module adds its own."""

from typing import Annotated

import typer

from catalogs.errors import OptionError
from flows.cli import options, serving
from flows.cli.commands.review_answers import accept, list_waiting, refuse, retry, undo
from flows.cli.commands.review_apply import apply
from flows.cli.console import read_settings

review_app = typer.Typer(
    name="review",
    help="Answer the images that wait for a person: in a browser, or here.",
    invoke_without_command=True,
)


@review_app.callback()
def review(
    context: typer.Context,
    store: Annotated[str | None, options.option("store")] = None,
    catalogue: serving.Catalogues = None,
    host: serving.Host = serving.DEFAULT_HOST,
    port: serving.Port = serving.DEFAULT_PORT,
    public_url: serving.PublicUrl = None,
    trust_header: serving.TrustHeader = None,
    proxy: serving.Proxy = None,
    header_scopes: serving.HeaderScopes = None,
    open_: serving.Open = False,
    as_json: options.Json = False,
) -> None:
    """Answer the images that wait for a person: without a command in a browser, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    if store is None:
        raise OptionError("--store: say whose images are to be reviewed; `packshot review --help` lists the commands.")
    from flows.web.console_parts import console_parts

    where = serving.ServingOptions(host, port, public_url, trust_header, proxy or (), header_scopes)
    served = serving.Serving(store, catalogue or (), lambda: console_parts(read_settings().public_url))
    serving.serve_until_ended(served, where, opens=open_, as_json=as_json)


review_app.command("list")(list_waiting)
for command in (accept, refuse, retry, undo, apply):
    review_app.command()(command)
