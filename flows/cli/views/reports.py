"""What a person sees on the terminal when a command has ended: a plan, a report, releases.

Comes in: the report document, rows of releases. Goes out: Rich tables on the console that is given. Catalogue text is
made printable and kept out of Rich's markup and emoji codes: a SKU can neither colour, move nor decorate anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from catalogs.slot_states import REPORT_STATES
from flows.cli.views.models import show_version_results
from tasks.reporting import formatting as figures

if TYPE_CHECKING:
    from tasks.maintenance.sweep import SweepResult
    from tasks.maintenance.verify import VerificationResult

MAX_REJECTS_SHOWN = 5
MAX_WARNINGS_SHOWN = 10
MAX_REASONS_SHOWN = 8
MAX_FINDINGS_SHOWN = 20
MAX_SKU_CHARACTERS = 40

SLOT_STATE_STYLES = {"published": "green", "review": "yellow", "blocked": "red", "failed": "magenta"}
"""The few colours there are, for counts above zero. Every one of them stands beside its word."""

PLANNED_SLOT_STATES = ("new", "changed", "unchanged", "waiting", "retired")

C2PA_STATE_TEXTS = {
    "absent": "no manifest is in it",
    "unreadable": "there is a manifest, or a picture, that cannot be read",
    "invalid": "the signature does not hold",
    "valid": "the signature holds; its signer is not on a list that is trusted here",
    "trusted": "the signature holds, and its signer is trusted here",
}
"""What each state of a signature means."""

UNIT_COSTS = ("per image", "per accepted", "per sku")

Pairs = Iterable[tuple[str, str]]


# Reports


def show_plan(console: Console, report: Mapping[str, Any]) -> None:
    """Print what a run would do: rows, slots, images, and what they would cost."""
    _print_header(console, report)
    slots, estimate = report.get("slots") or {}, report.get("estimate") or {}
    currency = (report.get("cost") or {}).get("currency")
    refused = {f"prompt {name}": slots.get(name) for name in ("review", "blocked") if slots.get(name)}
    refused |= {"deferred": slots["deferred"]} if slots.get("deferred") else {}
    guess = {
        "images": figures.format_number(estimate.get("images")),
        "GPU time": figures.format_duration(estimate.get("gpu_seconds")),
        "time": figures.format_duration(estimate.get("seconds")),
        "cost": figures.format_money(estimate.get("cost"), currency),
        "an hour": figures.format_money(estimate.get("per_hour"), currency),
        "an image": figures.format_money(estimate.get("per_image"), currency),
        "others pay": figures.format_price_range(estimate.get("usual"), currency),
    }
    if estimate.get("gpu"):
        guess["GPU"] = figures.printable(estimate["gpu"], 20)
    _print_columns(
        console,
        [
            ("slots", _formatted_counts({name: slots.get(name) for name in PLANNED_SLOT_STATES} | refused)),
            ("rows", _formatted_counts(report.get("rows") or {})),
            ("estimate", guess.items()),
        ],
    )
    _print_details(console, report)


def show_report(console: Console, report: Mapping[str, Any], report_url: str | None) -> None:
    """Print what a run did; `where` is the address of the whole report."""
    _print_header(console, report)
    slots, cost = report.get("slots") or {}, report.get("cost") or {}
    spent = {
        "time": figures.format_duration((report.get("seconds") or {}).get("total")),
        "GPU time": figures.format_duration(report.get("gpu_seconds")),
        "cost": figures.format_money(cost.get("total"), cost.get("currency")),
        **{name: figures.format_money(cost.get(name.replace(" ", "_")), cost.get("currency")) for name in UNIT_COSTS},
        "cache hits": figures.format_percent(report.get("cache_hit_rate")),
    }
    if (report.get("new_skus") or {}).get("share") is not None:
        spent["new within 2 h"] = figures.format_percent(report["new_skus"]["share"])
    ends = {name: slots.get(name) for name in REPORT_STATES}
    others = {name: count for name, count in slots.items() if name not in ends}
    if figures.is_held(report):
        ends = {"to publish": ends.pop("published")} | ends
    _print_columns(
        console,
        [
            ("slots", _formatted_counts(ends)),
            ("planned", _formatted_counts(others)),
            ("rows", _formatted_counts(report.get("rows"))),
        ],
    )
    _print_columns(console, [("images", _formatted_counts(report.get("images"))), ("spent", spent.items())])
    _print_sum_errors(console, report)
    _print_held_checks(console, report)
    _print_details(console, report)
    if signed := figures.describe_signer(report):
        _print_line(console, (signed, "dim"))
    if report_url:
        console.print(Text(f"Report  {figures.printable(report_url)}"), soft_wrap=True)


def show_releases(console: Console, releases: Sequence[Mapping[str, Any]]) -> None:
    """Print releases, one a row: `version`, `when`, `run`, `kind`, `rows` (changed)."""
    if not releases:
        console.print("There is no release yet.")
        return
    table = _table(
        "catalogue", "version", "when (UTC)", "kind", "rows changed", "run", right={"version", "rows changed"}
    )
    for release in releases:
        kind = str(release["kind"]) + (f" to {release['back_to']}" if release.get("back_to") else "")
        state = ", current" if release.get("current") else "" if release.get("kept", True) else ", swept"
        table.add_row(
            _plain_text(release["catalogue"]),
            figures.format_number(release["version"]),
            _plain_text(figures.format_compact_datetime(release["when"])),
            _plain_text(kind + state),
            figures.format_number(release["rows"]),
            _plain_text(release["run_id"]),
        )
    console.print(table)


def show_verification(console: Console, verification: "VerificationResult") -> None:
    """Print what was looked at in a store, and what is wrong there."""
    where = f"release {verification.version} of {verification.catalogue}"
    if verification.sound:
        console.print(f"{verification.checked:,} pictures of {where}: each is there and as the manifest says.")
        return
    _print_line(
        console,
        (f"{verification.missing:,} missing, {verification.wrong:,} wrong", "red"),
        f" of {verification.checked:,}, {where}\n",
    )
    table = _table("SKU", "view", "what is wrong", "object", right=set())
    for finding in verification.findings[:MAX_FINDINGS_SHOWN]:
        place = f"{finding.view} {finding.variant} {finding.index}"
        table.add_row(
            _plain_text(finding.sku),
            _plain_text(place),
            _plain_text(", ".join(finding.reasons)),
            _plain_text(finding.object),
        )
    console.print(table)
    if verification.missing + verification.wrong > MAX_FINDINGS_SHOWN:
        console.print(f"\nThe first {MAX_FINDINGS_SHOWN}; --json names {len(verification.findings)}.")


def show_provenance(console: Console, document: Mapping[str, Any]) -> None:
    """Print what a picture carries, all of it foreign text, and the rows that it belongs to."""
    c2pa = document["c2pa"]
    signed_at = c2pa["signed_at"] + ("" if c2pa["stamped"] else ", as the signer says")
    pairs = {
        "file": document["file"],
        "XMP source type": document["xmp"]["source_type"] or "none",
        "C2PA": f"{c2pa['state']}: {C2PA_STATE_TEXTS[c2pa['state']]}",
    }
    if c2pa["present"] and c2pa["state"] != "unreadable":
        pairs |= {"signed as": c2pa["issuer"], "signed at": signed_at, "made with": c2pa["generator"]}
        pairs |= {"title": c2pa["title"]}
    if document["watermark"]:
        found = document["watermark"]["payload"]
        pairs["watermark"] = f"{document['watermark']['name']}: {found or 'nothing is found'}"
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in pairs.items():
        table.add_row(Text(name, style="dim"), _plain_text(value))
    console.print(table, "")
    for problem in document["problems"]:
        _print_line(console, ("Problem: ", "red"), figures.printable(problem))
    if document["rows"]:
        rows = _table("catalogue", "SKU", "view", "release", "same", "object", right={"release"})
        for row in document["rows"]:
            sku, release = figures.printable(row["sku"], MAX_SKU_CHARACTERS), figures.format_number(row["release"])
            place, there = (
                (_plain_text(row["catalogue"]), _plain_text(sku), _plain_text(row["view"])),
                _plain_text(row["object"]),
            )
            rows.add_row(*place, release, _plain_text(row["same"]), there)
        console.print(rows)
    elif document["rows"] is not None:
        console.print("No picture that is live in this store is this one.")


def show_sweep(console: Console, swept: "SweepResult") -> None:
    """Print what a sweep deleted, or would delete."""
    table = _table("kind", "files", "size", right={"files", "size"})
    for kind, count in swept.counts.items():
        table.add_row(kind, figures.format_number(count.files), decimal(count.bytes))
    console.print("Would delete" if swept.dry_run else "Deleted")
    console.print(table)
    for note in swept.notes:
        _print_line(console, ("Note: ", "yellow"), figures.printable(note))


def _print_header(console: Console, report: Mapping[str, Any]) -> None:
    style = "yellow" if figures.is_held(report) else ""
    name = figures.printable(report.get("catalogue") or figures.UNKNOWN_VALUE)
    facts = [f"run {report.get('run_id') or figures.UNKNOWN_VALUE}", report.get("scope")]
    facts += ["resumed"] if report.get("resumed") else []
    console.print()
    _print_line(console, (name, "bold"), "  ", (figures.describe_release(report), style))
    _print_line(console, (figures.printable(", ".join(fact for fact in facts if fact)), "dim"))
    if report.get("source"):
        _print_line(console, (figures.printable(report["source"]), "dim"))
    console.print()


def _print_columns(console: Console, columns: Sequence[tuple[str, Pairs]]) -> None:
    """Print small tables side by side, or below one another where the terminal is too narrow."""
    tables = [table for table in (_pair_table(title, pairs) for title, pairs in columns) if table.row_count]
    widths = [console.measure(table).maximum for table in tables]
    if sum(widths) + 4 * len(tables) > console.width:
        for table in tables:
            console.print(table, "")
        return
    grid = Table.grid(padding=(0, 4, 0, 0))
    grid.add_row(*tables)
    console.print(grid, "")


def _pair_table(title: str, pairs: Pairs) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(title)
    table.add_column("", justify="right", min_width=7, no_wrap=True)
    for name, value in pairs:
        shown = Text(value)
        if value != "0":
            shown.stylize(SLOT_STATE_STYLES.get(name, ""))
        table.add_row(_plain_text(name.replace("_", " ")), shown)
    return table


def _formatted_counts(counts: Mapping[str, int | None] | None) -> list[tuple[str, str]]:
    return [(name, figures.format_number(count)) for name, count in (counts or {}).items()]


def _print_sum_errors(console: Console, report: Mapping[str, Any]) -> None:
    for total in figures.build_balance_checks(report):
        if total.difference:
            left, right = (
                " + ".join(f"{name} {count:,}" for name, count in side) for side in (total.left, total.right)
            )
            _print_line(console, (f"{left} = {right} does not add up; please report this.\n", "red"))


def _print_held_checks(console: Console, report: Mapping[str, Any]) -> None:
    if not figures.is_held(report):
        return
    why = {check["name"]: check.get("reason") for check in report.get("checks") or ()}
    _print_line(console, ("Held: ", "yellow"), "these checks failed, and the shop keeps what it has.")
    for name in report["held"]:
        reason = f": {figures.printable(why[name])}" if why.get(name) else ""
        _print_line(console, (figures.printable(name), "bold"), reason, indent=2)
    _print_line(console, "To publish the batch as it is, say why:")
    # In one piece, however narrow the terminal: it is made to be copied.
    console.print(Text(f"  {figures.format_release_command(report)}\n"), soft_wrap=True)


def _print_details(console: Console, report: Mapping[str, Any]) -> None:
    show_version_results(console, report)
    reasons = sorted((report.get("reasons") or {}).items(), key=lambda item: (-item[1], item[0]))
    if reasons:
        table = _table("reason", "count", right={"count"})
        for reason, count in reasons[:MAX_REASONS_SHOWN]:
            table.add_row(_plain_text(reason), figures.format_number(count))
        console.print(table, "")
    channels = report.get("channels") or {}
    if channels:
        table = _table("usable on", "pictures", "not", "why not", right={"pictures", "not"})
        for name, sums in channels.items():
            why = ", ".join(f"{reason} {count:,}" for reason, count in sums["reasons"].items())
            table.add_row(
                *map(
                    _plain_text,
                    (name, figures.format_number(sums["usable"]), figures.format_number(sums["not_usable"]), why),
                )
            )
        console.print(table, "")
    rejects = report.get("rejects") or ()
    if rejects:
        table = _table("row", "SKU", "column", "reason", right={"row"})
        for reject in rejects[:MAX_REJECTS_SHOWN]:
            sku = figures.printable(reject.get("sku") or figures.UNKNOWN_VALUE, MAX_SKU_CHARACTERS)
            words = [_plain_text(reject.get(name) or figures.UNKNOWN_VALUE) for name in ("column", "reason")]
            table.add_row(figures.format_number(reject.get("row")), _plain_text(sku), *words)
        console.print(table)
        count = max((report.get("rows") or {}).get("rejected") or 0, len(rejects))
        _print_line(console, (f"{len(rejects[:MAX_REJECTS_SHOWN])} of {count:,} rejected rows\n", "dim"))
    for warning in (report.get("warnings") or ())[:MAX_WARNINGS_SHOWN]:
        _print_line(console, ("Warning: ", "yellow"), figures.printable(warning))
    if report.get("warnings"):
        console.print()


def _table(*names: str, right: set[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def _plain_text(value: object) -> Text:
    """Return text that is only text: no markup, no emoji codes, nothing that acts on a terminal."""
    return Text(figures.printable(value), overflow="fold")


def _print_line(console: Console, *parts: str | Text | tuple[str, str], indent: int = 0) -> None:
    console.print(Padding(Text.assemble(*parts), (0, 0, 0, indent), expand=False))
