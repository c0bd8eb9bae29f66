"""Runs too large for one flow run, on a real server: who does their parts, and who ends them with their parent."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fixtures.prefect_stack import PATIENCE, Home, asked_of, report_of, shop_of, staged_keys, wait_for_staged
from tests.fixtures.refresh_harness import Shop
from tests.flows.test_bad_input import RECIPE

pytestmark = pytest.mark.slow
SHARD_OF_ONE = {"env": {"PACKSHOT_SHARD_SIZE": "1"}}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop of two parts: 700 shards and 10."""
    made = shop_of(tmp_path, 710)
    made.recipe = RECIPE | {"tiers": {"standard": {"width": 64, "height": 64}}}
    return made


def start(home: Home, shop: Shop, **more: Any) -> str:
    home.wait_for_no_process()
    return home.start("refresh/adhoc", asked_of(shop, **more), job_variables=SHARD_OF_ONE)


def check_whole(shop: Shop) -> None:
    report = report_of(shop)
    assert report["images"]["generated"] + report["images"]["reused"] == report["images"]["attempts"]
    assert sum(report["slots"][state] for state in ("published", "review", "blocked")) == 710


def test_a_run_of_more_than_seven_hundred_shards_is_done_in_parts_by_others(home: Home, shop: Shop) -> None:
    run = home.wait(start(home, shop))
    assert run["state_type"] == "COMPLETED", run["state"]
    children = home.children(run["id"])
    assert sorted(child["parameters"]["part"] for child in children) == ["1-00000", "1-00001"]
    assert {child["state_type"] for child in children} == {"COMPLETED"}
    check_whole(shop)


def test_parts_that_nobody_takes_up_are_called_off_and_done_by_their_parent(home: Home, shop: Shop) -> None:
    pool = "work_pools/packshot-parts"
    home.change(pool, is_paused=True)
    try:
        run = home.wait(start(home, shop))
    finally:
        home.change(pool, is_paused=False)
    assert run["state_type"] == "COMPLETED", run["state"]
    children = home.children(run["id"])
    assert len(children) == 2
    assert {(child["state_type"], child["run_count"]) for child in children} == {("CANCELLED", 0)}
    assert {child["state"]["message"] for child in children} == {"Nobody took it up; its parent does it"}
    check_whole(shop)


def kill(home: Home, run: str) -> None:
    """Kill the processes of one flow run, as the kernel does where memory ends."""
    [found] = [one for one in home.processes() if one.environ().get("PREFECT__FLOW_RUN_ID") == run and is_first(one)]
    for process in [*found.children(recursive=True), found]:
        process.send_signal(signal.SIGKILL)


def is_first(process: psutil.Process) -> bool:
    """Tell a flow's own process from those that it started, which inherit its environment."""
    parent = process.parent()
    return parent is not None and "flows.orchestration.local_worker" in parent.cmdline()


@pytest.mark.parametrize(("end", "state"), [(Home.cancel, "CANCELLED"), (kill, "CRASHED")], ids=["cancelled", "killed"])
def test_a_parent_that_ends_takes_its_children_along(
    home: Home, shop: Shop, end: Callable[[Home, str], None], state: str
) -> None:
    # Two seconds a picture, so that the small part, ten of them, is still at work when the end is noticed.
    run = start(home, shop, stub_seconds=2)
    until = time.monotonic() + PATIENCE
    while [child["state_type"] for child in home.children(run)] != ["RUNNING"] * 2:
        assert time.monotonic() < until, home.children(run)
        time.sleep(0.5)
    wait_for_staged(shop, 2)
    began = time.monotonic()
    end(home, run)
    assert home.wait(run)["state_type"] == state
    home.wait_for_no_process()
    print(f"no process was left {time.monotonic() - began:.1f} s after its parent was {state}")  # noqa: T201
    assert {child["state_type"] for child in home.children(run)} == {"CANCELLED"}
    assert 2 <= len(staged_keys(shop)) < 710
