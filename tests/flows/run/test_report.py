"""The report says what records and batch add up to, and is in the run's folder when it is handed on."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import Plan, PlanCounts
from catalogs.planning.pricing import load_price_list
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe
from catalogs.runs.job import RefreshJob
from catalogs.runs.release_batch import BatchTotals, PublishedFile
from flows.run.report import RunResult, report_run
from infra.settings import Settings
from infra.stores.json_objects import read_json
from tasks.pipeline.publish import Release
from tasks.runs import run_state as runs
from tasks.runs.resources import Resources
from tests.fixtures.run_rows import (
    RUN_ID,
    attempt_row,
    decision_row,
    make_release_batch,
    make_request,
    write_plan,
    write_records,
)
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


def test_records_batch_and_clock_come_together_in_one_document(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder(RUN_ID, is_open=True)
    write_plan(shop.store, [], [make_request("red"), make_request("blue")])
    write_records(
        shop.store,
        {"s": [attempt_row("red", engine_seconds=0.5), attempt_row("blue", 0, "BLOCK", engine_seconds=0.25)]},
    )
    decided = make_release_batch([decision_row("shirt/front", "red"), decision_row("hat/front", "blue", "blocked")])
    plan = Plan(base_version=None, live=0, rows=RowCounts(accepted=2), slots=PlanCounts(new=2, requests=2), retired=0)
    job = RefreshJob("shop.csv", shop.store.url, CATALOGUE, built_in_recipe(), built_in_policy())
    shirt, hat = (row["slot_id"] for row in decided.decisions.select(["slot_id"]).to_pylist())
    files = {
        shirt: PublishedFile("published/shop/shirt 1.jpg", b"s"),
        hat: PublishedFile("published/shop/hat.jpg", b"h"),
    }
    release = Release(1, 0, BatchTotals(new=2), files)
    ended = RunResult(
        run=runs.load_run(shop.store, RUN_ID),
        plan=plan,
        batch=decided,
        release=release,
        held=[],
        checks=[],
        warnings=["mind the step"],
        seconds={"total": 3.0, "generate": 2.0},
    )
    settings = Settings(public_url="https://cdn.test/")
    places = Resources(shop.store, shop.tables, lambda model: pytest.fail(f"{model} is not needed"))
    report, sheet = report_run(places, job, load_price_list(None, "the built-in prices"), settings, ended)
    assert report.to_json() == read_json(shop.store, layout.RunFiles(RUN_ID).report)
    assert shop.store.exists(layout.RunFiles(RUN_ID).report_page)
    assert (report.images.generated, report.images.attempts, report.gpu_seconds) == (2, 2, 0.75)
    assert (report.reasons, report.warnings[0]) == ({"blurred": 1}, "mind the step")
    assert report.seconds == {"total": 3.0, "generate": 2.0}
    assert report.public_url == "https://cdn.test"
    link = "https://cdn.test/published/shop/shirt%201.jpg"
    assert {tile.sku: tile.link for tile in sheet} == {"shirt": link, "hat": ""}
    page = shop.store.read(layout.RunFiles(RUN_ID).report_page).decode()
    assert f'<a href="{link}" rel="noopener noreferrer"><bdi>shirt</bdi></a>' in page
    assert {(tile.sku, tile.state) for tile in sheet} == {("shirt", "publish"), ("hat", "blocked")}
