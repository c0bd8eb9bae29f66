"""Prefect's run page shows plan, progress and report, and a page that cannot be written costs nothing."""

import json

import cv2
import numpy as np
import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import Plan, PlanCounts
from catalogs.planning.pricing import CostEstimate
from catalogs.runs.report_schema import RunReport
from flows.orchestration.prefect_artifacts import PrefectObserver, tag_run
from flows.run.observers import NullObserver
from tasks.reporting.contact_sheet import Tile
from tests.fixtures.prefect_stack import prefect_records

REPORT = RunReport(catalogue="artifact-shop", run_id="r1", held=["retired-share"])
ESTIMATE = CostEstimate(
    images=4,
    gpu_seconds=10.0,
    cost=0.5,
    seconds=10.0,
    currency="USD",
    gpu="A10G",
    per_hour=180.0,
    per_image=0.125,
    usual=(0.005, 0.015),
)


def plan() -> Plan:
    counts = PlanCounts(new=5, unchanged=2, requests=4)
    return Plan(base_version=1, live=2, rows=RowCounts(input=8, accepted=7, rejected=1), slots=counts, images=4)


def tile(sku: str) -> Tile:
    made, encoded = cv2.imencode(".jpg", np.full((256, 256, 3), 200, np.uint8))
    assert made
    return Tile(sku, "", "front", "a", 0, "blocked", "BLOCK", ("flat",), "", 0, encoded.tobytes())


def test_plan_progress_and_report_are_on_the_page_and_a_held_run_is_tagged(prefect_api: str) -> None:
    @flow(name="artifacts", persist_result=False)
    def run() -> None:
        watch = PrefectObserver(NullObserver(), "artifact-shop")
        tag_run("artifact-shop", "full")
        watch.on_plan(plan(), ESTIMATE)
        watch.on_stage("generate")
        watch.on_images_planned(4)
        watch.on_images_done(2, passed=2)
        watch.on_images_done(2, passed=1, refused=1)
        watch.on_report(REPORT, [tile(f"<b>{number}</b>") for number in range(20)])

    run()
    artifacts = {found["key"]: found for found in prefect_records("artifacts")}
    table = {row["what"]: row["how many"] for row in json.loads(artifacts["plan-artifact-shop"]["data"])}
    expected = {"rows input": "8", "slots new": "5", "images to make": "4", "slots that share one": "1"}
    assert expected.items() <= table.items()
    assert (table["time on A10G"], table["cost"]) == ("10.0 s", "0.5 USD")
    assert float(artifacts["images-artifact-shop"]["data"]) == 100.0
    assert artifacts["images-artifact-shop"]["description"] == "4 of 4 images of artifact-shop"
    page = artifacts["report-artifact-shop"]["data"]
    assert page.startswith("## artifact\\-shop\n\n**Held: nothing was published")
    assert (page.count("data:image/jpeg;base64,"), "<b>" in page) == (8, False)
    [tags] = [found["tags"] for found in prefect_records("flow_runs") if "artifact-shop" in found["tags"]]
    assert sorted(tags) == ["artifact-shop", "full", "held"]


def test_a_server_that_is_away_costs_a_picture_and_not_the_run(caplog: pytest.LogCaptureFixture) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        PrefectObserver(NullObserver(), "artifact-shop").on_report(REPORT, [])
    assert "Prefect did not take an artifact" in caplog.text
