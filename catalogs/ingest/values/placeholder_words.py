"""Placeholder words: what spreadsheets and databases write where there is no value (`N/A`, `NULL`, `#REF!`).

Inputs: clean text. Outputs: the text with such words empty. A word counts only if it is the whole text, in any case:
`None` is no title, but `None of your business` is one. The list is `catalogs/data/placeholders.txt`.
"""

from functools import cache
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc


def is_placeholder(text: str) -> bool:
    """Tell whether a text stands for no value."""
    return text.lower() in _words()


def without_placeholders(array: pa.Array) -> pa.Array:
    """Return the texts with those that stand for no value empty."""
    found = pc.is_in(pc.utf8_lower(array), pa.array(_words(), pa.string()))
    return pc.if_else(found, "", array) if pc.any(found).as_py() else array


@cache
def _words() -> frozenset[str]:
    file = resources.files("catalogs") / "data" / "placeholders.txt"
    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return frozenset(line.lower() for line in lines if line and not line.startswith("# "))
