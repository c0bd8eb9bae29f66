"""Views of a run's report, and of a dry run's.

Inputs: a `RunReport`. Outputs: Rich tables on the given console; untrusted text in them stays text.
"""

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from catalogs.runs.report_parts import ReportEstimate
from catalogs.runs.report_schema import RunReport, known_counts
from catalogs.slot_states import REFUSED_BY_GATES, REPORT_STATES
from flows.cli.views.models import show_version_results
from flows.cli.views.photos import show_photos
from flows.cli.views.prompts import show_prompts
from flows.cli.views.tables import new_table, plain_text, plain_texts, print_columns, print_line
from tasks.reporting import formatting

MAX_REJECTS_SHOWN = 5
MAX_WARNINGS_SHOWN = 10
MAX_REASONS_SHOWN = 8
MAX_SKU_CHARACTERS = 40

PLANNED_SLOT_STATES = ("new", "changed", "unchanged", "waiting", "retired")
OCCASIONAL_SLOT_STATES = ("in_progress", "replaced")
"""Shown where they are not 0."""

UNIT_COSTS = {"per image": "per_image", "per accepted": "per_accepted", "per sku": "per_sku"}


def show_plan(console: Console, report: RunReport) -> None:
    """Print what a run would do: rows, slots, images, and what they would cost."""
    _print_header(console, report)
    counts = known_counts(report.slots)
    slots = {name: counts.get(name) for name in PLANNED_SLOT_STATES} | _occasional(counts)
    slots |= {f"prompt {state}": counts[state] for state in REFUSED_BY_GATES if counts.get(state)}
    slots |= {"photo not read": counts["photos_not_read"]} if counts.get("photos_not_read") else {}
    slots |= {"deferred": counts["deferred"]} if counts.get("deferred") else {}
    print_columns(
        console,
        [
            ("slots", _format_counts(slots)),
            ("rows", _format_counts(known_counts(report.rows))),
            ("estimate", _format_estimate(report).items()),
        ],
    )
    show_photos(console, report.photos)
    show_prompts(console, report.prompts)
    _print_details(console, report)


def show_report(console: Console, report: RunReport, report_url: str | None) -> None:
    """Print what a run did; `report_url` is the address of the whole report."""
    _print_header(console, report)
    counts = known_counts(report.slots)
    ends = {name: counts.get(name) for name in REPORT_STATES}
    planned = {name: counts.get(name) for name in PLANNED_SLOT_STATES} | _occasional(counts)
    if report.is_held:
        ends = {"to publish": ends.pop("published")} | ends
    print_columns(
        console,
        [
            ("slots", _format_counts(ends)),
            ("planned", _format_counts(planned)),
            ("rows", _format_counts(known_counts(report.rows))),
        ],
    )
    show_photos(console, report.photos)
    images = _format_counts(known_counts(report.images))
    print_columns(console, [("images", images), ("spent", _format_spending(report).items())])
    _print_sum_errors(console, report)
    _print_held_checks(console, report)
    _print_details(console, report)
    if signer := formatting.describe_signer(report):
        print_line(console, (signer, "dim"))
    if report_url:
        console.print(Text(f"Report  {formatting.printable(report_url)}"), soft_wrap=True)


def _format_estimate(report: RunReport) -> dict[str, str]:
    estimate, currency = report.estimate or ReportEstimate(), report.cost.currency
    texts = {
        "images": formatting.format_number(estimate.images),
        "GPU time": formatting.format_duration(estimate.gpu_seconds),
        "time": formatting.format_duration(estimate.seconds),
        "cost": formatting.format_money(estimate.cost, currency),
        "an hour": formatting.format_money(estimate.per_hour, currency),
        "an image": formatting.format_money(estimate.per_image, currency),
        "others pay": formatting.format_price_range(estimate.usual, currency),
    }
    return texts | ({"GPU": formatting.printable(estimate.gpu, 20)} if estimate.gpu else {})


def _format_spending(report: RunReport) -> dict[str, str]:
    cost = report.cost
    texts = {
        "time": formatting.format_duration(report.seconds.get("total")),
        "GPU time": formatting.format_duration(report.gpu_seconds),
        "cost": formatting.format_money(cost.total, cost.currency),
        **{name: formatting.format_money(getattr(cost, key), cost.currency) for name, key in UNIT_COSTS.items()},
        "cache hits": formatting.format_percent(report.cache_hit_rate),
    }
    if report.new_skus.share is not None:
        texts["new within 2 h"] = formatting.format_percent(report.new_skus.share)
    return texts


