"""Store version: the number of a store's layout, which upgrades raise and an older Packshot refuses.

Inputs: the document `store.json`, or none. Outputs: the layout's number, or an error that says which Packshot to use.
A store of commit 091e488 and of all commits before this document came has layout 1. Every later layout is reached from
the one before by the steps of `tasks.maintenance.upgrade`; the document is written last, so that a killed upgrade is
done again from the start, and each step may be repeated.
"""

from collections.abc import Mapping
from typing import Any

from catalogs.errors import OptionError

LAYOUT_WITHOUT_DOCUMENT = 1
LAYOUT = 5
"""The layout that this Packshot writes. Raised with each step that a store must go through."""


def parse_layout(document: Mapping[str, Any], store_url: str) -> int:
    """Return the layout's number. Raises `OptionError` for a newer layout, and for a document of another origin."""
    layout = document.get("layout")
    if not isinstance(layout, int) or isinstance(layout, bool) or layout < 1:
        raise OptionError(f"--store: store.json in {store_url} names no layout; is this a store of Packshot's?")
    if layout > LAYOUT:
        raise OptionError(
            f"--store: {store_url} has layout {layout}, of a newer Packshot ({document.get('packshot', 'unknown')});"
            f" this one knows layouts up to {LAYOUT}: install the newer version"
        )
    return layout
