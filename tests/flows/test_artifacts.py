"""Prefect's run page shows progress and report, and a page that cannot be written costs nothing."""

from typing import Any

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.artifacts import ArtifactWatch, show_report
from flows.watching import NoWatch
from tests.flows.test_hands import recorded

REPORT: dict[str, Any] = {"dry_run": False, "catalogue": "artifact-shop", "run_id": "r1"}


def test_progress_ends_at_a_hundred_and_the_report_is_on_the_page(prefect_api: str) -> None:
    @flow(name="artifacts", persist_result=False)
    def run() -> None:
        watch = ArtifactWatch(NoWatch(), "artifact-shop")
        watch.stage("generate")
        watch.total(4)
        watch.advance(2, passed=2)
        watch.advance(2, passed=1, refused=1)
        show_report(REPORT, "## artifact-shop")

    run()
    artifacts = {found["key"]: found for found in recorded(prefect_api, "artifacts")}
    assert float(artifacts["images-artifact-shop"]["data"]) == 100.0
    assert artifacts["images-artifact-shop"]["description"] == "4 of 4 images of artifact-shop"
    assert artifacts["report-artifact-shop"]["data"] == "## artifact-shop"


def test_a_server_that_is_away_costs_a_picture_and_not_the_run(caplog: pytest.LogCaptureFixture) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        show_report(REPORT, "## artifact-shop")
    assert "Prefect did not take an artifact" in caplog.text
