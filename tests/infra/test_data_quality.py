"""A check that cannot be carried out has failed, and a failed one says what it saw."""

import gc
import os
import re
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.data_quality import ExpectationResult, validate
from infra.data_quality_groups import group_entries

FRAME = pd.DataFrame({"slot": [1, 2, 2], "share": [0.5, 0.25, None], "state": ["publish", "review", "sold"]})


def one(frame: pd.DataFrame, type_: str, severity: str = "critical", **kwargs: Any) -> ExpectationResult:
    [check] = validate(frame, [{"name": "it", "type": type_, "kwargs": kwargs, "severity": severity, "source": "here"}])
    return check


def test_a_check_that_holds_has_no_reason() -> None:
    check = one(FRAME, "expect_column_values_to_not_be_null", column="slot")
    assert check == ExpectationResult("it", success=True, critical=True, observed=0.0, reason="")


def test_a_failed_check_says_how_many_rows_and_shows_some() -> None:
    check = one(FRAME, "expect_column_values_to_be_in_set", column="state", value_set=["publish", "review"])
    assert not check.success
    assert check.observed == 1.0
    assert check.reason == "state: 1 of 3 rows are not as expected (such as sold)"


def test_a_failed_aggregate_says_what_it_observed() -> None:
    check = one(FRAME, "expect_column_max_to_be_between", column="share", max_value=0.05)
    assert (check.success, check.observed, check.reason) == (False, 0.5, "share: observed 0.5")


def test_rows_may_be_bounded_on_both_sides() -> None:
    where = {"column": "slot", "at_least": 2, "below": 3}
    entry = {"name": "it", "type": "expect_column_values_to_be_between", "kwargs": {"column": "slot", "min_value": 2}}
    bounded, open_ended = validate(FRAME, [{**entry, "where": where}, {**entry, "where": where | {"at_least": 1}}])
    assert (bounded.success, open_ended.success) == (True, False)


def test_severity_decides_whether_a_check_is_critical_and_the_unknown_counts_as_critical() -> None:
    entry = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "slot"}}
    checks = validate(
        FRAME,
        [
            {"name": "a", "severity": "critical", **entry},
            {"name": "b", "severity": "warning", **entry},
            {"name": "c", "severity": "grave", **entry},
            {"name": "d", **entry},
        ],
    )
    assert [(check.name, check.success, check.critical) for check in checks] == [
        ("a", False, True),
        ("b", False, False),
        ("c", False, True),
        ("d", False, True),
    ]


@pytest.mark.parametrize(
    ("type_", "kwargs", "said"),
    [
        ("expect_column_values_to_not_be_null", {"column": "nothing"}, "nothing"),
        ("expect_column_values_to_be_pretty", {"column": "slot"}, "expect_column_values_to_be_pretty"),
        ("expect_column_values_to_be_between", {"column": "state", "min_value": 1}, ""),
        ("expect_column_values_to_be_between", {"column": "slot"}, "min_value and max_value"),
        ("expect_column_values_to_be_unique", {"colum": "slot"}, "colum"),
    ],
    ids=["column", "expectation", "type", "limits", "argument"],
)
@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_a_check_that_cannot_be_carried_out_has_failed(
    type_: str, kwargs: dict[str, Any], said: str, severity: str
) -> None:
    check = one(FRAME, type_, severity, **kwargs)
    assert (check.success, check.critical, check.observed) == (False, severity == "critical", None)
    assert check.exception
    assert said in check.exception
    assert check.reason == f"the check could not be carried out: {check.exception}"


def unique_where(**where: Any) -> ExpectationResult:
    entry = {"name": "it", "type": "expect_column_values_to_be_unique", "kwargs": {"column": "slot"}, "where": where}
    return validate(FRAME, [entry])[0]


def test_a_check_may_be_about_some_rows_only() -> None:
    assert unique_where(column="state", one_of=["publish", "review"]).success
    assert unique_where(column="share", at_least=0.25).success
    assert unique_where(column="slot", at_least=5).success
    check = unique_where(column="state", one_of=["review", "sold"])
    assert (check.success, check.reason) == (False, "slot: 2 of 2 rows are not as expected (such as 2, 2)")


@pytest.mark.parametrize("where", [{"column": "nothing", "at_least": 1}, {"column": "slot"}, {"one_of": ["a"]}])
def test_a_condition_that_cannot_be_asked_fails_the_check(where: dict[str, Any]) -> None:
    check = unique_where(**where)
    assert not check.success
    assert check.critical
    assert check.exception


