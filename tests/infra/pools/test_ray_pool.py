"""Engines in processes of their own: what a death costs, and whom. See `test_contract.py` for what every pool does."""

import pickle
import time
from pathlib import Path
from typing import Any

import pytest

from infra.errors import EngineError, EngineUnsuitable, WorkQuarantined
from infra.pools import dispatcher, ray_scheduler
from infra.pools.ray_pool import RayEngines
from tests.fixtures import pool_work as works

PATIENCE = 2 * works.TIMEOUT_SECONDS


@pytest.fixture
def engines(local_ray: Any) -> Any:
    opened = RayEngines(gpus=2, tries=2)
    yield opened
    opened.close()


def test_a_death_costs_nobody_his_work_and_poison_is_set_aside(engines: RayEngines, tmp_path: Path) -> None:
    pool = engines.pool(works.open_slow_stub)
    once = pool.submit(works.kill_process_once, str(tmp_path))
    while not (tmp_path / "died").exists():  # beside the poison it might die with that first, and then by itself
        time.sleep(0.01)
    poison = pool.submit(works.kill_process, None)
    lost = pool.submit(works.raise_device_lost, None)
    unreadable = pool.submit(works.return_unreadable, None)
    painting = [pool.submit(works.generate_keys, [f"{shard}{number}" for number in range(9)]) for shard in "abcd"]
    assert [len(future.result(PATIENCE)) for future in painting] == [9] * 4
    assert once.result(PATIENCE) > 0
    with pytest.raises(
        WorkQuarantined, match=r"^2 engines in a row died with this work.*: its process is gone \(Actor"
    ):
        poison.result(PATIENCE)
    with pytest.raises(WorkQuarantined, match="the last: The device was lost, as ordered"):
        lost.result(PATIENCE)
    with pytest.raises(ValueError, match="no number"):
        unreadable.result(PATIENCE)
    assert pool.busy_seconds() >= 4 * 9 * 0.02, "what dead engines have told is not forgotten"


def test_an_engine_that_lost_its_device_gets_a_new_process(local_ray: Any, tmp_path: Path) -> None:
    engines = RayEngines(gpus=1)
    first, second = engines.pool(works.open_stub).submit(works.lose_device_once, str(tmp_path)).result(PATIENCE)
    assert first != second
    engines.close()


def test_works_go_to_all_engines_and_models_share_them(engines: RayEngines, tmp_path: Path) -> None:
    first, second = engines.pool(works.open_stub), engines.pool(works.open_slow_stub)
    both = [pool.submit(works.wait_for_two_processes, str(tmp_path)) for pool in (first, second) for _ in range(2)]
    found = {process for future in both for process in future.result(PATIENCE)}
    assert len(found) == 2
    with pytest.raises(EngineUnsuitable, match="This machine cannot"):
        second.submit(works.raise_engine_unsuitable, None).result(PATIENCE)
    with pytest.raises(EngineUnsuitable, match="This machine cannot"):
        second.submit(works.report_process_id, None).result(PATIENCE)
    assert first.submit(works.report_process_id, None).result(PATIENCE) in found, "the other model's engine is sound"


def test_work_that_cannot_travel_is_refused_where_it_is_given(engines: RayEngines) -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        engines.pool(works.open_stub).submit(lambda *_: None, None)


@pytest.mark.slow
def test_an_engine_whose_process_dies_while_it_opens_ends_everything_with_its_cause(
    local_ray: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_scheduler, "RESTARTS", 1)
    engines = RayEngines(gpus=1)
    try:
        future = engines.pool(works.die_while_opening).submit(works.report_process_id, None)
        with pytest.raises(EngineError, match=r"^None of 1 engines could be started: its process is gone"):
            future.result(PATIENCE)
    finally:
        engines.close()


@pytest.mark.slow
def test_an_actor_that_has_used_up_its_restarts_is_replaced_and_endless_deaths_end_it_all(
    local_ray: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_scheduler, "RESTARTS", 1)
    monkeypatch.setattr(dispatcher, "CRASH_LOOP_DEATHS", 4)
    engines = RayEngines(gpus=1, tries=1)
    try:
        pool = engines.pool(works.open_stub)
        said = [pool.submit(works.kill_process, None).exception(PATIENCE) for _ in range(5)]
        assert [type(error) for error in said] == [*[WorkQuarantined] * 4, EngineError]
        assert "Engines die with every job" in str(said[-1])
    finally:
        engines.close()


def test_a_host_without_gpus_says_how_to_do_without(local_ray: Any) -> None:
    if local_ray.cluster_resources().get("GPU"):
        pytest.skip("this host has GPUs")
    engines = RayEngines()
    with pytest.raises(EngineError, match=r"^This host has no GPU that Ray knows of: .*PACKSHOT_RAY_GPUS"):
        engines.pool(works.open_stub).submit(works.report_process_id, None).result(PATIENCE)
    engines.close()
