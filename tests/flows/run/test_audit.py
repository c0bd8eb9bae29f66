"""A batch is audited where the shop would see a change, its answer is kept, and a person's word lets a check go."""

from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.ingest.row_validation import Counts
from catalogs.planning.plan import Plan, PlanCounts
from catalogs.policy.schema import built_in_policy
from flows.run.audit import audited
from flows.run.executors import thread_hands
from infra.stores.json_objects import read_json
from tasks.runs import run_state as runs
from tasks.runs.run_context import Places
from tests.flows.test_crashes import short_audit  # noqa: F401 - by the few checks that tell these batches apart
from tests.tasks.batches import RUN, batch, decision
from tests.tasks.shops import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.run_folder(RUN, opened=True)
    return shop


def audit(shop: Shop, *rows: Any, retired: int = 0) -> tuple[list[str], list[dict[str, Any]]]:
    counts = PlanCounts(new=len(rows), requests=len(rows))
    plan = Plan(base_version=None, live=10, rows=Counts(), slots=counts, retired=retired)
    places = Places(shop.store, shop.tables, lambda model: pytest.fail(f"{model} is not needed"))
    with thread_hands() as hands:
        held, checks, _ = audited(places, hands, runs.load(shop.store, RUN), plan, batch(rows), built_in_policy())
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
    runs.accept(shop.store, runs.load(shop.store, RUN), held, "we closed the toy shop", "ada")
    assert audit(shop, decision("shirt/front", "red"), retired=2)[0] == []
