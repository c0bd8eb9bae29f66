"""Row overrides: the sizes, seeds, tiers, views and times that a row gives in place of the recipe's.

Inputs: the accepted text fields of a batch. Outputs: the same fields, and the rows to reject.

What a field cannot mean (centimetres in `width`, a local date in `created_at`) is left out with a warning, and the
recipe's own value is taken: a product is lost only for its own reasons. Those are: the recipe lists the field under
`required`; or the row asks for a picture that cannot be made, in a column that is the picture's: a size of 1000 pixels,
a view that the recipe lacks (`override_columns` tells which columns are not). A row whose one side was left out loses
both, since the other is no size in pixels either. Each distinct value is checked once, so a catalogue without overrides
costs nothing.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.row_warnings import RowWarnings
from catalogs.ingest.values.placeholder_words import is_placeholder
from catalogs.ingest.values.time_text import is_ambiguous_date, parse_time
from catalogs.recipe.render_settings import MAX_IMAGES, MAX_SIDE, MIN_SIDE, SIDE_MULTIPLE
from catalogs.recipe.schema import Recipe

PRIORITIES = ("high", "normal", "low")
SEED_LIMIT = 2**52
_NUMBER = re.compile(r"[0-9][0-9.,]*")
_MAX_SMALL_DIGITS = 4
_SIDES = ("width", "height")
_EXPECTED = {
    "seed": "no whole number from 0 to 2^52",
    "width": f"no size in pixels (a multiple of {SIDE_MULTIPLE} from {MIN_SIDE} to {MAX_SIDE})",
    "height": f"no size in pixels (a multiple of {SIDE_MULTIPLE} from {MIN_SIDE} to {MAX_SIDE})",
    "num_images": f"no number of images from 1 to {MAX_IMAGES}",
    "quality": "no tier of the recipe",
    "model": "no model of the recipe",
    "priority": f"none of {', '.join(PRIORITIES)}",
    "views": "no view of the recipe",
    "created_at": "no time that can mean one thing only",
    "deadline": "no time that can mean one thing only",
}
"""What a value that was left out is not, for warnings."""


class InvalidOverride(NamedTuple):
    """A row to reject: its position, the column and the reason."""

    position: int
    column: str
    reason: str


def apply_overrides(
    table: pa.Table, recipe: Recipe, warnings: RowWarnings, repurposed: Collection[str] = ()
) -> tuple[pa.Table, list[InvalidOverride]]:
    """Return the rows without what their fields cannot mean, and the rows that cannot be followed without it.

    `repurposed` are the fields whose columns mean something else than the picture.
    """
    rejects: list[InvalidOverride] = []
    no_size: list[pa.ChunkedArray] = []
    for column in _checks(recipe):
        if column not in table.column_names:
            continue
        reasons = invalid_texts(column, pc.unique(table[column]).to_pylist(), recipe)
        if not reasons:
            continue
        nothing = {text for text in reasons if is_placeholder(text)}
        binding = {text for text in reasons.keys() - nothing if _is_binding(column, text, recipe, repurposed)}
        if binding:
            cells, positions = table[column], pc.indices_nonzero(_is_one_of(table[column], binding)).to_pylist()
            rejects += [InvalidOverride(one, column, reasons[cells[one].as_py()]) for one in positions]
        meaningless = _is_one_of(table[column], reasons.keys() - nothing - binding)
        _warn(table, column, meaningless, warnings)
        no_size += [meaningless] if column in _SIDES else []
        table = _left_out(table, column, _is_one_of(table[column], reasons.keys() - binding))
    for column in set(_SIDES).intersection(table.column_names).difference(recipe.required):
        for meaningless in no_size:
            table = _left_out(table, column, meaningless)
    return table, rejects


def invalid_texts(column: str, texts: Iterable[str], recipe: Recipe) -> dict[str, str]:
    """Return the texts that an override's column cannot mean, each with what is wrong; an empty one means nothing."""
    check = _checks(recipe)[column]
    return {text: reason for text in texts if text and (reason := check(text)) is not None}


