"""The audit's documents: whole, readable without a network, and safe whatever a catalogue says."""

import json
from pathlib import Path
from typing import Any

from catalogs import layout
from infra.stores import open_store
from tasks.reporting.audit_report import render_audit, write_audit


def check(name: str, success: bool = True, critical: bool = True, **changes: Any) -> dict[str, Any]:
    return {
        "name": name, "success": success, "critical": critical, "observed": 0.06,
        "reason": "" if success else "too many",
        "exception": None, "frame": "totals", "type": "expect_column_max_to_be_between",
        "kwargs": {"column": "retired_share", "max_value": 0.05}, "where": None, "label": None,
        "source": "a shop that lost half its export", **changes,
    }  # fmt: skip


def document(*checks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    words = {"run_id": "r1", "catalogue": "shoes", "suite_version": 3, "held": [], "totals": {"planned": 1200}}
    return words | {"checks": list(checks)} | changes


def test_both_documents_are_in_the_runs_folder(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    said = document(check("retired-share"))
    write_audit(store, "shoes", "r1", said)
    assert json.loads(store.read(layout.RunFiles("r1").audit)) == said
    page = store.read(layout.RunFiles("r1").audit_page).decode()
    assert page.startswith("<!doctype html>")
    assert len(list(store.list("runs/r1/"))) == 2


def test_a_failed_check_comes_first_with_what_was_expected_and_why() -> None:
    where = {"column": "decided", "at_least": 200.0, "one_of": None}
    page = render_audit(document(check("fine", where=where), check("retired-share", False), held=["retired-share"]))
    assert page.index("retired-share</th>") < page.index("fine</th>")
    assert "Held by retired-share" in page
    assert "1 of 2 checks passed" in page
    assert "too many. retired_share: column max to be between max_value 0.05." in page
    assert "; where decided is 200 or more" in page
    assert "a shop that lost half its export" in page
    assert "1,200" in page


def test_the_page_calls_nobody_and_runs_nothing() -> None:
    hostile = "</td><script>alert(1)</script><img src=https://x.example/y>"
    page = render_audit(document(check("a", False, reason=hostile), catalogue=hostile))
    assert "<script" not in page
    assert "<img" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "").replace("https://x.example", "")


def test_a_waived_condition_on_states_is_spelt_out() -> None:
    where = {"column": "state", "at_least": None, "one_of": ["review", "blocked"]}
    assert "; where state in [&#39;review&#39;, &#39;blocked&#39;]" in render_audit(document(check("a", where=where)))
