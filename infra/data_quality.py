"""Validate a data frame with Great Expectations, in memory: no project folder, no network, no telemetry.

Inputs: a pandas frame and a suite as plain data (`{name, type, kwargs, where, severity}`, where `type` is the name of
an expectation, such as `expect_column_values_to_be_unique`). Outputs: one `ExpectationResult` per entry.
Invariant: a check that cannot be carried out has failed. A missing column, an unknown expectation or an exception
inside one holds a batch instead of passing it.

Entries about the same rows are validated together (`infra.data_quality_groups`), at a third of the CPU. What that
leaves open, such as a check that raised, is validated by itself on the whole frame, so that its reason is its own.

When writing a suite, note that an empty frame passes every expectation about the values of a column, so the caller ties
the number of rows to its own count; and that nulls are left out of such expectations, so each is paired with one that
refuses nulls. Importing the package takes seconds and 140 MB, so it is imported at the first call.
"""

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.data_quality_groups import Group, group_entries
from infra.errors import one_line

if TYPE_CHECKING:
    import pandas as pd

CRITICAL = "critical"
WARNING = "warning"
_THREAD = threading.local()
"""Holds a thread's batch definition: a context takes 9 ms of CPU to make, and a run may audit in threads."""


@dataclass(frozen=True)
class ExpectationResult:
    """The result of one expectation: `observed` is a number or a short text, `reason` why it failed ("" if not)."""

    name: str
    success: bool
    critical: bool
    observed: float | str | None
    reason: str
    exception: str | None = None


def validate(frame: "pd.DataFrame", suite: Sequence[Mapping[str, Any]]) -> list[ExpectationResult]:
    """Return one result per entry of the suite, in its order.

    An entry's `severity` is "critical" or "warning"; anything else counts as critical. Its `where`, if any, restricts
    it to some rows: `{column, at_least, below}` or `{column, one_of}`. (Text conditions would be executed by pandas.)
    Its `label`, if any, is the column that names an unexpected row in the reason.
    """
    if not suite:
        return []
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    results: dict[int, ExpectationResult] = {}
    with _batch_definition() as definition:
        for group in group_entries(frame, suite):
            results |= _validate_group(definition, group, suite)
        if len(results) < len(suite):
            validator = _validator(definition, frame)
            results |= {
                number: _validate_entry(validator, entry) for number, entry in enumerate(suite) if number not in results
            }
    return [results[number] for number in range(len(suite))]


@contextmanager
def _batch_definition() -> Iterator[Any]:
    """Give this thread's batch definition, and let go of the frame that was validated through it."""
    import great_expectations
    import pandas

    if not hasattr(_THREAD, "definition"):
        # This module sets its own level, and would log its temporary folders.
        logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
        context = great_expectations.get_context(mode="ephemeral")
        # Its progress bars would garble Packshot's.
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
        _THREAD.definition = asset.add_batch_definition_whole_dataframe("whole")
    try:
        yield _THREAD.definition
    finally:
        # The source keeps the last frame that was loaded, by a name that all frames share.
        _validator(_THREAD.definition, pandas.DataFrame()).active_batch_id  # noqa: B018


def _validator(definition: Any, frame: "pd.DataFrame") -> Any:
    """Return a validator that loads the frame at its first use; a later one's frame takes its place in the source."""
    from great_expectations.validator.v1_validator import Validator

    return Validator(definition, batch_parameters={"dataframe": frame})


def _validate_group(definition: Any, group: Group, suite: Sequence[Mapping[str, Any]]) -> dict[int, ExpectationResult]:
    """Return the results of a group's entries by their number in the suite, without those that are open.

    Open is an entry that cannot be built, that has no result or an exception, or whose reason names rows by a label.
    """
    from great_expectations import ExpectationSuite

    expectations = [expectation for number in group.numbers if (expectation := _build_numbered(suite[number], number))]
    validator = _validator(definition, group.frame)
    # BASIC has all that a reason says but the labels of rows, for half of the metrics of SUMMARY.
    validator.result_format = {"result_format": "BASIC"}
    try:
        found = validator.validate_expectation_suite(ExpectationSuite("group", expectations)).results
    except Exception:  # whatever it is, each entry is validated by itself then, and fails with its own reason
        return {}
    # Matched by number: the package puts the results of expectations that raised first.
    by_number = {result.expectation_config.meta["number"]: result for result in found}
    return {
        number: _read_result(suite[number], result)
        for number, result in by_number.items()
        if _exception_message(result.exception_info) is None and (result.success or not suite[number].get("label"))
    }


