"""Audit report in the run's folder: JSON for machines, one HTML page for people.

Inputs: the audit's document (each check with its expectation, the reason for it, and the result). Outputs: two objects
under `audit/`. The page is our own and not Great Expectations' site: that has two dozen files of 4 MB per run, and each
of its pages loads fifteen scripts and style sheets and an image from third-party servers, with the time of the audit.
"""

import json
from collections.abc import Mapping
from typing import Any

from catalogs import layout
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from tasks.reporting.html_pages import render_page

FRAME_SECTIONS = (
    ("slots", "Slots", "Every slot of the batch."),
    ("published", "Published", "The slots whose image passed: image, sha, mark, size."),
    ("reasons", "Reasons", "The reasons against images, one row per reason."),
    ("totals", "Totals", "The sums and shares of the whole run."),
    ("people", "People", "What a person is to look at before it goes live."),
)
"""The audited tables: the name in the document, a title, a sentence."""


def write_audit(store: ObjectStore, catalogue: str, run_id: str, document: Mapping[str, Any]) -> None:
    """Write `audit/result.json` and `audit/index.html` into the run's folder."""
    document = {"run_id": run_id, "catalogue": catalogue, **document}
    write_json(store, layout.RunFiles(run_id).audit, document)
    page = render_audit(document).encode("utf-8", "replace")
    store.write(layout.RunFiles(run_id).audit_page, page, content_type="text/html; charset=utf-8")


def render_audit(document: Mapping[str, Any]) -> str:
    """Return the page: failed checks first, each with what was expected."""
    checks = sorted(document["checks"], key=lambda check: (check["success"], not check["critical"]))
    groups = [
        (title, sentence, [check for check in checks if check["frame"] == name])
        for name, title, sentence in FRAME_SECTIONS
    ]
    return render_page(
        "audit.html",
        document=document,
        groups=[group for group in groups if group[2]],
        passed=sum(check["success"] for check in checks),
        expected=_describe_expectation,
    )


def _describe_expectation(check: Mapping[str, Any]) -> str:
    """Describe an expectation as the suite declares it."""
    if check["frame"] == "people":
        return "every image accepted by a person, or the batch let go"
    kwargs = {name: value for name, value in check["kwargs"].items() if name != "column"}
    text = f"{check['kwargs'].get('column', 'the table')}: {check['type'].removeprefix('expect_').replace('_', ' ')}"
    text += " " + ", ".join(f"{name} {json.dumps(value)}" for name, value in kwargs.items()) if kwargs else ""
    condition = check.get("where")
    if condition:
        lowest, values = condition["at_least"], condition["one_of"]
        limit = f"is {lowest:g} or more" if lowest is not None else f"in {list(values)}"
        limit += f" and less than {condition['below']:g}" if condition.get("below") is not None else ""
        text += f"; where {condition['column']} {limit}"
    return text
