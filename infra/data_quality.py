"""Validate a data frame with Great Expectations, in memory: no project folder, no network, no telemetry.

Inputs: a pandas frame and a suite as plain data (`{name, type, kwargs, where, severity}`, where `type` is the name of
an expectation, such as `expect_column_values_to_be_unique`). Outputs: one `ExpectationResult` per entry.
Invariant: a check that cannot be carried out has failed. A missing column, an unknown expectation or an exception
inside one holds a batch instead of passing it.

When writing a suite, note that an empty frame passes every expectation about the values of a column, so the caller ties
the number of rows to its own count; and that nulls are left out of such expectations, so each is paired with one that
refuses nulls. Importing the package takes seconds and 140 MB, so it is imported at the first call.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.errors import one_line

if TYPE_CHECKING:
    import pandas as pd

CRITICAL = "critical"
WARNING = "warning"


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
    import great_expectations

    # This module sets its own level, and would log its temporary folders.
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)

    context = great_expectations.get_context(mode="ephemeral")
    # Its progress bars would garble Packshot's.
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    return [_evaluate(batch, entry) for entry in suite]


def _evaluate(batch: Any, entry: Mapping[str, Any]) -> ExpectationResult:
    from great_expectations.expectations.registry import get_expectation_impl

    name, critical = str(entry["name"]), entry.get("severity") != WARNING
    try:
        expectation = get_expectation_impl(entry["type"])(**_arguments(entry))
        # SUMMARY: with COMPLETE, 20,000 bad rows make a result of megabytes.
        named = {"unexpected_index_column_names": [entry["label"]]} if entry.get("label") else {}
        result = batch.validate(expectation, result_format={"result_format": "SUMMARY", **named})
    except Exception as error:  # the package raises anything from TypeError to its own; one check's failure is data
        return _failed_result(name, critical, f"{type(error).__name__}: {error}")
    raised = _exception_message(result.exception_info)
    if raised is not None:
        return _failed_result(name, critical, raised)
    observed = _observed_value(result.result)
    reason = "" if result.success else _reason(entry, result.result, observed)
    return ExpectationResult(name, bool(result.success), critical, observed, reason)


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


def _failed_result(name: str, critical: bool, message: str) -> ExpectationResult:
    message = one_line(message)
    return ExpectationResult(name, False, critical, None, f"the check could not be carried out: {message}", message)


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
