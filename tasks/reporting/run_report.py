"""Write a run's report: JSON for machines, an HTML page with a contact sheet, Markdown for Prefect.

Inputs: the `RunReport`, the contact sheet's tiles. Outputs: `report.json`; `report.html`, one file that opens from a
disk without a network; and a short Markdown text.

The page holds untrusted text (SKUs, titles, reasons that quote them), so it is written with autoescape, forbids scripts
and every network access by its own Content-Security-Policy, and names its one style sheet there by digest.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest

from catalogs import layout
from catalogs.runs.report_parts import ReportEstimate
from catalogs.runs.report_schema import RunReport, known_counts
from catalogs.slot_states import SlotState
from infra.imaging.thumbnails import make_thumbnail
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from tasks.reporting import formatting
from tasks.reporting.contact_sheet import SHEET_SECTIONS, SHEET_STATES, Tile
from tasks.reporting.html_pages import data_uri, render_page

INLINE_TILES, INLINE_SIDE = 8, 96
"""Images in the Markdown, and their longest side in pixels."""


# The page


def render_html(report: RunReport, tiles: Sequence[Tile]) -> str:
    """Return the whole page: inline style, images as data URIs, no script, no network."""
    groups = [
        (state.value, state.report_name, *texts, [tile for tile in tiles if tile.state == state])
        for state, texts in SHEET_SECTIONS.items()
    ]
    return render_page(
        "report.html",
        report=report,
        sums=formatting.build_balance_checks(report),
        held=report.is_held,
        status=formatting.describe_release(report),
        command=formatting.format_release_command(report),
        signed_by=formatting.describe_signer(report),
        models=formatting.registered_models(report),
        groups=[group for group in groups if group[-1]],
        checks=sorted(report.checks, key=lambda check: (check.success, not check.critical)),
        reasons=report.sorted_reasons,
        slot_counts=known_counts(report.slots),
        image_counts=known_counts(report.images),
    )


def write_report(store: ObjectStore, run_id: str, report: RunReport, tiles: Sequence[Tile]) -> None:
    """Write `report.json` and `report.html` into the run's folder."""
    write_json(store, layout.RunFiles(run_id).report, report.to_json())
    page = render_html(report, tiles).encode("utf-8", "replace")
    store.write(layout.RunFiles(run_id).report_page, page, content_type="text/html; charset=utf-8")


# The artifact


def render_markdown(report: RunReport, tiles: Sequence[Tile] = ()) -> str:
    """Return a few lines of Markdown: the outcome, some images, the counts, and where the whole report is."""
    return "\n".join(_summary_lines(report, tiles)) + "\n"


def _summary_lines(report: RunReport, tiles: Sequence[Tile]) -> Iterator[str]:
    yield f"## {_escape_markdown(report.catalogue or '')}\n\n**{formatting.describe_release(report)}**\n"
    if report.is_held:
        yield "Checks that failed: " + ", ".join(_escape_markdown(check) for check in report.held) + "\n"
        yield f"`{formatting.format_release_command(report).replace('`', '')}`\n"
    yield from _inline_sheet_lines(tiles)
    yield from _table_lines("slots", known_counts(report.slots).items())
    yield from _table_lines("rows", known_counts(report.rows).items())
    yield from _table_lines("reasons", report.sorted_reasons[:10])
    yield from _table_lines("usable on", ((name, channel.usable) for name, channel in report.channels.items()))
    yield (
        f"Images generated: {formatting.format_number(report.images.generated)}. "
        f"Cost: {formatting.format_money(report.cost.total, None)} {_escape_markdown(report.cost.currency or '')}. "
        f"Time: {formatting.format_duration(report.seconds.get('total'))}.\n"
    )
    if report.estimate is not None:
        yield _estimate_line(report.estimate)
    for warning in report.warnings[:10]:
        yield f"- {_escape_markdown(warning)}"
    if report.run_id:
        page = layout.RunFiles(formatting.printable(report.run_id).replace("`", "")).report_page
        yield f"\nThe whole report: `{page}`"


def _estimate_line(estimate: ReportEstimate) -> str:
    currency = estimate.currency
    return (
        f"Estimate: {formatting.format_number(estimate.images)} images, "
        f"{formatting.format_duration(estimate.gpu_seconds)} on {_escape_markdown(estimate.gpu or '')}, "
        f"{_escape_markdown(formatting.format_money(estimate.cost, currency))}; an image "
        f"{_escape_markdown(formatting.format_money(estimate.per_image, currency))}, others pay "
        f"{_escape_markdown(formatting.format_price_range(estimate.usual, currency))}.\n"
    )


def _inline_sheet_lines(tiles: Sequence[Tile]) -> Iterator[str]:
    """Yield a few tiles as small images, states in turn: 30 KB in all, since Prefect's database keeps every run's."""
    groups = [[tile for tile in tiles if tile.state == state and tile.jpeg] for state in SHEET_STATES]
    turns = (tile for turn in zip_longest(*groups) for tile in turn if tile is not None)
    chosen = sorted(islice(turns, INLINE_TILES), key=lambda tile: SHEET_STATES.index(SlotState(tile.state)))
    rows = [
        f"| ![]({data_uri(make_thumbnail(tile.jpeg, INLINE_SIDE))}) | {_escape_markdown(tile.sku)}, "
        f"{_escape_markdown(tile.view)} "
        f"| {_escape_markdown(tile.state)} | {_escape_markdown(', '.join(tile.reasons))} |"
        for tile in chosen
    ]
    if rows:
        yield "\n".join(["| image | slot | state | reasons |", "| --- | --- | --- | --- |", *rows, ""])


def _table_lines(title: str, counts: Iterable[tuple[str, float | None]]) -> Iterator[str]:
    rows = [f"| {_escape_markdown(name)} | {formatting.format_number(count)} |" for name, count in counts]
    if rows:
        yield "\n".join([f"| {title} | |", "| --- | ---: |", *rows, ""])


def _escape_markdown(text: object) -> str:
    """Return text that Markdown and HTML show as it is."""
    return html.escape(re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:@])", r"\\\1", formatting.printable(text)))
