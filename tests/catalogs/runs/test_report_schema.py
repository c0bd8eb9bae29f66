"""A report's JSON stays as it was, and reports of other versions are still read."""

import json
from dataclasses import fields
from itertools import islice
from pathlib import Path

import pytest

from catalogs.runs.report_schema import ReportCheck, ReportRelease, ReportSlots, RunReport, known_counts
from tests.paths import ROOT

RECORDED = sorted((ROOT / "tests" / "data" / "reports").glob("*.json"))
"""`report.json` of runs by the code of November 2026, before reports had a model: one published, one held."""


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_report_is_the_same_to_the_byte_and_newer_fields_come_after_it(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    now = RunReport.from_json(document).to_json()
    assert json.dumps(dict(islice(now.items(), len(document)))) == json.dumps(document)
    assert list(now) == [entry.name for entry in fields(RunReport)]


def test_there_are_recorded_reports_of_both_kinds() -> None:
    held = [RunReport.from_json(json.loads(path.read_text("utf-8"))).is_held for path in RECORDED]
    assert sorted(held) == [False, True]


def test_what_an_older_report_lacks_is_not_known() -> None:
    report = RunReport.from_json({"run_id": "r1", "slots": {"new": 3}, "rows": None, "checks": None})
    assert report.slots == ReportSlots(new=3)
    assert (report.rows.input, report.cost.total, report.cache_hit_rate) == (None, None, None)
    assert (report.marks, report.estimate, list(report.checks)) == (None, None, [])
    assert report.release == ReportRelease()
    assert known_counts(report.slots) == {"new": 3}


def test_keys_of_a_newer_report_are_dropped() -> None:
    document = {"tomorrow": 1, "checks": [{"name": "a", "success": True, "tomorrow": 1}], "slots": {"tomorrow": 1}}
    report = RunReport.from_json(document)
    assert list(report.checks) == [ReportCheck("a", success=True)]
    assert report.slots == ReportSlots()


def test_no_text_keeps_a_run_from_being_reported() -> None:
    report = RunReport.from_json({"source": "half a pair \ud800", "warnings": ["\0"]})
    assert (report.source, list(report.warnings)) == ("half a pair \ud800", ["\0"])


def test_marks_are_an_empty_object_where_nothing_was_published() -> None:
    assert RunReport().to_json()["marks"] == {}
    assert RunReport.from_json({"marks": {}}).marks is None


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_dry_run_is_never_held(dry_run: bool) -> None:
    assert RunReport(held=["retired-share"], dry_run=dry_run).is_held is not dry_run
    assert not RunReport(dry_run=dry_run).is_held


def test_what_is_said_of_photos_comes_back_and_what_a_later_version_adds_is_dropped() -> None:
    reason = {"slots": 3, "waiting": 2, "row": 7, "sku": "A"}
    document = {"photos": {"slots": {"white": 9}, "reasons": {"photo.missing": reason | {"later": 1}}, "later": 1}}
    photos = RunReport.from_json(document).to_json()["photos"]
    assert {name: value for name, value in photos.items() if value} == {
        "slots": {"white": 9},
        "reasons": {"photo.missing": reason},
    }
    assert RunReport.from_json({"photos": None}).photos is None