def _is_binding(column: str, text: str, recipe: Recipe, repurposed: Collection[str]) -> bool:
    """Tell whether a row with this invalid text is rejected for it."""
    if column in recipe.required:
        return True
    if column in repurposed:
        return False
    if column in _SIDES:
        return text.isdecimal() and (len(text) > _MAX_SMALL_DIGITS or int(text) >= MIN_SIDE)
    return column == "views" and not _NUMBER.fullmatch(text)


def _is_one_of(cells: pa.ChunkedArray, texts: Collection[str]) -> pa.ChunkedArray:
    return pc.is_in(cells, pa.array(sorted(texts), pa.string()))


def _checks(recipe: Recipe) -> dict[str, Callable[[str], str | None]]:
    """Return the check of each column: it returns what is wrong with a text."""
    return {
        "seed": _check_seed,
        "width": _check_size,
        "height": _check_size,
        "num_images": _check_image_count,
        "quality": lambda text: _check_choice(text, recipe.tiers),
        "model": lambda text: _check_choice(text, recipe.models),
        "priority": lambda text: _check_choice(text.lower(), PRIORITIES),
        "views": lambda text: _check_views(text, recipe),
        "created_at": _check_time,
        "deadline": _check_time,
    }


def _warn(table: pa.Table, column: str, invalid: pa.ChunkedArray, warnings: RowWarnings) -> None:
    found = table.select([column, "row"]).filter(invalid)
    if not found.num_rows:
        return
    reason = f"{column} is {_EXPECTED[column]} and was left out; where the source's column means something else, map"
    values = zip(found[column].to_pylist(), found["row"].to_pylist(), strict=True)
    warnings.add(f"{reason} {column} to another one or not at all", values)


def _left_out(table: pa.Table, name: str, rows: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pc.if_else(rows, "", table[name]))


def parse_whole_number(text: str) -> int | None:
    """Return the whole number in a cell (`3` and `3.0` alike), or None; None for an empty cell."""
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        try:
            number = float(text)
        except ValueError:
            return None
        return int(number) if number.is_integer() and abs(number) < 2**53 else None


def split_views(text: str) -> tuple[str, ...]:
    """Return the views named in a cell, separated by commas, semicolons or bars, each once."""
    for separator in (";", "|"):
        text = text.replace(separator, ",")
    return tuple(dict.fromkeys(part.strip() for part in text.strip("[]").split(",") if part.strip()))


def _check_seed(text: str) -> str | None:
    number = parse_whole_number(text)
    if number is None or not 0 <= number < SEED_LIMIT:
        return f"the seed {text[:40]!r} is no whole number from 0 to 2^52"
    return None


def _check_size(text: str) -> str | None:
    number = parse_whole_number(text)
    if number is None or not MIN_SIDE <= number <= MAX_SIDE or number % SIDE_MULTIPLE:
        return f"the size {text[:40]!r} is no multiple of {SIDE_MULTIPLE} from {MIN_SIDE} to {MAX_SIDE} pixels"
    return None


def _check_image_count(text: str) -> str | None:
    number = parse_whole_number(text)
    if number is None or not 1 <= number <= MAX_IMAGES:
        return f"the number of images {text[:40]!r} is not from 1 to {MAX_IMAGES}"
    return None


def _check_choice(text: str, known: Collection[str]) -> str | None:
    return None if text in known else f"{text[:40]!r} is none of {', '.join(known)}"


def _check_views(text: str, recipe: Recipe) -> str | None:
    views = split_views(text)
    unknown = [view for view in views if view not in recipe.views]
    if unknown or not views:
        return f"{', '.join(unknown)[:60] or text[:40]!r} is no view of the recipe: {', '.join(recipe.views)}"
    return None


def _check_time(text: str) -> str | None:
    if parse_time(text):
        return None
    problem = "has two numbers that may be the month" if is_ambiguous_date(text) else "is no time"
    return f"{text[:40]!r} {problem}; write it as 2026-11-22T06:30:00Z"
