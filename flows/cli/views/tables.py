"""Rich tables and text for all views: one style, and untrusted text that stays text.

Inputs: names, numbers that are formatted already, and untrusted text (SKUs, file names, reasons). Outputs: Rich tables,
texts and printed lines. Catalogue text is made printable and kept out of Rich's markup and emoji codes: a SKU can
neither colour, move nor decorate anything.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from catalogs.slot_states import SlotState
from tasks.reporting.formatting import MAX_TEXT_CHARACTERS, printable

SLOT_STATE_STYLES = {
    SlotState.PUBLISH.report_name: "green",
    SlotState.REVIEW.report_name: "yellow",
    SlotState.BLOCKED.report_name: "red",
    SlotState.FAILED.report_name: "magenta",
}
"""Colours of counts above zero. The name is printed beside each, so that colour alone carries no meaning."""

Pairs = Iterable[tuple[str, str]]


def new_table(*names: str, right: Collection[str] = ()) -> Table:
    """Return an empty table with these columns; those in `right` are aligned right, as numbers are."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def plain_text(value: object, limit: int = MAX_TEXT_CHARACTERS) -> Text:
    """Return literal text: no markup, no emoji codes, no control characters."""
    return Text(printable(value, limit), overflow="fold")


def plain_texts(*values: object) -> list[Text]:
    """Return the cells of a row."""
    return [plain_text(value) for value in values]


def facts_table(facts: Mapping[str, object]) -> Table:
    """Return names with their values, one per line."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(Text(name, style="dim"), plain_text(value))
    return table


def print_line(console: Console, *parts: str | Text | tuple[str, str], indent: int = 0) -> None:
    """Print parts, each text or (text, style), as one paragraph. Markup in them is not read."""
    console.print(Padding(Text.assemble(*parts), (0, 0, 0, indent), expand=False))


def print_unbroken(console: Console, text: str, indent: int = 0) -> None:
    """Print untrusted text on a line of its own, whatever its length: an address can be followed and copied whole."""
    console.print(Text(" " * indent + printable(text, len(text))), soft_wrap=True)


def print_columns(console: Console, columns: Sequence[tuple[str, Pairs]]) -> None:
    """Print small tables of (name, number) pairs side by side, or one below another in a narrow terminal."""
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
        number = Text(value)
        if value != "0":
            number.stylize(SLOT_STATE_STYLES.get(name, ""))
        table.add_row(plain_text(name.replace("_", " ")), number)
    return table
