"""View of `verify --kept`: a bar while proofs are made again, then what was proven and what does not hold.

Inputs: calls with how many rows are done, and a `KeptVerification`. Outputs: a bar on stderr where that is a terminal,
and Rich text on the given console.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.cli.views.store import MAX_FINDINGS_SHOWN
from flows.cli.views.tables import new_table, plain_text, plain_texts, print_line
from tasks.reporting.formatting import format_number, printable

if TYPE_CHECKING:
    from tasks.maintenance.verify_kept import KeptVerification


@contextmanager
def proof_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar of proven images while the block runs, where there is a terminal."""
    columns = (TextColumn("proving"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_kept_verification(console: Console, result: "KeptVerification") -> None:
    """Print how many images were proven again, and the findings on those that were not."""
    release = f"release {result.version} of {result.catalogue}"
    if not result.checked:
        console.print(f"No live image of {release} keeps a photo's product: there is nothing to prove.")
        return
    if result.sound:
        console.print(f"{result.checked:,} images of {release}: the product of each was proven again from its photo.")
    else:
        print_line(
            console,
            (f"{result.broken:,} broken, {result.undecided:,} undecided", "red"),
            f" of {result.checked:,}, {release}\n",
        )
        _show_findings(console, result)
    if result.warned:
        print_line(
            console, (f"{result.warned:,} with a warning", "yellow"), ": of their ground something could not be shown."
        )
        for warning in result.warnings[:MAX_FINDINGS_SHOWN]:
            print_line(console, "  ", printable(f"{warning.sku} {warning.view}: {warning.code}: {warning.sentence}"))
    resampled = result.checked - result.unscaled
    console.print(
        f"{result.unscaled:,} at scale 1, {resampled:,} resampled; {result.staged:,} compared to the pixel before their"
        " JPEG, the others within what it loses."
    )


def _show_findings(console: Console, result: "KeptVerification") -> None:
    counts = new_table("what does not hold", "images", right={"images"})
    for code, count in Counter(result.codes).most_common():
        counts.add_row(plain_text(code), format_number(count))
    console.print(counts, "")
    table = new_table("SKU", "view", "", "what is wrong")
    for finding in result.findings[:MAX_FINDINGS_SHOWN]:
        slot = f"{finding.view} {finding.variant} {finding.index}"
        certainty = "undecided" if finding.undecided else "broken"
        table.add_row(*plain_texts(finding.sku, slot, certainty, f"{finding.code}: {finding.sentence}"))
    console.print(table)
    if sum(result.codes.values()) > MAX_FINDINGS_SHOWN:
        console.print(f"\nThe first {MAX_FINDINGS_SHOWN}; --json names {len(result.findings)}.")
