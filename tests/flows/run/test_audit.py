"""A batch is audited where the shop would see a change, its answer is kept, and a person's word lets a check go."""

from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import Plan, PlanCounts
from catalogs.policy.schema import built_in_policy
from flows.run.audit import audit_run
from flows.run.executors import open_thread_executor
from infra.stores.json_objects import read_json
from tasks.runs import run_state as runs
from tasks.runs.run_context import Resources
from tests.fixtures.run_rows import RUN, batch, decision
from tests.fixtures.store_scenarios import Shop
from tests.flows.test_crashes import short_audit  # noqa: F401 - by the few checks that tell these batches apart


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.run_folder(RUN, opened=True)
    return shop


def audit(shop: Shop, *rows: Any, retired: int = 0) -> tuple[list[str], list[dict[str, Any]]]:
    counts = PlanCounts(new=len(rows), requests=len(rows))
    plan = Plan(base_version=None, live=10, rows=RowCounts(), slots=counts, retired=retired)
    places = Resources(shop.store, shop.tables, lambda model: pytest.fail(f"{model} is not needed"))
    with open_thread_executor() as hands:
        held, checks, _ = audit_run(places, hands, runs.load_run(shop.store, RUN), plan, batch(rows), built_in_policy())
    return held, checks


def test_a_night_that_changes_nothing_is_not_audited(shop: Shop) -> None:
    assert audit(shop) == ([], [])
    assert not shop.keys(layout.run_file(RUN, "audit/"))


def test_the_answer_is_in_the_runs_folder_and_a_person_may_let_a_check_go(shop: Shop) -> None:
    held, checks = audit(shop, decision("shirt/front", "red"), retired=2)
    assert held == ["retired-share"]
    document = read_json(shop.store, layout.run_file(RUN, "audit/result.json"))
    assert (document["held"], document["catalogue"]) == (held, "shoes")
    assert [check["name"] for check in document["checks"]] == [check["name"] for check in checks]
    assert shop.store.exists(layout.run_file(RUN, "audit/index.html"))
    runs.accept_checks(shop.store, runs.load_run(shop.store, RUN), held, "we closed the toy shop", "ada")
    assert audit(shop, decision("shirt/front", "red"), retired=2)[0] == []
