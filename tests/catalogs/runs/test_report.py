"""A report has every key that is promised, and numbers that add up."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from catalogs.ingest.row_rejects import Reject
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import PlanCounts
from catalogs.planning.pricing import estimate_cost
from catalogs.runs.job import Run
from catalogs.runs.release_batch import BatchTotals
from catalogs.runs.report import DeliveryCounts, ImageCounts, ReportInput, build_report
from tests.fixtures.price_list import PRICES

FACTS = ReportInput(
    run=Run("r1", "shoes", "full", "f", datetime(2026, 11, 22, 2, tzinfo=UTC), "products.csv"),
    rows=RowCounts(input=12, accepted=9, rejected=2, ignored=1),
    counts=PlanCounts(new=5, changed=3, unchanged=20, waiting=4, decided_anew=2, blocked=1, review=2, requests=8),
    retired=6,
    rejects=[Reject(3, None, "sku", "sku is missing"), Reject(7, "A", "title", "title is missing")],
    warnings=["2 × something"],
    prices=PRICES,
    gpu=None,
    totals=BatchTotals(
        new=6,
        changed=3,
        states=Counter(published=4, review=1, blocked=1, failed=1, deferred=1, superseded=1),
        retired=5,
    ),
    version=8,
    previous=7,
    delivery=DeliveryCounts(skus=2, deferred={"over-budget": 1}, new_skus=3, in_time=2),
    limits=(0.5, None),
    images=ImageCounts(planned=8, generated=6, reused=2, failed=1, shared=1, attempts=9, gpu_seconds=12.5),
    reasons={"blank": 1, "words.x": 3, "blurred": 1},
    seconds={"plan": 1.23456, "generate": 10.0},
)


def build_document(facts: ReportInput) -> dict[str, Any]:
    return build_report(facts).to_json()


REPORT = build_document(FACTS)

PROMISED = {
    "": {"run_id", "catalogue", "scope", "dry_run", "held", "release", "rows", "slots", "images", "cache_hit_rate",
         "gpu_seconds", "cost", "seconds", "rejects", "reasons", "warnings"},
    "release": {"version", "previous"},
    "rows": {"input", "accepted", "rejected", "ignored"},
    "slots": {"new", "changed", "unchanged", "waiting", "retired",
              "published", "review", "blocked", "failed", "deferred", "superseded"},
    "images": {"planned", "generated", "reused", "shared", "attempts"},
    "cost": {"total", "per_image", "per_accepted", "per_sku", "currency"},
    "limits": {"max_cost", "max_hours", "deferred"},
    "new_skus": {"count", "within_2_hours", "share"},
}  # fmt: skip


@pytest.mark.parametrize("facts", [FACTS, replace(FACTS, totals=None, dry_run=True)], ids=["a run", "a plan"])
@pytest.mark.parametrize("part", PROMISED)
def test_every_promised_key_is_there(part: str, facts: ReportInput) -> None:
    report = build_document(facts)
    assert PROMISED[part] <= (report[part] if part else report).keys()


def test_a_run_is_told_in_full() -> None:
    assert (REPORT["run_id"], REPORT["catalogue"], REPORT["scope"], REPORT["dry_run"]) == ("r1", "shoes", "full", False)
    assert REPORT["release"] == {"version": 8, "previous": 7}
    assert REPORT["rows"] == {"input": 12, "accepted": 9, "rejected": 2, "ignored": 1}
    assert REPORT["images"] == {
        "planned": 8, "generated": 6, "reused": 2, "failed": 1, "shared": 1, "attempts": 9,
    }  # fmt: skip
    assert REPORT["cache_hit_rate"] == 0.25
    assert REPORT["rejects"][0] == {"row": 3, "sku": None, "column": "sku", "reason": "sku is missing"}
    assert REPORT["seconds"] == {"plan": 1.235, "generate": 10.0}
    assert json.loads(json.dumps(REPORT, allow_nan=False)) == REPORT


def test_waiting_slots_that_pass_now_wait_no_longer_and_the_sums_hold() -> None:
    assert REPORT["slots"] == {
        "new": 6, "changed": 3, "unchanged": 20, "waiting": 3, "retired": 5, "in_progress": 0, "replaced": 0,
        "published": 4, "review": 1, "blocked": 1, "failed": 1, "deferred": 1, "superseded": 1,
    }  # fmt: skip
    ends = ("published", "review", "blocked", "failed", "deferred", "superseded")
    assert REPORT["slots"]["new"] + REPORT["slots"]["changed"] == sum(REPORT["slots"][end] for end in ends)


def test_in_a_dry_run_blocked_and_review_are_the_prompt_gates_words() -> None:
    facts = replace(FACTS, totals=None, dry_run=True, estimate=estimate_cost(PRICES, None, 8, 16.0))
    report = build_document(facts)
    assert report["dry_run"] is True
    assert report["slots"] == {
        "new": 5, "changed": 3, "unchanged": 20, "waiting": 4, "retired": 6, "in_progress": 0, "replaced": 0,
        "published": 0, "review": 2, "blocked": 1, "failed": 0, "deferred": 1, "superseded": 0,
    }  # fmt: skip
    assert (report["estimate"]["gpu_seconds"], report["estimate"]["gpu"]) == (16.0, "small")


def test_costs_are_gpu_seconds_at_the_gpus_price() -> None:
    assert REPORT["gpu_seconds"] == 12.5
    cost = REPORT["cost"]
    assert (cost["currency"], cost["gpu"]) == ("EUR", "small")
    sums = [cost[name] for name in ("total", "per_image", "per_accepted", "per_sku")]
    assert sums == pytest.approx([0.00625, 0.00625 / 6, 0.00625 / 4, 0.00625 / 2], rel=1e-3)
    assert (cost["per_hour"], cost["usual"]) == (1.8, None)
    assert build_document(replace(FACTS, gpu="large"))["cost"]["usual"] == [0.001, 0.003]


def test_nothing_made_costs_nothing_and_divides_by_nothing() -> None:
    report = build_document(
        replace(
            FACTS,
            images=ImageCounts(),
            totals=BatchTotals(),
            counts=PlanCounts(unchanged=32),
            delivery=DeliveryCounts(),
        )
    )
    assert {name: report["cost"][name] for name in ("total", "per_image", "per_accepted", "per_sku")} == {
        "total": 0.0, "per_image": None, "per_accepted": None, "per_sku": None,
    }  # fmt: skip
    assert report["cache_hit_rate"] == 0.0


def test_reasons_come_most_frequent_first_then_by_name() -> None:
    assert list(REPORT["reasons"].items()) == [("words.x", 3), ("blank", 1), ("blurred", 1)]


def test_what_holds_a_batch_is_named() -> None:
    check = {
        "name": "retired-share", "success": False, "critical": True, "observed": 0.2, "reason": "Too many.",
        "exception": None,
    }  # fmt: skip
    report = build_document(replace(FACTS, held=("retired-share",), checks=[check]))
    assert report["held"] == ["retired-share"]
    assert report["checks"] == [check]


def test_limits_are_told_with_what_they_kept_out() -> None:
    assert REPORT["limits"] == {"max_cost": 0.5, "max_hours": None, "deferred": {"over-budget": 1}}


def test_the_share_of_new_skus_in_time_is_null_where_none_says_when_it_was_created() -> None:
    assert REPORT["new_skus"] == {"count": 3, "within_2_hours": 2, "share": 0.6667}
    nobody = build_document(replace(FACTS, delivery=DeliveryCounts(skus=2)))
    assert nobody["new_skus"] == {"count": 0, "within_2_hours": 0, "share": None}
