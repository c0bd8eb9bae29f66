"""The audit, in the run's folder: for machines as JSON, for people as one page.

Comes in: the audit's document (each check with what was asked, why, and what came of it). Goes out: two objects under
`audit/`. The page is ours and not Great Expectations' own site: that is two dozen files of 4 MB a run, and each of its
pages calls fifteen scripts and style sheets and a picture from other people's servers, with the time of the audit.
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
    ("published", "Published", "The slots whose picture passed: image, sha, mark, size."),
    ("reasons", "Reasons", "What stood against pictures, a row a reason."),
    ("totals", "Totals", "The sums and shares of the whole run."),
)
"""What was looked at: its name in the document, a title, a sentence."""


def write_audit(store: ObjectStore, catalogue: str, run_id: str, document: Mapping[str, Any]) -> None:
    """Write `audit/result.json` and `audit/index.html` into the run's folder."""
    words = {"run_id": run_id, "catalogue": catalogue, **document}
    write_json(store, layout.RunFiles(run_id).audit, words)
    page = render_audit(words).encode("utf-8", "replace")
    store.write(layout.RunFiles(run_id).audit_page, page, content_type="text/html; charset=utf-8")


def render_audit(document: Mapping[str, Any]) -> str:
    """Return the page: failed checks first, each with what was expected."""
    checks = sorted(document["checks"], key=lambda check: (check["success"], not check["critical"]))
    groups = [
        (title, words, [check for check in checks if check["frame"] == name]) for name, title, words in FRAME_SECTIONS
    ]
    return render_page(
        "audit.html",
        document=document,
        groups=[group for group in groups if group[2]],
        passed=sum(check["success"] for check in checks),
        expected=_describe_expectation,
    )


def _describe_expectation(check: Mapping[str, Any]) -> str:
    """Say what was asked, as the suite says it."""
    kwargs = {name: value for name, value in check["kwargs"].items() if name != "column"}
    said = f"{check['kwargs'].get('column', 'the table')}: {check['type'].removeprefix('expect_').replace('_', ' ')}"
    said += " " + ", ".join(f"{name} {json.dumps(value)}" for name, value in kwargs.items()) if kwargs else ""
    where = check.get("where")
    if where:
        limit = f"is {where['at_least']:g} or more" if where["at_least"] is not None else f"in {list(where['one_of'])}"
        said += f"; where {where['column']} {limit}"
    return said
