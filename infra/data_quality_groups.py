"""Group the entries of a data-quality suite that may be validated together, since they are about the same rows.

Inputs: a pandas frame and a suite, as `infra.data_quality.validate` takes them. Outputs: groups of entries, each with a
frame of exactly their rows and columns.
Invariant: an entry is grouped only where its result is known to be the one that Great Expectations gives for it alone,
with a row condition in place of the selected rows. All others (a missing column, another expectation, an argument that
is no plain value, a column of a type whose comparisons differ) are left out, for the caller to validate one by one.

Why: a validation of its own costs 14 ms of CPU, and 20 with a row condition, which pandas parses as text; together with
others, 5 ms. Of many rows the values cost the most, since `expect_column_values_to_be_between` calls Python for each.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

GROUPED_TYPES = frozenset(
    {
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_between",
        "expect_column_max_to_be_between",
        "expect_column_min_to_be_between",
    }
)
"""The expectations whose results together were compared with their results one by one."""
_ARGUMENTS = frozenset({"column", "value_set", "min_value", "max_value", "strict_min", "strict_max", "mostly"})
_PLAIN_TYPES = (str, int, float, bool, type(None))
_NUMBER_TYPES = ("int32", "int64", "float64")
_EXACT_NUMBER = 2**53
"""Up to here, integers compare alike as integers and as float64."""
_QUERY_NAMES = frozenset({"inf", "Inf", "list", "tuple", "datetime", "Timestamp"})
"""Names that a query of pandas reads as its own before it looks for a column."""
VALUES_AT_ONCE = 4_000_000
"""Rows times entries of a group. With all entries at once, an audit of 2,000,000 rows needed 35 MB more."""


class Group(NamedTuple):
    """Entries of a suite, by their numbers in it, and the rows and columns that they are about."""

    frame: "pd.DataFrame"
    numbers: list[int]


def group_entries(frame: "pd.DataFrame", suite: Sequence[Mapping[str, Any]]) -> Iterator[Group]:
    """Yield the entries that may be validated together; an entry is in one group or in none.

    Conditions that select the same rows share a group: of a frame of one row there are two at most. Of many rows, few
    entries are in a group, since the package keeps what it computed for each until the last.
    """
    if not frame.columns.is_unique:
        return
    for rows, numbers in _select_alike(frame, suite):
        size = max(1, VALUES_AT_ONCE // max(1, int(rows.sum())))
        for start in range(0, len(numbers), size):
            chunk = numbers[start : start + size]
            columns = list(dict.fromkeys(suite[number]["kwargs"]["column"] for number in chunk))
            yield Group(frame[columns] if rows.all() else frame.loc[rows, columns], chunk)


def _select_alike(
    frame: "pd.DataFrame", suite: Sequence[Mapping[str, Any]]
) -> "list[tuple[NDArray[np.bool_], list[int]]]":
    """Return selections of rows that differ, each with the entries that are about them."""
    import numpy

    selections: list[tuple[NDArray[np.bool_], list[int]]] = []
    for number, entry in enumerate(suite):
        rows = select_rows(frame, entry.get("where")) if _may_be_grouped(frame, entry) else None
        if rows is None:
            continue
        for known, numbers in selections:
            if numpy.array_equal(known, rows):
                numbers.append(number)
                break
        else:
            selections.append((rows, [number]))
    return selections


def _may_be_grouped(frame: "pd.DataFrame", entry: Mapping[str, Any]) -> bool:
    kind, arguments, label = entry.get("type"), entry.get("kwargs"), entry.get("label")
    if not isinstance(kind, str) or kind not in GROUPED_TYPES or not isinstance(arguments, Mapping):
        return False
    column = arguments.get("column")
    return (
        _is_column(frame, column)
        and arguments.keys() <= _ARGUMENTS
        and all(_is_plain(value) for value in arguments.values())
        and (not label or (_is_column(frame, label) and label != column))
        and (not kind.endswith("_between") or _compares_numbers(frame, arguments))
    )


def _compares_numbers(frame: "pd.DataFrame", arguments: Mapping[str, Any]) -> bool:
    """Tell whether limits and values can be compared: one failed comparison makes the package repeat a whole group."""
    limits = [arguments.get("min_value"), arguments.get("max_value")]
    numbers = frame.empty or frame.dtypes[arguments["column"]].kind in "iuf"
    return numbers and all(limit is None or type(limit) in (int, float) for limit in limits)


def _is_column(frame: "pd.DataFrame", name: object) -> bool:
    return isinstance(name, str) and name in frame.columns


def _is_plain(value: object) -> bool:
    """Tell whether the JSON of a value tells it from all others, by which the package finds what it has computed."""
    items = value if isinstance(value, list | tuple) else [value]
    return all(type(item) in _PLAIN_TYPES for item in items)


def select_rows(frame: "pd.DataFrame", where: object) -> "NDArray[np.bool_] | None":
    """Return which rows a condition covers (all without one), or None where only a query of pandas can tell.

    `where` is None or `{column, at_least, below}` or `{column, one_of}`. A null is in no set and in no range, as in a
    query.
    """
    import numpy

    if where is None:
        return numpy.ones(len(frame), dtype=bool)
    if not isinstance(where, Mapping) or not _is_column(frame, where.get("column")):
        return None
    if not where["column"].isidentifier() or where["column"] in _QUERY_NAMES:
        return None
    column = frame[str(where["column"])]
    covered = _select_range(column, where) if where.get("one_of") is None else _select_set(column, where)
    return None if covered is None else covered.to_numpy(dtype=bool)


def _select_set(column: "pd.Series[Any]", where: Mapping[str, Any]) -> "pd.Series[bool] | None":
    texts = where["one_of"]
    plain = isinstance(texts, list | tuple) and len(texts) > 0 and all(type(text) is str for text in texts)
    return column.isin(texts) if plain and column.dtype == "str" and where.get("below") is None else None


def _select_range(column: "pd.Series[Any]", where: Mapping[str, Any]) -> "pd.Series[bool] | None":
    at_least, below = where.get("at_least"), where.get("below")
    # A frame that was made of no rows has no types.
    comparable = column.dtype.name in _NUMBER_TYPES or (column.empty and column.dtype == "object")
    if not comparable or not _is_number(at_least) or not (below is None or _is_number(below)):
        return None
    return column >= at_least if below is None else (column >= at_least) & (column < below)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= _EXACT_NUMBER  # type: ignore[arg-type]