def test_a_broken_check_spares_the_others() -> None:
    good = {"name": "good", "type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}}
    bad = {"name": "bad", "type": "expect_column_values_to_not_be_null", "kwargs": {"column": "nothing"}}
    assert [check.success for check in validate(FRAME, [good, bad, good])] == [True, False, True]


def test_an_empty_frame_passes_checks_of_values_and_fails_a_count() -> None:
    empty = FRAME.iloc[:0]
    assert one(empty, "expect_column_values_to_be_in_set", column="state", value_set=["publish"]).success
    check = one(empty, "expect_table_row_count_to_equal", value=3)
    assert (check.success, check.observed) == (False, 0.0)


def test_an_empty_suite_does_not_even_import_great_expectations() -> None:
    code = (
        "import sys, pandas, infra.data_quality as e\n"
        "assert e.validate(pandas.DataFrame(), []) == []\n"
        "assert 'great_expectations' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.getcwd()})  # noqa: PTH109


def test_nothing_is_printed_and_no_file_is_left(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    one(FRAME, "expect_column_values_to_be_unique", column="slot")
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_a_label_names_the_rows_that_are_not_as_expected() -> None:
    entry = {
        "name": "it", "type": "expect_column_values_to_be_between", "kwargs": {"column": "share", "max_value": 0.2},
        "label": "state",
    }  # fmt: skip
    (check,) = validate(FRAME, [entry])
    assert not check.success
    assert check.reason.startswith("share: ")
    assert re.search(r"\(such as (publish|review|sold) 0\.\d+", check.reason), check.reason


WIDE = pd.DataFrame(
    {
        "slot": [1, 2, 2, 4, 5],
        "share": [0.5, 0.25, None, 0.75, 0.125],
        "state": ["publish", "review", "sold", None, "review"],
        "empty": [None, None, None, None, None],
    }
)
REVIEW = {"column": "state", "one_of": ["review"]}


def entry(name: str, kind: str, where: dict[str, Any] | None = None, label: str = "", **kwargs: Any) -> dict[str, Any]:
    kind = f"expect_column_{kind}"
    return {"name": name, "type": kind, "kwargs": kwargs, "where": where, "label": label, "severity": "critical"}


def test_checks_that_are_validated_together_are_told_apart_in_their_order() -> None:
    suite = [
        entry("twice", "values_to_be_unique", column="slot"),
        entry("absent", "values_to_not_be_null", column="nothing"),
        entry("no-text", "values_to_be_between", column="state", min_value=1),
        entry("no-limit", "values_to_be_between", column="slot"),
        entry("nulls", "values_to_not_be_null", column="share"),
        entry("some", "values_to_be_between", REVIEW, column="share", min_value=0.2),
        entry("all-of-some", "values_to_be_between", REVIEW, column="slot", max_value=5),
        entry("named", "values_to_be_between", REVIEW, "slot", column="share", max_value=0.2),
        entry("mostly", "values_to_be_between", column="share", min_value=0.2, mostly=0.5),
        entry("largest", "max_to_be_between", column="slot", max_value=4),
        entry("none", "values_to_be_in_set", column="empty", value_set=["a"]),
        entry("again", "values_to_be_unique", column="slot"),
    ]
    results = validate(WIDE, suite)
    assert [(result.name, result.success, result.observed) for result in results] == [
        ("twice", False, 2.0),
        ("absent", False, None),
        ("no-text", False, None),
        ("no-limit", False, None),
        ("nulls", False, 1.0),
        ("some", False, 1.0),
        ("all-of-some", True, 0.0),
        ("named", False, 1.0),
        ("mostly", True, 1.0),
        ("largest", False, 5.0),
        ("none", True, 0.0),
        ("again", False, 2.0),
    ]
    reasons = {result.name: result.reason for result in results if result.reason and not result.exception}
    assert reasons == {
        "twice": "slot: 2 of 5 rows are not as expected (such as 2, 2)",
        "nulls": "share: 1 of 5 rows are not as expected (such as nan)",
        "some": "share: 1 of 2 rows are not as expected (such as 0.125)",
        "named": "share: 1 of 2 rows are not as expected (such as 2 0.25)",
        "largest": "slot: observed 5",
        "again": "slot: 2 of 5 rows are not as expected (such as 2, 2)",
    }
    said = {result.name: result.exception or "" for result in results}
    assert '"nothing" in BatchData does not exist' in said["absent"]
    assert "must either be None or of the same type" in said["no-text"]
    assert "min_value and max_value" in said["no-limit"]


@pytest.mark.parametrize("where", [["slot"], "slot", {"column": ["slot"], "at_least": 1}, {}])
def test_a_condition_that_is_none_fails_its_check_alone(where: Any) -> None:
    strange = entry("strange", "values_to_be_unique", column="share") | {"where": where}
    good = entry("good", "values_to_be_unique", column="share")
    assert [result.success for result in validate(WIDE, [good, strange, good])] == [True, False, True]


COLUMNS = st.sampled_from(["slot", "share", "state", "empty", "mark", "nothing"])
LIMITS = st.fixed_dictionaries(
    {"column": COLUMNS},
    optional={
        "min_value": st.sampled_from([0, 1, 0.25]),
        "max_value": st.sampled_from([2, 0.5]),
        "mostly": st.just(0.6),
    },
)
SETS = st.fixed_dictionaries({"column": COLUMNS, "value_set": st.sampled_from([["review", "sold"], [1, 2], []])})
PLAIN = st.fixed_dictionaries({"column": COLUMNS})
KINDS = {
    "expect_column_values_to_not_be_null": PLAIN,
    "expect_column_values_to_be_unique": PLAIN,
    "expect_column_values_to_be_in_set": SETS,
    "expect_column_values_to_be_between": LIMITS,
    "expect_column_max_to_be_between": LIMITS.map(lambda kwargs: {k: v for k, v in kwargs.items() if k != "mostly"}),
    "expect_column_min_to_be_between": LIMITS,
}
WHERES = st.sampled_from(
    [
        None, REVIEW, {"column": "state", "one_of": ["publish", "sold"]}, {"column": "slot", "at_least": 1},
        {"column": "slot", "at_least": 2, "below": 5}, {"column": "share", "at_least": 0.25},
        {"column": "slot", "at_least": 90}, {"column": "mark", "one_of": ["a"]}, {"column": "nothing", "at_least": 1},
    ]
)  # fmt: skip
ENTRIES = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {
            "type": st.just(kind),
            "kwargs": KINDS[kind],
            "where": WHERES,
            "label": st.sampled_from(["", "", "slot", "no"]),
        }
    )
)
FRAMES = st.lists(
    st.tuples(
        st.integers(0, 5), st.none() | st.sampled_from([0.125, 0.25, 1.5]),
        st.none() | st.sampled_from(["publish", "review", "sold"]), st.sampled_from(["a", "b", None]),
    ),
    max_size=6,
)  # fmt: skip


def frame_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    slots, shares, states, marks = ([row[place] for row in rows] for place in range(4))
    return pd.DataFrame(
        {
            "slot": pd.Series(slots, dtype="int64"),
            "share": pd.Series(shares, dtype="float64"),
            "state": pd.Series(states, dtype="str"),
            "mark": pd.Series(marks, dtype="category"),
            "empty": pd.Series([None] * len(rows), dtype="object"),
        }
    )


@settings(max_examples=15)
@given(rows=FRAMES, suite=st.lists(ENTRIES, min_size=1, max_size=6))
def test_a_check_has_the_result_together_that_it_has_alone(rows: list[tuple[Any, ...]], suite: list[Any]) -> None:
    frame = frame_of(rows)
    suite = [entry | {"name": f"check-{number}"} for number, entry in enumerate(suite)]
    # Columns of one name keep every entry out of a group.
    alone = pd.concat([frame, pd.DataFrame({"twin": frame["slot"]}), pd.DataFrame({"twin": frame["slot"]})], axis=1)
    assert list(group_entries(alone, suite)) == []
    assert validate(frame, suite) == validate(alone, suite)


def test_a_frame_is_let_go_of_after_its_checks() -> None:
    frame = WIDE.copy()
    kept = weakref.ref(frame)
    column = weakref.ref(frame["slot"].array)
    validate(frame, [entry("a", "values_to_be_unique", column="slot"), entry("b", "mean_to_be_between", column="slot")])
    del frame
    gc.collect()
    assert kept() is None
    assert column() is None


def test_threads_validate_frames_of_their_own_at_once() -> None:
    def count(size: int) -> list[float | str | None]:
        frame = pd.DataFrame({"slot": [1] * size})
        suite = [entry("twice", "values_to_be_unique", column="slot"), entry("sum", "sum_to_be_between", column="slot")]
        return [result.observed for result in validate(frame, suite)]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(count, range(2, 26)))
    assert found == [[float(size), float(size)] for size in range(2, 26)]
