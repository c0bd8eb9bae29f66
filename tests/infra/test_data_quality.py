"""A check that cannot be carried out has failed, and a failed one says what it saw."""

import os
import re
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

from infra.data_quality import ExpectationResult, validate

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
