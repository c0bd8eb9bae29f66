"""An audit without Great Expectations: the checks of totals that a simulated shop needs, in microseconds.

Inputs: a frame and expectations, as `infra.data_quality.validate` takes them. Outputs: its results, for the one
expectation that those checks use.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from catalogs.policy.audit_suite import AuditSuite, built_in_audit_suite
from infra.data_quality import ExpectationResult

RETIRE_LIMIT = 0.25
"""The share that may retire without a person: more than in earnest, since a simulated shop is small."""
KEPT_CHECKS = ("batch-complete", "slots-sum", "rows-sum", "retired-share")


@cache
def light_suite(name: str) -> AuditSuite:
    """Return a built-in suite with its checks of sums and of the share that retires."""
    suite = built_in_audit_suite(name)
    lenient = {"retired-share": {"max_value": RETIRE_LIMIT}}
    totals = tuple(
        check.model_copy(update={"kwargs": check.kwargs | lenient.get(check.name, {})})
        for check in suite.totals
        if check.name in KEPT_CHECKS
    )
    return suite.model_copy(update={"slots": (), "published": (), "reasons": (), "totals": totals})


def validate_maxima(frame: pd.DataFrame, suite: Sequence[Mapping[str, Any]]) -> list[ExpectationResult]:
    """Return one result per entry of the suite: whether a column's maximum lies between two values."""
    return [_evaluate(frame, entry) for entry in suite]


def _evaluate(frame: pd.DataFrame, entry: Mapping[str, Any]) -> ExpectationResult:
    if entry["type"] != "expect_column_max_to_be_between":
        raise ValueError(f"the simulation knows no {entry['type']}")
    limits = entry["kwargs"]
    observed = float(frame[limits["column"]].max())
    success = limits["min_value"] <= observed <= limits["max_value"]
    reason = "" if success else f"{limits['column']} is {observed}"
    return ExpectationResult(entry["name"], success, entry["severity"] == "critical", observed, reason)