def _build_numbered(entry: Mapping[str, Any], number: int) -> Any:
    """Return an entry's expectation with its number as metadata, or None where its arguments are refused."""
    from great_expectations.expectations.registry import get_expectation_impl

    try:
        return get_expectation_impl(entry["type"])(**entry["kwargs"], meta={"number": number})
    except Exception:  # refused again, with its reason, where the entry is validated by itself
        return None


def _validate_entry(validator: Any, entry: Mapping[str, Any]) -> ExpectationResult:
    from great_expectations.expectations.registry import get_expectation_impl

    # SUMMARY: with COMPLETE, 20,000 bad rows make a result of megabytes.
    named = {"unexpected_index_column_names": [entry["label"]]} if entry.get("label") else {}
    validator.result_format = {"result_format": "SUMMARY", **named}
    try:
        result = validator.validate_expectation(get_expectation_impl(entry["type"])(**_arguments(entry)))
    except Exception as error:  # the package raises anything from TypeError to its own; one check's failure is data
        return _failed_result(entry, f"{type(error).__name__}: {error}")
    return _read_result(entry, result)


def _read_result(entry: Mapping[str, Any], result: Any) -> ExpectationResult:
    raised = _exception_message(result.exception_info)
    if raised is not None:
        return _failed_result(entry, raised)
    observed = _observed_value(result.result)
    reason = "" if result.success else _reason(entry, result.result, observed)
    return ExpectationResult(str(entry["name"]), bool(result.success), _is_critical(entry), observed, reason)


def _is_critical(entry: Mapping[str, Any]) -> bool:
    return entry.get("severity") != WARNING


def _arguments(entry: Mapping[str, Any]) -> dict[str, Any]:
    from great_expectations.expectations.row_conditions import Column

    where = entry.get("where")
    if where is None:
        return {**entry.get("kwargs", {})}
    column = Column(where["column"])
    rows = column.is_in(where["one_of"]) if where.get("one_of") is not None else column >= where["at_least"]
    if where.get("below") is not None:
        rows = rows & (column < where["below"])
    return {**entry.get("kwargs", {}), "row_condition": rows}


def _failed_result(entry: Mapping[str, Any], message: str) -> ExpectationResult:
    message = one_line(message)
    reason = f"the check could not be carried out: {message}"
    return ExpectationResult(str(entry["name"]), False, _is_critical(entry), None, reason, message)


def _exception_message(information: Any) -> str | None:
    """Return the exception in a result: one record, or one record per metric under the metric's name."""
    if not isinstance(information, Mapping):
        return None
    records = [information] if "raised_exception" in information else list(information.values())
    for record in records:
        if isinstance(record, Mapping) and record.get("raised_exception"):
            return str(record.get("exception_message") or "an exception without a message")
    return None


def _observed_value(result: Mapping[str, Any]) -> float | str | None:
    value = result.get("observed_value", result.get("unexpected_count"))
    if value is None or isinstance(value, str):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _reason(entry: Mapping[str, Any], result: Mapping[str, Any], observed: float | str | None) -> str:
    kwargs = entry.get("kwargs", {})
    column = kwargs.get("column", "the table")
    if "unexpected_count" not in result:
        return f"{column}: observed {_format_value(observed)}"
    text = f"{column}: {result['unexpected_count']} of {result.get('element_count')} rows are not as expected"
    if entry.get("label"):
        rows = result.get("partial_unexpected_index_list") or []
        examples = [f"{row[entry['label']]} {_format_value(row[column])}" for row in rows]
    else:
        examples = [_format_value(value) for value in result.get("partial_unexpected_list") or []]
    shown = ", ".join(examples[:3])
    return f"{text} (such as {shown})" if shown else text


def _format_value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:60]
