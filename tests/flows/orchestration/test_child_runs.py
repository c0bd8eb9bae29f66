"""Runs too large for one flow run, on a real server: who does their parts, and who ends them with their parent."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.prefect_stack import (
    TIMEOUT_SECONDS,
    PrefectStack,
    harness_with_skus,
    latest_report,
    refresh_parameters,
    staged_keys,
    wait_for_staged,
)
from tests.fixtures.refresh_harness import RefreshHarness

pytestmark = pytest.mark.slow
SHARD_OF_ONE = {"env": {"PACKSHOT_SHARD_SIZE": "1"}}


@pytest.fixture
def harness(tmp_path: Path) -> RefreshHarness:
    """A shop of two parts: 700 shards and 10."""
    made = harness_with_skus(tmp_path, 710)
    made.recipe = STUB_RECIPE | {"tiers": {"standard": {"width": 64, "height": 64}}}
    return made


def start(stack: PrefectStack, harness: RefreshHarness, **more: Any) -> str:
    stack.wait_until_no_process_runs()
    return stack.start_run("refresh/adhoc", refresh_parameters(harness, **more), job_variables=SHARD_OF_ONE)


def check_whole(harness: RefreshHarness) -> None:
    report = latest_report(harness)
    assert report["images"]["generated"] + report["images"]["reused"] == report["images"]["attempts"]
    assert sum(report["slots"][state] for state in ("published", "review", "blocked")) == 710


def test_a_run_of_more_than_seven_hundred_shards_is_done_in_parts_by_others(
    stack: PrefectStack, harness: RefreshHarness
) -> None:
    run = stack.wait_for_run(start(stack, harness))
    assert run["state_type"] == "COMPLETED", run["state"]
    children = stack.child_runs(run["id"])
    assert sorted(child["parameters"]["part"] for child in children) == ["1-00000", "1-00001"]
    assert {child["state_type"] for child in children} == {"COMPLETED"}
    check_whole(harness)


def test_parts_that_nobody_takes_up_are_called_off_and_done_by_their_parent(
    stack: PrefectStack, harness: RefreshHarness
) -> None:
    pool = "work_pools/packshot-parts"
    stack.patch(pool, is_paused=True)
    try:
        run = stack.wait_for_run(start(stack, harness))
    finally:
        stack.patch(pool, is_paused=False)
    assert run["state_type"] == "COMPLETED", run["state"]
    children = stack.child_runs(run["id"])
    assert len(children) == 2
    assert {(child["state_type"], child["run_count"]) for child in children} == {("CANCELLED", 0)}
    assert {child["state"]["message"] for child in children} == {"No worker started it; its parent does it"}
    check_whole(harness)


def kill(stack: PrefectStack, run: str) -> None:
    """Kill the processes of one flow run, as the kernel does where memory ends."""
    [found] = [
        one for one in stack.run_processes() if one.environ().get("PREFECT__FLOW_RUN_ID") == run and is_first(one)
    ]
    for process in [*found.children(recursive=True), found]:
        process.send_signal(signal.SIGKILL)


def is_first(process: psutil.Process) -> bool:
    """Tell a flow's own process from those that it started, which inherit its environment."""
    parent = process.parent()
    return parent is not None and "flows.orchestration.local_worker" in parent.cmdline()


@pytest.mark.parametrize(
    ("end", "state"),
    [
        pytest.param(PrefectStack.cancel_run, "CANCELLED", id="cancelled", marks=pytest.mark.long(seconds=90)),
        pytest.param(kill, "CRASHED", id="killed"),
    ],
)
def test_a_parent_that_ends_takes_its_children_along(
    stack: PrefectStack, harness: RefreshHarness, end: Callable[[PrefectStack, str], None], state: str
) -> None:
    # Two seconds a picture, so that the small part, ten of them, is still at work when the end is noticed.
    run = start(stack, harness, stub_seconds=2)
    until = time.monotonic() + TIMEOUT_SECONDS
    while [child["state_type"] for child in stack.child_runs(run)] != ["RUNNING"] * 2:
        assert time.monotonic() < until, stack.child_runs(run)
        time.sleep(0.5)
    wait_for_staged(harness, 2)
    began = time.monotonic()
    end(stack, run)
    assert stack.wait_for_run(run)["state_type"] == state
    stack.wait_until_no_process_runs()
    print(f"no process was left {time.monotonic() - began:.1f} s after its parent was {state}")  # noqa: T201
    # The runner writes a child's last state some seconds after its process is gone.
    children = [stack.wait_for_run(child["id"]) for child in stack.child_runs(run)]
    assert [child["state_type"] for child in children] == ["CANCELLED"] * 2
    assert 2 <= len(staged_keys(harness)) < 710
