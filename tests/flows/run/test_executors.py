"""The executor on threads: it returns what the work returns, and raises what it raises."""

import pytest

from flows.run.executors import open_thread_executor
from tests.fixtures.executor_work import NO_CONTEXT, run_all_kinds_of_work, shout_task


def test_threads_do_the_work_and_record_nothing() -> None:
    with open_thread_executor() as executor:
        assert run_all_kinds_of_work(executor) == [7, "A", 1, {"b": 2}]


def test_what_a_shard_task_raises_comes_back_from_its_thread() -> None:
    with open_thread_executor() as executor, pytest.raises(OSError, match="the store is gone"):
        executor.submit_shard(shout_task, NO_CONTEXT, "bad").result()
