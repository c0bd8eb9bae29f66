"""A source's columns as a recipe's fields: Arrow arrays of clean text.

Comes in: record batches of any types. Goes out: one string array a field; null and empty mean the same (empty). Text
is hostile: control characters become spaces, runs of spaces become one, Unicode becomes NFC, HTML loses its tags. All
of it runs vectorised (RE2, linear), and only where a cheap test says that it is needed.
"""

import html
import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.errors import CatalogueError
from catalogs.recipe import Recipe

_PLACEHOLDER = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_SPACES = r"(?:\pZ|[\x00-\x20\x7f-\x9f\x{2028}\x{2029}])+"
_DIRTY = r"^\s|\s$|\s\s|[\x00-\x1f\x7f]|[^\x00-\x7f]"


def source_columns(recipe: Recipe, available: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each field that the source can fill, the source columns it is made of.

    Raises `CatalogueError` naming the columns that are missing.
    """
    present = set(available)
    found: dict[str, tuple[str, ...]] = {}
    missing: list[str] = []
    for field, expression in recipe.columns.items():
        wanted = placeholders(expression)
        if all(column in present for column in wanted):
            found[field] = wanted
        elif field not in recipe.optional:
            missing += [column for column in wanted if column not in present]
    extra = recipe.ignore_when_empty + ((recipe.inherit.by,) if recipe.inherit else ())
    missing += [column for column in extra if column not in present]
    if missing:
        shopify = {"Handle", "Title", "Variant SKU"} <= present
        raise CatalogueError(
            f"The source has no column {', '.join(repr(name) for name in dict.fromkeys(missing))}; it has"
            f" {', '.join(sorted(present)[:20])}."
            + (" It looks like a Shopify export: try --recipe shopify." if shopify else " Map it under columns.")
        )
    return found


def placeholders(expression: str) -> tuple[str, ...]:
    """Return the source columns of a mapping: the ones in `{{ }}`, or the whole text where there are none."""
    return tuple(_PLACEHOLDER.findall(expression)) or (expression,)


def as_text(array: pa.Array, column: str) -> pa.Array:
    """Return any column as strings, null where the value is null or not text at all."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        items = pc.cast(array.flatten(), pa.string())
        offsets = pc.cast(array.offsets, pa.int32())
        rebuilt = pa.ListArray.from_arrays(offsets, items) if array.null_count == 0 else None
        if rebuilt is None:
            return pa.array([None if value is None else ",".join(map(str, value)) for value in array.to_pylist()])
        return pc.binary_join(rebuilt, ",")
    try:
        return pc.cast(array, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if pa.types.is_nested(kind):
            raise CatalogueError(
                f"The column {column!r} holds {kind}, which is no text or number; leave it out of the recipe's columns"
            ) from None
        return pa.array([_decoded(value) for value in array.to_pylist()], pa.string())


def _decoded(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)


def clean(array: pa.Array) -> pa.Array:
    """Return the text with nothing but visible characters and single spaces, in NFC; empty for null."""
    array = pc.fill_null(array, "")
    if not pc.any(pc.match_substring_regex(array, _DIRTY)).as_py():
        return array
    array = pc.utf8_normalize(array, "NFC")
    array = pc.replace_substring_regex(array, _SPACES, " ")
    return pc.utf8_trim_whitespace(array)


def without_html(array: pa.Array) -> pa.Array:
    """Return the text between the tags, with entities decoded."""
    array = pc.fill_null(array, "")
    if not pc.any(pc.match_substring_regex(array, "[<&]")).as_py():
        return array
    array = pc.replace_substring_regex(array, r"(?is)<(?:script|style)\b.*?</(?:script|style)\s*>", " ")
    array = pc.replace_substring_regex(array, r"(?s)<[^>]*>", " ")
    if pc.any(pc.match_substring(array, "&")).as_py():
        array = pa.array([html.unescape(text) for text in array.to_pylist()], pa.string())
    return array


def field_values(expression: str, batch: Mapping[str, pa.Array]) -> pa.Array:
    """Return one field's raw text: a column, or a text with columns in it.

    In a text with columns, empty values leave no doubled separators: `{{ Handle }}-{{ Size }}` without a size is the
    handle alone, and with all of them empty it is empty.
    """
    wanted = placeholders(expression)
    if wanted == (expression,):
        return batch[expression]
    parts: list[pa.Array | str] = []
    position = 0
    for match in _PLACEHOLDER.finditer(expression):
        parts += [expression[position : match.start()], pc.fill_null(batch[match.group(1)], "")]
        position = match.end()
    parts.append(expression[position:])
    joined = pc.binary_join_element_wise(*parts, "")
    joined = pc.replace_substring_regex(joined, r"([-_/ .])[-_/ .]+", r"\1")
    joined = pc.utf8_trim(joined, "-_/ .")
    empty = pc.equal(pc.binary_join_element_wise(*[pc.fill_null(batch[name], "") for name in wanted], ""), "")
    return pc.if_else(empty, "", joined)
