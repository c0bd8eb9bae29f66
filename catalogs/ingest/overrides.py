"""Row overrides: check the sizes, seeds, tiers, views and times that a row gives in place of the recipe's.

Inputs: the accepted text fields of a batch. Outputs: the rows with an invalid override, and the reasons. Each distinct
value is checked once, so a catalogue without overrides costs nothing.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.recipe.render_settings import MAX_IMAGES, MAX_SIDE, MIN_SIDE, SIDE_MULTIPLE
from catalogs.recipe.schema import Recipe

PRIORITIES = ("high", "normal", "low")
SEED_LIMIT = 2**52


def check_overrides(table: pa.Table, recipe: Recipe) -> Iterator[tuple[int, str, str]]:
    """Yield (position, column, reason) for every invalid override."""
    checks: dict[str, Callable[[str], str | None]] = {
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
        "reference_image": lambda _: "reference images are not supported; leave the cell empty",
    }
    for column, check in checks.items():
        if column not in table.column_names:
            continue
        distinct = pc.unique(table[column]).to_pylist()
        reasons = {text: reason for text in distinct if text and (reason := check(text)) is not None}
        if reasons:
            invalid = pc.is_in(table[column], pa.array(reasons, pa.string()))
            for position in pc.indices_nonzero(invalid).to_pylist():
                yield position, column, reasons[table[column][position].as_py()]


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


def parse_time(text: str) -> datetime | None:
    """Return a cell's time in UTC (ISO 8601; without a zone it is UTC), or None."""
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: the first and last representable days, shifted by a zone
        return None


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
    return None if parse_time(text) else f"{text[:40]!r} is no time; write it as 2026-11-22T06:30:00Z"
