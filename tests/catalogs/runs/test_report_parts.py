"""The parts of a report are plain values whose defaults say that nothing is known."""

from dataclasses import asdict

from catalogs.runs.report_parts import ReportReject, ReportRetries, ReportSkus, ReportStorage


def test_without_values_a_part_says_that_nothing_is_known() -> None:
    assert asdict(ReportRetries()) == {"slots": 0, "reasons": {}, "next_try": None}
    assert asdict(ReportSkus()) == {"count": 0, "first": ()}
    assert asdict(ReportReject()) == dict.fromkeys(("row", "sku", "column", "reason"))
    assert asdict(ReportStorage()) == {"measured_at": None, "bytes": {}, "requests": {}, "request_usd": None}
