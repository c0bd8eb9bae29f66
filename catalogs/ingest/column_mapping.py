"""Column mapping: a source's columns as a recipe's fields, in Arrow arrays of clean text.

Inputs: record batches of any types. Outputs: one string array for each field; null and empty mean the same (empty).

Source text is untrusted: control characters become spaces, runs of spaces become one, Unicode becomes NFC, and HTML
loses its tags. All of it is vectorised (RE2, linear time) and runs only if a cheap test finds that it is needed.
"""

import html
import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.errors import CatalogueError, MissingColumns
from catalogs.ingest.number_text import float_text
from catalogs.near_matches import describe_missing, list_names
from catalogs.recipe.schema import Recipe

_PLACEHOLDER = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_SEPARATOR = re.compile(r"[-_/ .,:;|]*")
_SPACES = r"(?:\pZ|[\x00-\x20\x7f-\x9f\x{2028}\x{2029}])+"
_HUGE_REFERENCE = r"&#(?:[0-9]{33,}|[xX][0-9a-fA-F]{33,});?"
"""A character reference far beyond Unicode: Python reads no number of more than 4,300 digits, and raises."""
_DIRTY = r"^\s|\s$|\s\s|[\x00-\x1f\x7f]|[^\x00-\x7f]"


def source_columns(recipe: Recipe, available: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the source columns of each field that the source can fill.

    Raises `MissingColumns` naming the columns that are missing, and those that were probably meant.
    """
    present = set(available)
    columns_by_field: dict[str, tuple[str, ...]] = {}
    missing: list[str] = []
    for field, expression in recipe.columns.items():
        columns = placeholders(expression)
        if all(column in present for column in columns):
            columns_by_field[field] = columns
        elif field not in recipe.optional or field == "sku":
            missing += [column for column in columns if column not in present]
    extra = recipe.ignore_when_empty + ((recipe.inherit.by,) if recipe.inherit else ())
    missing += [column for column in extra if column not in present]
    if missing:
        names = describe_missing(missing, available)
        raise MissingColumns(f"The source has no column {names}; it has {list_names(available)}.")
    return columns_by_field


def placeholders(expression: str) -> tuple[str, ...]:
    """Return the source columns of a mapping: those in `{{ }}`, or the whole text if there are none."""
    return tuple(_PLACEHOLDER.findall(expression)) or (expression,)


def as_text(array: pa.Array, column: str) -> pa.Array:
    """Return any column as strings; a null or NaN becomes null. Raises `CatalogueError` for nested types."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if _is_list(kind) and not pa.types.is_nested(kind.value_type):
        return pa.array([_list_as_text(values) for values in array.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        raise CatalogueError(
            f"The column {column!r} holds {kind}, which is neither text nor number; drop it from the recipe's columns"
        )
    if pa.types.is_floating(kind):
        return float_text(array)
    if pa.types.is_decimal(kind) and kind.scale < 0:
        array = pc.cast(array, pa.decimal256(76, 0))  # else it reads as 7E+2
    if pa.types.is_timestamp(kind) and kind.tz == "UTC":
        # The same text as below, twenty times as fast: with a time zone, Arrow looks up its rules for each value.
        return pc.binary_join_element_wise(pc.cast(pc.cast(array, pa.timestamp(kind.unit)), pa.string()), "Z", "")
    try:
        return pc.cast(array, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([_value_as_text(value) for value in array.to_pylist()], pa.string())


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _list_as_text(values: Sequence[object] | None) -> str | None:
    return None if values is None else ",".join(_value_as_text(value) or "" for value in values)


def _value_as_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)


def clean_text(array: pa.Array) -> pa.Array:
    """Return the text without control characters and with single spaces, in NFC; empty for null."""
    array = pc.fill_null(array, "")
    if not pc.any(pc.match_substring_regex(array, _DIRTY)).as_py():
        return array
    array = pc.utf8_normalize(array, "NFC")
    array = pc.replace_substring_regex(array, _SPACES, " ")
    return pc.utf8_trim_whitespace(array)


def strip_html(array: pa.Array) -> pa.Array:
    """Return the text between the tags, with entities decoded."""
    array = pc.fill_null(array, "")
    if not pc.any(pc.match_substring_regex(array, "[<&]")).as_py():
        return array
    array = pc.replace_substring_regex(array, r"(?is)<(?:script|style)\b.*?</(?:script|style)\s*>", " ")
    array = pc.replace_substring_regex(array, r"(?s)<[^>]*>", " ")
    if pc.any(pc.match_substring(array, "&")).as_py():
        array = pc.replace_substring_regex(array, _HUGE_REFERENCE, "\ufffd")
        array = pa.array([html.unescape(text) for text in array.to_pylist()], pa.string())
    return array


def field_values(expression: str, batch: Mapping[str, pa.Array]) -> pa.Array:
    """Return one field's raw text: a column, or a text with columns in it.

    In a text with columns, an empty value removes the separator before it: `{{ Handle }}-{{ Size }}` without a size is
    the handle alone, without a handle the size alone, and empty without both. Values are only trimmed.
    """
    columns = placeholders(expression)
    if columns == (expression,):
        return batch[expression]
    literals = _PLACEHOLDER.split(expression)[::2]
    values = [pc.utf8_trim_whitespace(pc.fill_null(batch[name], "")) for name in columns]
    has_value = pc.not_equal(values[0], "")
    joined = pc.binary_join_element_wise(literals[0], values[0], "")
    for literal, value in zip(literals[1:-1], values[1:], strict=True):
        filled = pc.not_equal(value, "")
        between = pc.if_else(pc.and_(has_value, filled), literal, "") if _SEPARATOR.fullmatch(literal) else literal
        joined = pc.binary_join_element_wise(joined, between, value, "")
        has_value = pc.or_(has_value, filled)
    return pc.if_else(has_value, pc.binary_join_element_wise(joined, literals[-1], ""), "")
