"""channels: what the marketplaces ask of a picture, as Packshot knows it: thresholds, sources, dates."""

from collections.abc import Mapping
from typing import Annotated

import typer

from catalogs.channels import Channel, built_in_channels, channel
from flows.cli import options
from flows.cli.faces import console, print_json


def channels(
    name: Annotated[str | None, typer.Argument(help="One of them; by default all", show_default=False)] = None,
    as_json: options.Json = False,
) -> None:
    """Show the marketplaces' rules for pictures: what a recipe's `channels` are judged by."""
    chosen = built_in_channels() if name is None else {name: channel(name)}
    if as_json:
        print_json({"channels": {key: rules.model_dump(mode="json") for key, rules in chosen.items()}})
    else:
        _show(chosen)


def _show(chosen: Mapping[str, Channel]) -> None:
    from rich.table import Table
    from rich.text import Text

    face = console()
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
