"""What a person sees of models and their versions: states and shares, and a candidate beside production.

Comes in: the documents of `flows.model_versions`. Goes out: Rich tables on the console, all words made printable.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasks import figures

SOURCE_CHARACTERS = 60


def show_models(console: Console, models: Sequence[Mapping[str, Any]]) -> None:
    """Print every model's versions, and the last change of each model."""
    if not models:
        console.print("The registry is empty. `packshot engine register NAME --source …` adds a first version.")
        return
    names = ("model", "version", "state", "SKUs", "source", "precision", "registered (UTC)")
    table = _table(*names, right={"version", "SKUs"})
    for model in models:
        for version in model["versions"]:
            source = version["source"] + (f"@{version['revision'][:12]}" if version["revision"] else "")
            table.add_row(
                *_words(model["model"], version["version"], version["state"]),
                figures.percent(_share(model, version)),
                *_words(figures.printable(source, SOURCE_CHARACTERS), version["precision"]),
                *_words(figures.minute(version["registered_at"])),
            )
    console.print(table)
    for model in models:
        last = model["changes"][-1]
        when = f"{figures.minute(last['at'])} UTC by {last['by']}"
        words = f"{model['model']}: last change {when}: {last['kind']} of version {last['version']}"
        console.print(Text(figures.printable(words + (f", {last['why']}" if last["why"] else "")), "dim"))


def show_comparison(console: Console, done: Mapping[str, Any]) -> None:
    """Print a candidate beside production, and why it is refused."""
    comparison = done["comparison"]
    if comparison is None:
        console.print("Nothing is in production that it could be compared with.")
    else:
        pair = ("candidate", "production")
        table = _table("", *(f"version {comparison[name]}" for name in pair), "difference", "", right=set())
        table.add_row("requests decided", *(figures.number(comparison["requests"][name]) for name in pair))
        table.add_row("runs", *(figures.number(comparison["runs"][name]) for name in pair))
        for measure in comparison["measures"]:
            cells = [_estimate(measure[name]) for name in ("candidate", "production", "difference")]
            table.add_row(measure["name"], *cells, Text("worse", "red") if measure["worse"] else "")
        console.print(table)
        console.print(f"In brackets: {figures.percent(comparison['level'])} confidence intervals.\n")
    for reason in done["refused"]:
        console.print(Text.assemble(("Refused: ", "yellow"), figures.printable(reason)), soft_wrap=True)
    if done["refused"]:
        console.print("To promote it all the same: --accept-worse REASON", soft_wrap=True)


def _share(model: Mapping[str, Any], version: Mapping[str, Any]) -> float:
    """Return the share of the SKUs whose new pictures a version makes."""
    canary = model["canary"]["share"] if model["canary"] else 0
    shares = {"production": 100 - canary, "candidate": int(version["share"])}
    return int(shares.get(version["state"], 0)) / 100


def _estimate(estimate: Mapping[str, float | None]) -> str:
    if estimate["value"] is None:
        return figures.ABSENT
    return "{} ({} to {})".format(*(f"{estimate[name]:.4g}" for name in ("value", "low", "high")))


def _words(*values: object) -> list[Text]:
    return [Text(figures.printable(value), overflow="fold") for value in values]


def _table(*names: str, right: set[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table
