"""Tables and sentences about the gallery.

Inputs: what an export wrote. Outputs: text on a console; what a catalogue says in it is made visible.
"""

from rich.console import Console

from catalogs.gallery.release_index import GENERATED
from tasks.gallery.gallery_export import GalleryExport
from tasks.reporting.formatting import printable

MAX_LINES = 10


def show_export(console: Console, export: GalleryExport) -> None:
    """Say what was copied, where it is, and what was left out."""
    copied = f"{len(export.images):,} of {export.live:,} images of release {export.release}"
    lines = [f"{copied}: {printable(export.folder)}/index.html"]
    kept = sum(image.mode != GENERATED for image in export.images)
    if kept and not export.photos:
        lines.append(f"{kept:,} keep a product: the shop's photos stay, since they are private; --photos copies them")
    for left in export.left_out[:MAX_LINES]:
        name = ", ".join(filter(None, (left.sku, left.view)))
        lines.append(f"left out  {printable(name)}: {left.reason}")
    if len(export.left_out) > MAX_LINES:
        lines.append(f"left out  {len(export.left_out) - MAX_LINES:,} more, in exported.json")
    console.print("\n".join(lines), soft_wrap=True, markup=False, highlight=False)
