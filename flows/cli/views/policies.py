"""What a person sees of a policy: what it would change, picture by picture counted, and what was withdrawn by it.

Comes in: the documents of `flows.policy_changes`. Goes out: Rich tables on the console. SKUs are catalogue text: they
are made printable and never read as markup.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasks.reporting import formatting as figures

MAX_CHANGES_SHOWN = 20
MAX_SKU_CHARACTERS = 24


def show_trial(console: Console, trial: Mapping[str, Any]) -> None:
    """Print the flip matrix, the flips by reason with a few SKUs each, and what could not be decided."""
    version, catalogue = trial["policy"]["version"], figures.printable(trial["catalogue"])
    console.print(Text(f"\nPolicy version {version} on {catalogue}, release {trial['release']}", "bold"))
    counted = f"{trial['published']:,} published and {trial['waiting']:,} waiting pictures, from stored scores"
    console.print(Text(f"{counted}\n", "dim"))
    matrix = _table("now, then", *trial["matrix"], right=set(trial["matrix"]))
    for now, row in trial["matrix"].items():
        matrix.add_row(now, *(figures.format_number(count) for count in row.values()))
    console.print(matrix, "")
    if trial["flips"]:
        flips = _table("now", "then", "reason", "slots", "such as", right={"slots"})
        for flip in trial["flips"][:MAX_CHANGES_SHOWN]:
            skus = ", ".join(figures.printable(sku, MAX_SKU_CHARACTERS) for sku in flip["skus"])
            words = (flip["now"], flip["then"], flip["reason"], figures.format_number(flip["slots"]), skus)
            flips.add_row(*(Text(figures.printable(word, 200), overflow="fold") for word in words))
        console.print(flips, "")
    if len(trial["flips"]) > MAX_CHANGES_SHOWN:
        console.print(f"The first {MAX_CHANGES_SHOWN} of {len(trial['flips'])}; --json has them all.")
    for sentence in _left_out_notes(trial):
        console.print(Text.assemble(("Note: ", "yellow"), sentence), soft_wrap=True)


def show_application(console: Console, application: Mapping[str, Any]) -> None:
    """Print what a policy has withdrawn, or would, or why it waits for a person."""
    show_trial(console, application["trial"])
    refused = application["refused"]
    count = refused["review"] + refused["blocked"]
    for completed in application["completed"]:
        words = f"Completed first: {completed['kind']} {completed['run_id']}, release {completed['version']}."
        console.print(Text(words), soft_wrap=True)
    if application["held"]:
        words = f"{count:,} of {application['trial']['published']:,} live pictures would go; a person must accept that:"
        console.print(Text.assemble(("Held: ", "yellow"), words), soft_wrap=True)
        console.print(Text(f"  --accept {application['held'][0]} --reason …"), soft_wrap=True)
    elif application["dry_run"]:
        console.print(f"Would withdraw {count:,} pictures in one commit: {_refused_counts(refused)}.", soft_wrap=True)
    elif application["run_id"] is None:
        console.print(f"Nothing to withdraw: release {application['release']['version']} stays.")
    else:
        pictures, version = application["withdrawn"]["pictures"], application["release"]["version"]
        console.print(
            f"Release {version}: {pictures:,} pictures withdrawn, {_refused_counts(refused)}.", soft_wrap=True
        )
    console.print("What newly passes is published by the next refresh; give it this policy too.", soft_wrap=True)


def _refused_counts(refused: Mapping[str, int]) -> str:
    kinds = f"{refused['review']:,} for a person, {refused['blocked']:,} blocked"
    return f"{kinds}; for {refused['another_seed']:,} the next refresh tries another seed"


def _left_out_notes(trial: Mapping[str, Any]) -> list[str]:
    published, waiting = trial["not_stored"]["published"], trial["not_stored"]["waiting"]
    kept = f"{published:,} published and {waiting:,} waiting pictures stay as they are: their scores are not stored."
    made = f"{trial['to_make']:,} slots would pass with their prompt; their pictures are yet to be made."
    alike = f"{trial['alike']:,} wait because they are like another picture, which only a refresh compares."
    sentences = {kept: published + waiting, made: trial["to_make"], alike: trial["alike"]}
    return [sentence for sentence, count in sentences.items() if count]


def _table(*names: str, right: set[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table
