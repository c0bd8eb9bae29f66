"""View of one SKU's story: a screen of its slots, their attempts and refusals, and what comes next.

Inputs: the document of `tasks.reporting.sku_story`. Outputs: Rich text on the given console; text from a catalogue
stays text.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.cli.views.provenance import show_kept
from flows.cli.views.tables import SLOT_STATE_STYLES, new_table, plain_text, print_line
from tasks.reporting import formatting

Document = Mapping[str, Any]
MAX_PROMPT_CHARACTERS = 200
MAX_ROW_CHARACTERS = 600
MAX_RULES = 4
ANSWERS_IN_WORDS = {
    "accept": "accepted",
    "refuse": "refused",
    "retry": "another attempt asked for",
    "undo": "an answer taken back about",
    "readmission": "readmitted",
}


def show_story(console: Console, story: Document) -> None:
    """Print the story of a SKU."""
    print_line(
        console, formatting.printable(story["sku"]), (f"  {story['catalogue']}, release {story['release']}", "dim")
    )
    if policy := story["policy"]:
        by = f"policy {policy['number']} in force, by {policy['who']}: {policy['why']}"
        print_line(console, (formatting.printable(by), "dim"))
    if row := story["row"]:
        columns = " · ".join(f"{name}: {value}" for name, value in row["fields"].items() if value)
        read = f"row {row['row']}, as run {row['run_id']} read it: {columns}"
        print_line(console, (formatting.printable(read, MAX_ROW_CHARACTERS), "dim"))
    if not story["slots"]:
        console.print("Nothing of it is live and nothing was refused: no run of this catalogue has decided it.")
    for slot in story["slots"]:
        _show_slot(console, slot)
    for reject in story["rejected"]:
        text = f"Row {reject['row']} was rejected by run {reject['run_id']}: {reject['column']}: {reject['reason']}"
        print_line(console, ("rejected  ", "red"), formatting.printable(text))
    for answer in story["people"]:
        _show_answer(console, answer)
    if story["releases"]:
        console.print()
        table = new_table("release", "when (UTC)", "kind", "run", right={"release"})
        for release in story["releases"]:
            when = formatting.format_compact_datetime(release["when"])
            cells = (plain_text(release[name]) for name in ("kind", "run_id"))
            table.add_row(formatting.format_number(release["version"]), plain_text(when), *cells)
        console.print(table)


def _show_slot(console: Console, slot: Document) -> None:
    name = f"{slot['view']} {slot['variant']} {slot['index']}"
    category = f"  category {slot['category']}" if slot["category"] else ""
    console.print()
    print_line(console, (formatting.printable(name), "bold"), (formatting.printable(category), "dim"))
    if slot["prompt"]:
        print_line(console, ("prompt  ", "dim"), formatting.printable(slot["prompt"], MAX_PROMPT_CHARACTERS), indent=2)
    if live := slot["live"]:
        release = "an older release" if live["release"] is None else f"release {live['release']}"
        when = formatting.format_compact_datetime(live["released_at"])
        text = f"since {release}, {when}, attempt {live['attempt']}, {live.get('url') or live['object']}"
        print_line(console, ("live    ", "green"), formatting.printable(text, MAX_PROMPT_CHARACTERS), indent=2)
        show_kept(console, [live])
    if slot["attempts"]:
        _show_attempts(console, slot)
    for outcome in slot["outcomes"]:
        when = formatting.format_compact_datetime(outcome["decided_at"])
        text = f"  {', '.join(outcome['reasons'] or [])} · by {outcome['decided_by']}, {when}, run {outcome['run_id']}"
        style = SLOT_STATE_STYLES.get(outcome["state"], "")
        print_line(console, (outcome["state"], style), formatting.printable(text, MAX_PROMPT_CHARACTERS), indent=2)
        if sentence := outcome.get("sentence"):
            print_line(console, ("said    ", "dim"), formatting.printable(sentence), indent=2)
    print_line(console, ("next    ", "dim"), formatting.printable(slot["next"], MAX_PROMPT_CHARACTERS), indent=2)


def _show_answer(console: Console, answer: Document) -> None:
    words = f": {answer['reason']}" if answer["reason"] else ""
    text = f"{_tell_answer(answer)} by {answer['by']}, {formatting.format_compact_datetime(answer['at'])}{words}"
    print_line(console, ("people  ", "cyan"), formatting.printable(text))


def _tell_answer(answer: Document) -> str:
    """Return what was answered, and whether it counts."""
    if answer["channel"] is not None:
        return f"{'approved for' if answer['given'] else 'approval taken back for'} {answer['channel']}"
    if answer["kind"] == "release":
        return f"run {answer['run_id']} let go, with {', '.join(answer['checks'])},"
    told = ANSWERS_IN_WORDS[answer["kind"]]
    if "view" in answer:
        told += f" {answer['view']} {answer['variant']} {answer['index']}"
        told += f" ({answer['refusal']})" if answer["refusal"] else ""
        told += f" with the prompt {answer['prompt']!r}" if answer["prompt"] else ""
        told += ", in conflict with another answer," if answer["conflict"] and answer["counts"] else ""
        told += "" if answer["counts"] or answer["kind"] == "undo" else ", which does not count any more,"
    return told


def _show_attempts(console: Console, slot: Document) -> None:
    table = new_table("  attempt", "verdict", "reasons", "score and limits", "run")
    for attempt in slot["attempts"]:
        # What is broken comes first; of what is kept some, since a policy has twenty rules.
        rules = [*attempt["limits"], *attempt["within"][: max(0, MAX_RULES - len(attempt["limits"]))]]
        lines = [_tell_rule(rule) for rule in rules]
        left = len(attempt["limits"]) + len(attempt["within"]) - len(rules)
        lines += [f"{left} more within their limits: --json"] if left else []
        number = f"  {attempt['attempt']} {attempt['made']}"
        scores = Text("\n").join(plain_text(line) for line in lines)
        cells = (plain_text(text) for text in (number, attempt["verdict"], ", ".join(attempt["reasons"])))
        table.add_row(*cells, scores, plain_text(attempt["run_id"]))
    console.print(table)


def _tell_rule(rule: Document) -> str:
    limits = ", ".join(f"{name.replace('_', ' ')} {_number(limit)}" for name, limit in rule["limits"].items())
    return f"{rule['score']} {_number(rule['value'])}: {limits}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
