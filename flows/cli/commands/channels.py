"""Commands channels and approve: the marketplaces' rules for images, and a person's approval where one is asked for."""

import getpass
from typing import Annotated

import typer

from catalogs.policy.channels import built_in_channel, built_in_channels
from flows.cli import options
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json, read_settings


def channels(
    name: Annotated[str | None, typer.Argument(help="One of them; by default all", show_default=False)] = None,
    as_json: options.Json = False,
) -> None:
    """Show the marketplaces' rules for images, by which a recipe's `channels` are judged."""
    from flows.cli.views.channels import show_channels

    chosen = built_in_channels() if name is None else {name: built_in_channel(name)}
    if as_json:
        print_json({"channels": {key: rules.model_dump(mode="json") for key, rules in chosen.items()}})
    else:
        show_channels(open_console(), chosen)


def approve(
    skus: Annotated[list[str], typer.Argument(help="SKUs whose live images you have compared with the product")],
    channel: Annotated[str, typer.Option("--channel", help="The channel on which they may be used: amazon-main")],
    reason: Annotated[str, typer.Option("--reason", help="How you know; kept with the approval")],
    store: options.Store,
    catalogue: options.Catalogue = None,
    view: Annotated[str | None, typer.Option("--view", help="Only the images of this view")] = None,
    take_back: Annotated[bool, typer.Option("--take-back", help="Take an earlier approval back")] = False,
    as_json: options.Json = False,
) -> None:
    """Approve images for a channel that asks for a person's approval."""
    from flows.channel_answers import give_answer
    from flows.cli.views.channels import show_approval
    from flows.wiring.open_store import open_for_reading
    from tasks.amendments.approve import ApprovalAnswer

    opened, tables = open_for_reading(store)
    answer = ApprovalAnswer(channel, skus, reason, getpass.getuser(), view, not take_back)
    name = resolve_catalogue(opened, catalogue)
    result = give_answer(opened, tables, name, answer, read_settings())
    document = result.document(answer)
    if as_json:
        print_json(document)
    else:
        show_approval(open_console(), document)