def _format_counts(counts: Mapping[str, int | None]) -> list[tuple[str, str]]:
    return [(name, formatting.format_number(count)) for name, count in counts.items()]


def _occasional(counts: Mapping[str, int]) -> dict[str, int | None]:
    return {name: counts[name] for name in OCCASIONAL_SLOT_STATES if counts.get(name)}


def _print_header(console: Console, report: RunReport) -> None:
    style = "yellow" if report.is_held else ""
    name = formatting.printable(report.catalogue or formatting.UNKNOWN_VALUE)
    facts = [f"run {report.run_id or formatting.UNKNOWN_VALUE}", report.scope, "resumed" if report.resumed else None]
    console.print()
    print_line(console, (name, "bold"), "  ", (formatting.describe_release(report), style))
    print_line(console, (formatting.printable(", ".join(fact for fact in facts if fact)), "dim"))
    if report.source:
        print_line(console, (formatting.printable(report.source), "dim"))
    for note in report.source_notes:
        print_line(console, (formatting.printable(note), "dim"))
    console.print()


def _print_sum_errors(console: Console, report: RunReport) -> None:
    for balance in formatting.build_balance_checks(report):
        if balance.difference:
            left, right = (
                " + ".join(f"{name} {count:,}" for name, count in side) for side in (balance.left, balance.right)
            )
            print_line(console, (f"{left} = {right} does not add up; please report this.\n", "red"))


def _print_held_checks(console: Console, report: RunReport) -> None:
    if not report.is_held:
        return
    reasons = {check.name: check.reason for check in report.checks}
    print_line(console, ("Held: ", "yellow"), "these checks failed, and the shop keeps what it has.")
    for name in report.held:
        reason = f": {formatting.printable(reasons[name])}" if reasons.get(name) else ""
        print_line(console, (formatting.printable(name), "bold"), reason, indent=2)
    if report.rows.accepted == 0 and report.rows.rejected:
        print_line(console, "There is nothing to publish: mend the source, or the recipe that reads it.\n")
        return
    print_line(console, "To publish the batch as it is, say why:")
    # One unwrapped line, however narrow the terminal, so that it can be copied.
    console.print(Text(f"  {formatting.format_release_command(report)}\n"), soft_wrap=True)


def _print_details(console: Console, report: RunReport) -> None:
    show_version_results(console, report)
    if report.reasons:
        table = new_table("reason", "count", right={"count"})
        for reason, count in report.sorted_reasons[:MAX_REASONS_SHOWN]:
            table.add_row(plain_text(reason), formatting.format_number(count))
        console.print(table, "")
    _print_brands(console, report)
    _print_channels(console, report)
    _print_rejects(console, report)
    for warning in report.warnings[:MAX_WARNINGS_SHOWN]:
        print_line(console, ("Warning: ", "yellow"), formatting.printable(warning))
    if report.warnings:
        console.print()


def _print_brands(console: Console, report: RunReport) -> None:
    if report.brands is None or not (report.brands.sold or report.brands.learned):
        return
    print_line(console, formatting.describe_brands(report.brands))
    console.print()


def _print_channels(console: Console, report: RunReport) -> None:
    if not report.channels:
        return
    table = new_table("usable on", "images", "not", "why not", right={"images", "not"})
    for name, channel in report.channels.items():
        counts = (formatting.format_number(channel.usable), formatting.format_number(channel.not_usable))
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in channel.reasons.items())
        table.add_row(*plain_texts(name, *counts, reasons))
    console.print(table, "")


def _print_rejects(console: Console, report: RunReport) -> None:
    if not report.rejects:
        return
    table = new_table("row", "SKU", "column", "reason", right={"row"})
    rejects = report.rejects[:MAX_REJECTS_SHOWN]
    for reject in rejects:
        sku = formatting.printable(reject.sku or formatting.UNKNOWN_VALUE, MAX_SKU_CHARACTERS)
        texts = (sku, reject.column or formatting.UNKNOWN_VALUE, reject.reason or formatting.UNKNOWN_VALUE)
        table.add_row(formatting.format_number(reject.row), *plain_texts(*texts))
    console.print(table)
    count = max(report.rows.rejected or 0, len(report.rejects))
    print_line(console, (f"{len(rejects)} of {count:,} rejected rows\n", "dim"))
