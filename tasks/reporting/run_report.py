"""Write a run's report: JSON for machines, an HTML page with a contact sheet, Markdown for Prefect.

Inputs: the `RunReport`, the batch (`catalogs.table_schemas.DECISIONS`), the prompts, the staged images. Outputs:
`report.json`; `report.html`, one file that opens from a disk without a network; and a short Markdown text. No failure
here stops a release: an image that cannot be read becomes a tile without an image.

The page holds untrusted text (SKUs, titles, reasons that quote them), so it is written with autoescape, forbids scripts
and every network access by its own Content-Security-Policy, and names its one style sheet there by digest.
"""

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import islice, zip_longest

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.runs.report_schema import ReportEstimate, RunReport, known_counts
from catalogs.slot_states import SlotState
from catalogs.table_rows import ReportedDecisionRow
from infra.errors import InvalidImage, StoreError
from infra.imaging.thumbnails import make_thumbnail
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from tasks.reporting import formatting
from tasks.reporting.html_pages import data_uri, render_page

THUMBNAIL_SIDE = 256
INLINE_TILES, INLINE_SIDE = 8, 96
"""Images in the Markdown, and their longest side in pixels."""

CANDIDATES_PER_TILE = 8
"""Slots considered for each tile, so that a product in eight sizes does not fill the sheet with one image."""

READ_THREADS = 8
"""Images read at once: enough to hide a bucket's latency."""

SHEET_SECTIONS = {
    SlotState.REVIEW: ("Review", "These wait for a person."),
    SlotState.BLOCKED: ("Blocked", "The gates refused these; another seed did not help, or would not."),
    SlotState.FAILED: ("Failed", "No image could be made; the next run tries again while attempts are left."),
    SlotState.PUBLISH: ("Pass", "Every required gate has passed these."),
}
"""The contact sheet's groups, refused slots first: a title and a sentence each."""

SHEET_STATES = tuple(SHEET_SECTIONS)


@dataclass(frozen=True)
class Tile:
    """One slot on the contact sheet. `jpeg` is its thumbnail, empty where there is none; `attempt` counts from 0.

    `link` is the published image's public address, where there is one.
    """

    sku: str
    category: str
    view: str
    variant: str
    index: int
    state: str
    verdict: str
    reasons: tuple[str, ...]
    prompt: str
    attempt: int | None
    jpeg: bytes
    link: str = ""


# The contact sheet


def build_contact_sheet(
    store: ObjectStore,
    decisions: pa.Table,
    prompts: Mapping[bytes, str],
    limit: int = 96,
    links: Mapping[bytes, str] | None = None,
) -> list[Tile]:
    """Return at most `limit` tiles, refused slots first; the order of the batch's rows does not matter.

    Every state gets an equal share of the tiles, and what one does not need goes to the others. Within a state the
    reasons take turns (categories, for published slots), and slots that share an image come last. `prompts` maps
    request keys to texts, and `links` slots to the public address of what they show now.
    """
    positions = {state: pc.indices_nonzero(pc.equal(decisions["state"], state)) for state in SHEET_STATES}
    parts = _allot_tiles({state: len(indices) for state, indices in positions.items()}, limit)
    rows: list[ReportedDecisionRow] = []
    for state in SHEET_STATES:
        rows += _interleave_rows(
            decisions.take(positions[state]), "category" if state == SlotState.PUBLISH else "reasons", parts[state]
        )
    with ThreadPoolExecutor(READ_THREADS, "thumbnails") as threads:
        thumbnails = threads.map(partial(_read_thumbnail, store), rows)
        return [
            _build_tile(row, prompts, jpeg, (links or {}).get(row["slot_id"], ""))
            for row, jpeg in zip(rows, thumbnails, strict=True)
        ]


def _allot_tiles(available: Mapping[str, int], limit: int) -> dict[str, int]:
    parts, left = dict.fromkeys(available, 0), max(0, limit)
    for waiting, state in zip(
        range(len(available), 0, -1), sorted(available, key=lambda name: available[name]), strict=True
    ):
        parts[state] = min(available[state], -(-left // waiting))
        left -= parts[state]
    return parts


def _interleave_rows(rows: pa.Table, column: str, count: int) -> list[ReportedDecisionRow]:
    """Return `count` rows in which the column's values take turns: common values first, then by slot id."""
    if count == 0:
        return []
    values = pc.fill_null(pc.binary_join(rows[column], ", ") if column == "reasons" else rows[column], "")
    counted = {entry["values"]: entry["counts"] for entry in pc.value_counts(values).to_pylist()}
    turns: list[tuple[int, int, int, ReportedDecisionRow]] = []
    for position, value in enumerate(sorted(counted, key=lambda name: (-counted[name], name))[:count]):
        group = rows.filter(pc.equal(values, value)).select(list(ReportedDecisionRow.__annotations__))
        first = group.take(pc.sort_indices(group["slot_id"])[: count * CANDIDATES_PER_TILE]).to_pylist()
        seen: Counter[bytes] = Counter()
        for turn, row in enumerate(first):
            seen[row["request_key"]] += 1
            turns.append((seen[row["request_key"]], turn, position, row))
    turns.sort(key=lambda item: item[:3])
    chosen = [row for *_, row in turns[:count]]
    return sorted(chosen, key=lambda row: (row["sku"], row["view"], row["variant"], row["index"]))


def _read_thumbnail(store: ObjectStore, row: ReportedDecisionRow) -> bytes:
    if not row["image_key"] or not row["finish_digest"]:
        return b""
    try:
        data = store.read(layout.finished_image(row["image_key"].hex(), row["finish_digest"]))
        return make_thumbnail(data, THUMBNAIL_SIDE) if sha256(data).digest() == row["file_sha"] else b""
    except (StoreError, InvalidImage):
        return b""


def _build_tile(row: ReportedDecisionRow, prompts: Mapping[bytes, str], jpeg: bytes, link: str) -> Tile:
    return Tile(
        sku=row["sku"] or "",
        category=row["category"] or "",
        view=row["view"] or "",
        variant=row["variant"] or "",
        index=row["index"] or 0,
        state=row["state"] or "",
        verdict=row["verdict"] or "",
        reasons=tuple(row["reasons"] or ()),
        prompt=prompts.get(row["request_key"], ""),
        attempt=row["attempt"],
        jpeg=jpeg,
        link=link if row["state"] == SlotState.PUBLISH else "",
    )


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
