"""Tell whether a column's types in several files mean one thing, so that a value reads the same from each.

Inputs: Arrow types. Outputs: a type without its storage variant, and whether two of them agree.
Invariant: types agree where equal values have equal text. The number 451 and the text `00451` never do: which zeros a
file with numbers has lost is unknown.
"""

import pyarrow as pa

from infra.sources.batch_slicing import is_list


def storage_independent_type(kind: pa.DataType) -> pa.DataType:
    """Return a type without its storage variant: no dictionaries, and no text with wide offsets."""
    if pa.types.is_dictionary(kind):
        return storage_independent_type(kind.value_type)
    if is_list(kind):
        return pa.list_(storage_independent_type(kind.value_type))
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind


def types_agree(first: pa.DataType, second: pa.DataType) -> bool:
    """Tell whether a value that both types hold reads the same from both."""
    a, b = storage_independent_type(first), storage_independent_type(second)
    if a == b or pa.types.is_null(a) or pa.types.is_null(b):
        return True
    if is_list(a) and is_list(b):
        return types_agree(a.value_type, b.value_type)
    if pa.types.is_timestamp(a) and pa.types.is_timestamp(b):
        return bool(a.tz == b.tz)
    if pa.types.is_decimal(a) and pa.types.is_decimal(b):
        return bool(a.scale == b.scale)
    return _family(a) != "" and _family(a) == _family(b)


def _family(kind: pa.DataType) -> str:
    """Return which kinds of values have equal texts: pandas writes whole numbers with a gap as floats."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "text"
    return "date" if pa.types.is_date(kind) else ""
