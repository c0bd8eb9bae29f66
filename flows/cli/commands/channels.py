"""channels, approve: what the marketplaces ask of a picture, and a person's word where one asks for that."""

import getpass
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from catalogs.policy.channels import Channel, built_in_channel, built_in_channels
from flows.cli import options
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json


def channels(
    name: Annotated[str | None, typer.Argument(help="One of them; by default all", show_default=False)] = None,
    as_json: options.Json = False,
) -> None:
    """Show the marketplaces' rules for images, by which a recipe's `channels` are judged."""
    chosen = built_in_channels() if name is None else {name: built_in_channel(name)}
    if as_json:
        print_json({"channels": {key: rules.model_dump(mode="json") for key, rules in chosen.items()}})
    else:
        _show_channels(chosen)


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
    from infra.stores import open_store
    from infra.tables import open_tables
    from tasks.amendments.approve import ApprovalAnswer, approve

    opened = open_store(store)
    word = ApprovalAnswer(channel, skus, reason, getpass.getuser(), view, not take_back)
    done = approve(opened, open_tables(store), resolve_catalogue(opened, catalogue), word)
    document = done.document(word)
    if as_json:
        print_json(document)
    else:
        _show_approval(document)


def _show_channels(chosen: Mapping[str, Channel]) -> None:
    from rich.table import Table
    from rich.text import Text

    face = open_console()
    for name, rules in chosen.items():
        face.print(Text.assemble((name, "bold"), f"  {rules.title}"))
        table = Table(box=None, padding=(0, 2, 0, 2), pad_edge=True, header_style="dim")
        for title in ("asks for", "", "else", "source", "seen"):
            table.add_column(title, overflow="fold", no_wrap=title in ("else", "seen"))
        table.add_row("format", " ".join(rules.formats), "wrong-format")
        if rules.mark:
            table.add_row("source mark", "IPTC", "no-mark")
        for rule in rules.rules:
            limits = [("≥", rule.at_least), ("≤", rule.at_most)]
            words = " ".join(f"{sign} {limit:,.12g}" for sign, limit in limits if limit is not None)
            table.add_row(*map(Text, (rule.score, words, rule.reason, rule.source, f"{rule.seen}")))
        face.print(table)
        for words in [f"a person's word: {rules.person}"] if rules.person else []:
            face.print(Text(f"  {words}", "yellow"))
        for words in rules.advice:
            face.print(Text(f"  advised: {words}", "dim"))
        face.print()


def _show_approval(document: Mapping[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from tasks.reporting.formatting import printable

    face, release = open_console(), document["release"]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in ("SKU", "view", document["channel"], "why not"):
        table.add_column(title, overflow="fold")
    for picture in document["pictures"]:
        place = f"{picture['view']} {picture['variant']} {picture['index']}"
        usable = Text("usable", "green") if picture["usable"] else Text("not usable", "yellow")
        table.add_row(Text(printable(picture["sku"])), Text(printable(place)), usable, ", ".join(picture["reasons"]))
    face.print(table)
    moved = release["version"] != release["previous"]
    face.print(f"Release {release['version']} says so." if moved else f"Release {release['version']} said so already.")
