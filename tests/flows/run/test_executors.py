"""The same stages and shards through Prefect, which records them, and through plain threads, which don't."""

from typing import Any, cast

import pytest
from prefect import flow, task

from flows.run.executors import Executor, PrefectExecutor, open_thread_executor
from tasks.runs.run_context import RunContext
from tests.fixtures.prefect_stack import prefect_records

NO_BENCH = cast(RunContext, None)


@task(task_run_name="shout {shard}")
def shout_task(bench: RunContext, shard: str) -> str:
    if shard == "bad":
        raise OSError("the store is gone")
    return shard.upper()


def run_all_kinds_of_work(hands: Executor) -> list[Any]:
    handle = hands.submit_shard(shout_task, NO_BENCH, "a")
    ended: list[Any] = []
    answer = handle.result()
    handle.add_done_callback(ended.append)
    return [hands.run_stage("plan", lambda: 7), answer, len(ended), hands.run_part("part-1", lambda: {"b": 2})]


def test_threads_do_the_work_and_record_nothing() -> None:
    with open_thread_executor() as hands:
        assert run_all_kinds_of_work(hands) == [7, "A", 1, {"b": 2}]


def test_prefect_does_the_same_work_and_records_it(prefect_api: str) -> None:
    answers: list[Any] = []

    @flow(name="hands", persist_result=False)
    def run() -> None:
        answers.extend(run_all_kinds_of_work(PrefectExecutor()))

    run()
    assert answers == [7, "A", 1, {"b": 2}]
    names = {found["name"] for found in prefect_records(prefect_api, "flow_runs")}
    assert "part-1" in names


@pytest.mark.parametrize("kind", ["threads", "prefect"])
def test_what_a_verb_raises_comes_back(kind: str, prefect_api: str) -> None:
    def run(hands: Executor) -> None:
        with pytest.raises(OSError, match="the store is gone"):
            hands.submit_shard(shout_task, NO_BENCH, "bad").result()

    if kind == "threads":
        with open_thread_executor() as hands:
            run(hands)
    else:
        flow(name="failing", persist_result=False)(lambda: run(PrefectExecutor()))()
