"""Views of a store: its releases, the findings of `verify`, the files that a sweep deleted.

Inputs: release summaries, a `VerificationResult`, a `SweepResult`. Outputs: Rich tables on the given console.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.filesize import decimal

from flows.cli.views.tables import new_table, plain_text, plain_texts, print_line
from tasks.reporting import formatting

if TYPE_CHECKING:
    from tasks.maintenance.batch_deletion import SweepResult
    from tasks.maintenance.verify import VerificationResult
    from tasks.runs.held_batches import HeldBatch

MAX_FINDINGS_SHOWN = 20


def show_held_batches(console: Console, batches: Sequence["HeldBatch"], now: datetime) -> None:
    """Print the batches that wait for a person, and which of them nobody answers."""
    for batch in batches:
        label = "Overdue: " if batch.is_overdue(now) else "Held: "
        print_line(console, (label, "yellow"), formatting.printable(batch.sentence(now)))


def show_releases(console: Console, releases: Sequence[Mapping[str, Any]]) -> None:
    """Print releases, one per row; each has the fields of `tasks.runs.release_history.ReleaseSummary`."""
    if not releases:
        console.print("There is no release yet.")
        return
    with_changes = any(release.get("same_as_current") is not None for release in releases)
    counts = ("new", "changed", "gone") if with_changes else ("rows changed",)
    table = new_table("catalogue", "version", "when (UTC)", "kind", *counts, "run", right={"version", *counts})
    for release in releases:
        shown = release.get("shown") or {}
        numbers = [shown.get(name) for name in counts] if with_changes else [release["rows"]]
        table.add_row(
            plain_text(release["catalogue"]),
            formatting.format_number(release["version"]),
            plain_text(formatting.format_compact_datetime(release["when"])),
            plain_text(_kind_and_state(release)),
            *(formatting.format_number(number) for number in numbers),
            plain_text(release["run_id"]),
        )
    console.print(table)
    oldest = min((release["version"] for release in releases if release.get("kept", True)), default=None)
    if oldest is not None and len({release["catalogue"] for release in releases}) == 1:
        console.print(f"One can go back to release {oldest} and every later one.")


def _kind_and_state(release: Mapping[str, Any]) -> str:
    kind = str(release["kind"]) + (f" to {release['back_to']}" if release.get("back_to") else "")
    if release.get("undone"):
        kind += f" of {', '.join(map(str, release['undone']))}"
    if release.get("current"):
        return f"{kind}, current"
    if not release.get("kept", True):
        return f"{kind}, swept"
    return f"{kind}, same as now" if release.get("same_as_current") else kind


def show_verification(console: Console, verification: "VerificationResult") -> None:
    """Print how many images of a release were checked, and the findings on invalid ones."""
    release = f"release {verification.version} of {verification.catalogue}"
    if verification.sound:
        console.print(f"{verification.checked:,} images of {release}: each is there and as the manifest says.")
        return
    print_line(
        console,
        (f"{verification.missing:,} missing, {verification.wrong:,} wrong", "red"),
        f" of {verification.checked:,}, {release}\n",
    )
    table = new_table("SKU", "view", "what is wrong", "object")
    for finding in verification.findings[:MAX_FINDINGS_SHOWN]:
        slot = f"{finding.view} {finding.variant} {finding.index}"
        table.add_row(*plain_texts(finding.sku, slot, ", ".join(finding.reasons), finding.object))
    console.print(table)
    if verification.missing + verification.wrong > MAX_FINDINGS_SHOWN:
        console.print(f"\nThe first {MAX_FINDINGS_SHOWN}; --json names {len(verification.findings)}.")


def show_sweep(console: Console, swept: "SweepResult") -> None:
    """Print what a sweep deleted, or would delete."""
    table = new_table("kind", "files", "size", right={"files", "size"})
    for kind, count in swept.counts.items():
        table.add_row(kind, formatting.format_number(count.files), decimal(count.bytes))
    console.print("Would delete" if swept.dry_run else "Deleted")
    console.print(table)
    for note in swept.notes:
        print_line(console, ("Note: ", "yellow"), formatting.printable(note))


def show_warnings(console: Console, warnings: Sequence[str]) -> None:
    """Print warnings, one on a line."""
    for warning in warnings:
        print_line(console, ("Warning: ", "yellow"), formatting.printable(warning))
