"""Views of channels: their rules, and the result of an approval.

Inputs: the channels of a recipe, the document of `packshot approve --json`. Outputs: Rich tables on the given console.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalogs.policy.channels import Channel
from flows.cli.views.tables import new_table, plain_text


def show_channels(console: Console, channels: Mapping[str, Channel]) -> None:
    """Print the rules of each channel, the approval that it needs, and its advice."""
    for name, channel in channels.items():
        console.print(Text.assemble((name, "bold"), f"  {channel.title}"))
        console.print(_rules_table(channel))
        if channel.person:
            console.print(Text(f"  a person's approval: {channel.person}", "yellow"))
        if channel.person and channel.proof:
            modes = ", ".join(channel.proof)
            console.print(Text(f"  or the proof of a product kept from a photo of the article sold: {modes}", "yellow"))
        for advice in channel.advice:
            console.print(Text(f"  advised: {advice}", "dim"))
        console.print()


def _rules_table(channel: Channel) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 2), pad_edge=True, header_style="dim")
    for title in ("asks for", "", "else", "source", "seen"):
        table.add_column(title, overflow="fold", no_wrap=title in ("else", "seen"))
    table.add_row("format", " ".join(channel.formats), "wrong-format")
    if channel.mark:
        table.add_row("source mark", "IPTC", "no-mark")
    for rule in channel.rules:
        limits = [("≥", rule.at_least), ("≤", rule.at_most)]
        texts = " ".join(f"{sign} {limit:,.12g}" for sign, limit in limits if limit is not None)
        table.add_row(*map(Text, (rule.score, texts, rule.reason, rule.source, f"{rule.seen}")))
    return table


def show_approval(console: Console, document: Mapping[str, Any]) -> None:
    """Print whether each image of an approval is usable on the channel now, and the release that records it."""
    release = document["release"]
    table = new_table("SKU", "view", document["channel"], "why not")
    for image in document["pictures"]:
        slot = f"{image['view']} {image['variant']} {image['index']}"
        usable = Text("usable", "green") if image["usable"] else Text("not usable", "yellow")
        table.add_row(plain_text(image["sku"]), plain_text(slot), usable, plain_text(", ".join(image["reasons"])))
    console.print(table)
    statement = "says so" if release["version"] != release["previous"] else "said so already"
    console.print(f"Release {release['version']} {statement}.")
