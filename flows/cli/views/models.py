"""Views of models and their versions: states and shares, and a candidate beside production.

Inputs: the documents of `flows.engines.model_versions`, a `RunReport`. Outputs: Rich tables on the given console.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from catalogs.runs.report_schema import RunReport
from flows.cli.views.tables import new_table, plain_texts
from tasks.reporting import formatting

MAX_SOURCE_CHARACTERS = 60


def show_models(console: Console, models: Sequence[Mapping[str, Any]]) -> None:
    """Print every model's versions, and the last change of each model."""
    if not models:
        console.print("The registry is empty. `packshot engine register CATALOGUE --source …` adds a first version.")
        return
    names = ("model", "version", "state", "SKUs", "source", "precision", "registered (UTC)")
    table = new_table(*names, right={"version", "SKUs"})
    for model in models:
        for version in model["versions"]:
            source = version["source"] + (f"@{version['revision'][:12]}" if version["revision"] else "")
            table.add_row(
                *plain_texts(model["model"], version["version"], version["state"]),
                formatting.format_percent(_sku_share(model, version)),
                *plain_texts(formatting.printable(source, MAX_SOURCE_CHARACTERS), version["precision"]),
                *plain_texts(formatting.format_compact_datetime(version["registered_at"])),
            )
    console.print(table)
    for model in models:
        latest_change = model["changes"][-1]
        when = f"{formatting.format_compact_datetime(latest_change['at'])} UTC by {latest_change['by']}"
        description = (
            f"{model['model']}: last change {when}: {latest_change['kind']} of version {latest_change['version']}"
        )
        console.print(
            Text(
                formatting.printable(description + (f", {latest_change['why']}" if latest_change["why"] else "")), "dim"
            )
        )


def show_comparison(console: Console, promotion: Mapping[str, Any]) -> None:
    """Print a candidate beside production, and the reasons against its promotion."""
    comparison = promotion["comparison"]
    if comparison is None:
        console.print("Nothing is in production that it could be compared with.")
    else:
        pair = ("candidate", "production")
        table = new_table("", *(f"version {comparison[name]}" for name in pair), "difference")
        table.columns[0].no_wrap = True
        table.add_row("requests decided", *(formatting.format_number(comparison["requests"][name]) for name in pair))
        table.add_row("runs", *(formatting.format_number(comparison["runs"][name]) for name in pair))
        for measure in comparison["measures"]:
            estimates = [measure[name] for name in (*pair, "difference")]
            table.add_row(measure["name"], *(_format_number(estimate["value"]) for estimate in estimates))
            table.add_row(Text("worse", "red") if measure["worse"] else "", *map(_format_interval, estimates))
        console.print(table)
        console.print(f"Below each figure its {formatting.format_percent(comparison['level'])} confidence interval.\n")
    for reason in promotion["refused"]:
        console.print(Text.assemble(("Refused: ", "yellow"), formatting.printable(reason)), soft_wrap=True)
    if promotion["refused"]:
        console.print("To promote it all the same: --accept-worse REASON", soft_wrap=True)


def show_version_results(console: Console, report: RunReport) -> None:
    """Print the images and the pass rate of each registered model version of a run; nothing where there is none."""
    models = formatting.registered_models(report)
    if not models:
        return
    names = ("images", "requests", "passed")
    table = new_table("model version", *names, right=names)
    for model in models:
        table.add_row(
            *plain_texts(model.version or model.model),
            formatting.format_number(model.images),
            formatting.format_number(model.requests),
            formatting.format_percent(model.pass_rate),
        )
    console.print(table, "")


def _sku_share(model: Mapping[str, Any], version: Mapping[str, Any]) -> float:
    """Return the share of the SKUs whose new images a version generates."""
    canary = model["canary"]["share"] if model["canary"] else 0
    shares = {"production": 100 - canary, "candidate": int(version["share"])}
    return int(shares.get(version["state"], 0)) / 100


def _format_number(value: float | None) -> str:
    return formatting.UNKNOWN_VALUE if value is None else f"{value:.3g}"


def _format_interval(estimate: Mapping[str, float | None]) -> Text:
    ends = (estimate["low"], estimate["high"])
    return Text("" if None in ends else " to ".join(map(_format_number, ends)), "dim")
