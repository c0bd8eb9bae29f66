"""The executor on Prefect does the work that threads do, and Prefect's server records it."""

from typing import Any

import pytest
from prefect import flow

from flows.orchestration.prefect_executor import PrefectExecutor
from tests.fixtures.executor_work import NO_CONTEXT, run_all_kinds_of_work, shout_task
from tests.fixtures.prefect_stack import prefect_records


def test_prefect_does_the_same_work_and_records_it(prefect_api: str) -> None:
    results: list[Any] = []

    @flow(name="executor", persist_result=False)
    def run() -> None:
        results.extend(run_all_kinds_of_work(PrefectExecutor()))

    run()
    assert results == [7, "A", 1, {"b": 2}]
    names = {record["name"] for record in prefect_records("flow_runs")}
    assert "part-1" in names


def test_what_a_shard_task_raises_comes_back_from_its_task_run(prefect_api: str) -> None:
    def run() -> None:
        with pytest.raises(OSError, match="the store is gone"):
            PrefectExecutor().submit_shard(shout_task, NO_CONTEXT, "bad").result()

    flow(name="failing", persist_result=False)(run)()
