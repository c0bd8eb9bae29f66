"""Entries are grouped where they are about the same rows, and left out where a result together could differ."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.data_quality_groups import VALUES_AT_ONCE, group_entries, select_rows

FRAME = pd.DataFrame(
    {
        "slot": [1, 2, 2],
        "share": [0.5, 0.25, None],
        "state": ["publish", "review", None],
        "mark": pd.Series(["a", "b", "b"], dtype="category"),
        "small": pd.Series([1, 2, 3], dtype="int8"),
    }
)
TEXTS = ["publish", "review", "it's", 'a "b" `c`', "", "nan", "\\n", "ä"]
NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([0.1, 0.25, -0.0, 2.5, 1e300]).filter(lambda n: n < 2**53))


def entry(column: str = "slot", where: Any = None, **other: Any) -> dict[str, Any]:
    kwargs = {"column": column, "min_value": 1}
    return {"name": "it", "type": "expect_column_values_to_be_between", "kwargs": kwargs, "where": where, **other}


def numbers_of(frame: pd.DataFrame, *suite: dict[str, Any]) -> list[list[int]]:
    return [group.numbers for group in group_entries(frame, suite)]


def test_conditions_that_cover_the_same_rows_share_a_group() -> None:
    all_of_them = {"column": "slot", "at_least": 1}
    two = [{"column": "slot", "at_least": 2}, {"column": "slot", "at_least": 2, "below": 7}]
    suite = [entry(), entry(where=two[0]), entry("share", where=all_of_them), entry("share", where=two[1])]
    assert numbers_of(FRAME, *suite) == [[0, 2], [1, 3]]


def test_a_group_has_the_rows_of_its_condition_and_the_columns_of_its_entries() -> None:
    where = {"column": "state", "one_of": ("review", "publish")}
    [group] = group_entries(FRAME, [entry("share", where), entry("slot", where), entry("share", where)])
    pd.testing.assert_frame_equal(group.frame, FRAME.loc[[0, 1], ["share", "slot"]])


def test_over_many_rows_few_entries_are_in_a_group() -> None:
    frame = pd.DataFrame({"slot": np.zeros(VALUES_AT_ONCE // 4, dtype="int32")})
    assert numbers_of(frame, *[entry()] * 9) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert numbers_of(frame.iloc[:100], *[entry()] * 9) == [list(range(9))]


@pytest.mark.parametrize(
    "left_out",
    [
        entry("nothing"),
        entry() | {"type": "expect_column_mean_to_be_between"},
        entry() | {"type": None},
        entry() | {"kwargs": None},
        entry() | {"kwargs": {"column": "slot", "min_value": pd.Timestamp(0)}},
        entry() | {"kwargs": {"column": "slot", "value_set": [{"$PARAMETER": "a"}]}},
        entry() | {"kwargs": {"column": "slot", "row_condition": "slot > 1"}},
        entry("state"),
        entry() | {"kwargs": {"column": "slot", "min_value": "1"}},
        entry(label="nothing"),
        entry(label="slot"),
        entry(where={"column": "nothing", "at_least": 1}),
        entry(where=["slot"]),
    ],
    ids=[
        "column", "type", "no type", "no arguments", "date", "parameter", "condition", "text", "limit", "label",
        "own label", "where", "list",
    ],
)  # fmt: skip
def test_an_entry_whose_result_together_could_differ_is_left_out(left_out: dict[str, Any]) -> None:
    assert numbers_of(FRAME, entry(), left_out, entry()) == [[0, 2]]


def test_columns_of_one_name_leave_all_entries_out() -> None:
    assert numbers_of(pd.concat([FRAME, FRAME], axis=1), entry()) == []


@pytest.mark.parametrize(
    "where",
    [
        {"column": "state", "at_least": 1},
        {"column": "state", "one_of": ()},
        {"column": "state", "one_of": "review"},
        {"column": "state", "one_of": ["review", 1]},
        {"column": "state", "one_of": ["review"], "below": 1},
        {"column": "mark", "one_of": ["a"]},
        {"column": "small", "at_least": 1},
        {"column": "slot", "one_of": ["1"]},
        {"column": "slot", "at_least": float("inf")},
        {"column": "slot", "at_least": float("nan")},
        {"column": "slot", "at_least": True},
        {"column": "slot", "at_least": 2**60},
        {"column": "slot", "at_least": 1, "below": "2"},
        {"column": "slot", "below": 2},
        {"column": "slot"},
        {"one_of": ["a"]},
    ],
    ids=str,
)
def test_a_condition_that_only_a_query_can_tell_selects_nothing_here(where: dict[str, Any]) -> None:
    assert select_rows(FRAME, where) is None


def test_a_range_covers_no_row_of_a_frame_that_was_made_of_none() -> None:
    frame = pd.DataFrame([], columns=["decided"])
    rows = select_rows(frame, {"column": "decided", "at_least": 200})
    assert rows is not None
    assert rows.tolist() == frame.query("decided >= 200").index.tolist() == []


@pytest.mark.parametrize("name", ["inf", "Timestamp", "list", "a b", "from"])
def test_a_name_that_a_query_reads_otherwise_selects_nothing_here(name: str) -> None:
    frame = pd.DataFrame({name: [1, 2]})
    rows = select_rows(frame, {"column": name, "at_least": 1})
    assert rows is None or rows.tolist() == frame.eval(f"`{name}` >= 1").tolist()
    assert (rows is None) == (name != "from")


@settings(max_examples=40)
@given(values=st.lists(st.none() | st.integers(-3, 3) | st.floats()), at_least=NUMBERS, below=st.none() | NUMBERS)
@example(values=[1, 2, 3, None], at_least=2, below=3)
def test_a_range_covers_the_rows_that_a_query_selects(values: list[Any], at_least: float, below: float | None) -> None:
    frame = pd.DataFrame({"share": pd.Series(values, dtype="float64")})
    rows = select_rows(frame, {"column": "share", "at_least": at_least, "below": below})
    assert rows is not None
    query = f"share >= {at_least!r}" + ("" if below is None else f" and share < {below!r}")
    assert frame.index[rows].tolist() == frame.query(query).index.tolist()


@settings(max_examples=40)
@given(
    values=st.lists(st.none() | st.sampled_from(TEXTS) | st.text(), max_size=8),
    texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4),
)
def test_a_set_covers_the_rows_that_a_query_selects(values: list[Any], texts: list[str]) -> None:
    frame = pd.DataFrame({"state": pd.Series(values, dtype="str")})
    rows = select_rows(frame, {"column": "state", "one_of": texts})
    assert rows is not None
    assert frame.index[rows].tolist() == frame.query(f"state in {texts!r}").index.tolist()
