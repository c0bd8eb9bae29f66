"""View of a catalogue's photos: how many slots keep a photo's product, and which photos cannot be used.

Inputs: the part of a report that counts them. Outputs: a line and a table on the given console. SKUs stay text.
"""

from rich.console import Console

from catalogs.runs.report_parts import ReportPhotos
from flows.cli.views.tables import new_table, plain_texts, print_line
from tasks.reporting import formatting

MAX_SKU_CHARACTERS = 40


def show_photos(console: Console, photos: ReportPhotos | None) -> None:
    """Print the slots by mode, and each reason against photos with its first row; nothing without photos."""
    if photos is None:
        return
    for mode, count in photos.slots.items():
        sentence = f"{count:,} slots ask for the product of a photo, in the mode {formatting.printable(mode, 20)}."
        print_line(console, sentence)
    if photos.reasons:
        table = new_table("photo", "slots", "without another", "first row", "SKU", right={"slots", "without another"})
        for reason, found in photos.reasons.items():
            counts = (formatting.format_number(number) for number in (found.slots, found.waiting, found.row))
            sku = formatting.printable(found.sku or formatting.UNKNOWN_VALUE, MAX_SKU_CHARACTERS)
            table.add_row(*plain_texts(reason, *counts, sku))
        console.print(table)
    console.print()
