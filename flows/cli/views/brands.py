"""Views of a shop's brands: what it sells and since when, and what a person changed.

Inputs: the documents of `flows.shop_brand_changes`. Outputs: Rich tables on the given console.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.cli.views.tables import new_table, plain_text
from tasks.reporting import formatting

MAX_CELL_CHARACTERS, MAX_KNOWN_CHARACTERS = 200, 10_000


def show_shop_brands(console: Console, listed: Mapping[str, Any]) -> None:
    """Print the newest fact, brand by brand, and the facts before it."""
    facts, name = listed["facts"], formatting.printable(listed["catalogue"])
    if not listed["asked"]:
        console.print(Text("The policy in force does not ask which brands the shop sells."), soft_wrap=True)
    if not facts:
        console.print(Text(f"Nothing is recorded of {name} yet; its first full refresh learns it."), soft_wrap=True)
    else:
        _show_facts(console, facts)
    known = f"{len(listed['known']):,} brands are known to the policy in force: {', '.join(listed['known'])}"
    console.print(Text(f"\n{formatting.printable(known, MAX_KNOWN_CHARACTERS)}", "dim"), soft_wrap=True)


def _show_facts(console: Console, facts: list[Mapping[str, Any]]) -> None:
    table = new_table("sold here", "known from")
    for brand, origin in facts[0]["sold"].items():
        table.add_row(plain_text(brand, MAX_CELL_CHARACTERS), plain_text(origin, MAX_CELL_CHARACTERS))
    console.print(table)
    if facts[0]["refused"]:
        refused = formatting.printable(", ".join(facts[0]["refused"]), MAX_KNOWN_CHARACTERS)
        console.print(Text(f"Never learned, since a person removed them: {refused}"), soft_wrap=True)
    history = new_table("fact", "since", "who", "why", "sold", right={"fact", "sold"})
    for fact in facts:
        since = (fact["when"] or "")[:16].replace("T", " ")
        cells = (f"{fact['number']}", since, fact["who"] or "a run", fact["why"], f"{len(fact['sold']):,}")
        history.add_row(*(plain_text(cell, MAX_CELL_CHARACTERS) for cell in cells))
    console.print("", history)


def show_change(console: Console, changed: Mapping[str, Any]) -> None:
    """Print what the shop sells after a change, or that it was so already."""
    sold = formatting.printable(", ".join(changed["sold"]) or "none", MAX_KNOWN_CHARACTERS)
    word = f"Recorded as fact {changed['number']}" if changed["changed"] else "It was so already"
    console.print(Text(f"{word}. Sold here: {sold}"), soft_wrap=True)
    console.print("The next refresh judges by it what waits because of a brand; live images stay.", soft_wrap=True)
