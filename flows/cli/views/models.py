"""What a person sees of models and their versions: states and shares, and a candidate beside production.

Comes in: the documents of `flows.engines.model_versions`, a report. Goes out: Rich tables, all words made printable.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasks.reporting import formatting as figures

MAX_SOURCE_CHARACTERS = 60


def show_models(console: Console, models: Sequence[Mapping[str, Any]]) -> None:
    """Print every model's versions, and the last change of each model."""
    if not models:
        console.print("The registry is empty. `packshot engine register CATALOGUE --source …` adds a first version.")
        return
    names = ("model", "version", "state", "SKUs", "source", "precision", "registered (UTC)")
    table = _table(*names, right={"version", "SKUs"})
    for model in models:
        for version in model["versions"]:
            source = version["source"] + (f"@{version['revision'][:12]}" if version["revision"] else "")
            table.add_row(
                *_plain_texts(model["model"], version["version"], version["state"]),
                figures.format_percent(_sku_share(model, version)),
                *_plain_texts(figures.printable(source, MAX_SOURCE_CHARACTERS), version["precision"]),
                *_plain_texts(figures.format_compact_datetime(version["registered_at"])),
            )
    console.print(table)
    for model in models:
        last = model["changes"][-1]
        when = f"{figures.format_compact_datetime(last['at'])} UTC by {last['by']}"
        words = f"{model['model']}: last change {when}: {last['kind']} of version {last['version']}"
        console.print(Text(figures.printable(words + (f", {last['why']}" if last["why"] else "")), "dim"))


def show_comparison(console: Console, promotion: Mapping[str, Any]) -> None:
    """Print a candidate beside production, and why it is refused."""
    comparison = promotion["comparison"]
    if comparison is None:
        console.print("Nothing is in production that it could be compared with.")
    else:
        pair = ("candidate", "production")
        table = _table("", *(f"version {comparison[name]}" for name in pair), "difference", right=set())
        table.columns[0].no_wrap = True
        table.add_row("requests decided", *(figures.format_number(comparison["requests"][name]) for name in pair))
        table.add_row("runs", *(figures.format_number(comparison["runs"][name]) for name in pair))
        for measure in comparison["measures"]:
            estimates = [measure[name] for name in (*pair, "difference")]
            table.add_row(measure["name"], *(_format_number(estimate["value"]) for estimate in estimates))
            table.add_row(Text("worse", "red") if measure["worse"] else "", *map(_format_interval, estimates))
        console.print(table)
        console.print(f"Below each figure its {figures.format_percent(comparison['level'])} confidence interval.\n")
    for reason in promotion["refused"]:
        console.print(Text.assemble(("Refused: ", "yellow"), figures.printable(reason)), soft_wrap=True)
    if promotion["refused"]:
        console.print("To promote it all the same: --accept-worse REASON", soft_wrap=True)


def show_version_results(console: Console, report: Mapping[str, Any]) -> None:
    """Print how much each model of a run's report made and how much of it passed, where any is from the registry."""
    models = figures.registered_model_rows(report)
    if not models:
        return
    names = ("images", "requests", "passed")
    table = _table("model version", *names, right=set(names))
    for row in models:
        counts = [figures.format_number(row.get(name)) for name in ("images", "requests")]
        table.add_row(
            *_plain_texts(row.get("version") or row["model"]), *counts, figures.format_percent(row.get("pass_rate"))
        )
    console.print(table, "")


def _sku_share(model: Mapping[str, Any], version: Mapping[str, Any]) -> float:
    """Return the share of the SKUs whose new pictures a version makes."""
    canary = model["canary"]["share"] if model["canary"] else 0
    shares = {"production": 100 - canary, "candidate": int(version["share"])}
    return int(shares.get(version["state"], 0)) / 100


def _format_number(value: float | None) -> str:
    return figures.UNKNOWN_VALUE if value is None else f"{value:.3g}"


def _format_interval(estimate: Mapping[str, float | None]) -> Text:
    ends = (estimate["low"], estimate["high"])
    return Text("" if None in ends else " to ".join(map(_format_number, ends)), "dim")


def _plain_texts(*values: object) -> list[Text]:
    return [Text(figures.printable(value), overflow="fold") for value in values]


def _table(*names: str, right: set[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table
