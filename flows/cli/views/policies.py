"""Views of a policy: which decisions it would change, and what applying it withdrew.

Inputs: the documents of `flows.policy_changes`. Outputs: Rich tables on the given console.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.cli.views.tables import new_table, plain_text
from tasks.reporting import formatting

MAX_CHANGES_SHOWN = 20
MAX_SKU_CHARACTERS = 24
MAX_CELL_CHARACTERS = 200


def show_trial(console: Console, trial: Mapping[str, Any]) -> None:
    """Print present and proposed decisions as a matrix, the changes by reason with a few SKUs, and the omissions."""
    version, catalogue = trial["policy"]["version"], formatting.printable(trial["catalogue"])
    console.print(Text(f"\nPolicy version {version} on {catalogue}, release {trial['release']}", "bold"))
    counted = f"{trial['published']:,} published and {trial['waiting']:,} waiting images, from stored scores"
    console.print(Text(f"{counted}\n", "dim"))
    matrix = new_table("now, then", *trial["matrix"], right=set(trial["matrix"]))
    for decision, row in trial["matrix"].items():
        matrix.add_row(decision, *(formatting.format_number(count) for count in row.values()))
    console.print(matrix, "")
    if trial["flips"]:
        flips = new_table("now", "then", "reason", "slots", "such as", right={"slots"})
        for flip in trial["flips"][:MAX_CHANGES_SHOWN]:
            skus = ", ".join(formatting.printable(sku, MAX_SKU_CHARACTERS) for sku in flip["skus"])
            texts = (flip["now"], flip["then"], flip["reason"], formatting.format_number(flip["slots"]), skus)
            flips.add_row(*(plain_text(text, MAX_CELL_CHARACTERS) for text in texts))
        console.print(flips, "")
    if len(trial["flips"]) > MAX_CHANGES_SHOWN:
        console.print(f"The first {MAX_CHANGES_SHOWN} of {len(trial['flips'])}; --json has them all.")
    for sentence in _left_out_notes(trial):
        console.print(Text.assemble(("Note: ", "yellow"), sentence), soft_wrap=True)


def show_application(console: Console, application: Mapping[str, Any]) -> None:
    """Print what a policy has withdrawn or would withdraw, or why that needs a person's approval."""
    show_trial(console, application["trial"])
    refused = application["refused"]
    count = refused["review"] + refused["blocked"]
    for completed in application["completed"]:
        text = f"Completed first: {completed['kind']} {completed['run_id']}, release {completed['version']}."
        console.print(Text(text), soft_wrap=True)
    if application["held"]:
        sentence = (
            f"{count:,} of {application['trial']['published']:,} live images would go; a person must accept that:"
        )
        console.print(Text.assemble(("Held: ", "yellow"), sentence), soft_wrap=True)
        console.print(Text(f"  --accept {application['held'][0]} --reason …"), soft_wrap=True)
    elif application["dry_run"]:
        console.print(f"Would withdraw {count:,} images in one commit: {_refused_counts(refused)}.", soft_wrap=True)
    elif application["run_id"] is None:
        console.print(f"In force already, and nothing to withdraw: release {application['release']['version']} stays.")
    elif not application["withdrawn"]["pictures"]:
        console.print("Nothing to withdraw: the images stay as they are.")
    else:
        images, version = application["withdrawn"]["pictures"], application["release"]["version"]
        console.print(f"Release {version}: {images:,} images withdrawn, {_refused_counts(refused)}.", soft_wrap=True)
    in_force = application["in_force"]
    if in_force is not None:
        file = formatting.printable(in_force["file"], MAX_CELL_CHARACTERS)
        console.print(Text(f"In force: policy {in_force['number']}, {file}."), soft_wrap=True)
    console.print("What newly passes is published by the next refresh, which takes this policy.", soft_wrap=True)


def show_policies(console: Console, policies: Sequence[Mapping[str, Any]]) -> None:
    """Print the policies that came into force, the newest first."""
    table = new_table("policy", "digest", "in force since", "who", "file", "why", right={"policy"})
    for policy in policies:
        number = f"{policy['number']}{' (in force)' if policy['in_force'] else ''}"
        since = policy["when"][:16].replace("T", " ")
        cells = (number, policy["digest"][:12], since, policy["who"], policy["file"], policy["why"])
        table.add_row(*(plain_text(cell, MAX_CELL_CHARACTERS) for cell in cells))
    console.print(table)
    if not policies:
        console.print("No policy is recorded yet; the next refresh records the first one.")


def _refused_counts(refused: Mapping[str, int]) -> str:
    kinds = f"{refused['review']:,} for a person, {refused['blocked']:,} blocked"
    return f"{kinds}; for {refused['another_seed']:,} the next refresh tries another seed"


def _left_out_notes(trial: Mapping[str, Any]) -> list[str]:
    published, waiting = trial["not_stored"]["published"], trial["not_stored"]["waiting"]
    unscored = f"{published:,} published and {waiting:,} waiting images stay as they are: their scores are not stored."
    unmade = f"{trial['to_make']:,} slots would pass with their prompt; their images are yet to be made."
    alike = f"{trial['alike']:,} wait because they are like another image, which only a refresh compares."
    named = f"{trial['brands']:,} wait because of a brand in their prompt, which only a refresh compares with rows."
    people = trial["people"]
    kept = f"{people['accepted_that_fail']:,} live images that it refuses were accepted by a person; they go only"
    kept += " where it is applied --against-people."
    refused = f"{people['refused_that_pass']:,} slots that it would pass were refused by a person, and stay so."
    sentences = {unscored: published + waiting, unmade: trial["to_make"], alike: trial["alike"], named: trial["brands"]}
    sentences |= {kept: people["accepted_that_fail"], refused: people["refused_that_pass"]}
    return [sentence for sentence, count in sentences.items() if count]
