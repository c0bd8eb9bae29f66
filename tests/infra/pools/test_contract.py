"""What every pool promises, asked of the one in this process, of the one in processes and of the one on Ray."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest

from infra.errors import EngineError
from infra.interfaces import Engine, Pool, Prompt
from infra.pools.inline import InlinePool
from infra.pools.process_pool import ProcessPool
from infra.pools.ray_pool import RayEngines
from tests.fixtures import pool_work as works
from tests.fixtures.kept_regions import kept_region

PATIENCE = works.TIMEOUT_SECONDS
Maker = Callable[[Callable[[], Engine]], Pool]


@pytest.fixture(params=["inline", "processes", "ray"])
def new_pool(request: pytest.FixtureRequest) -> Iterator[Maker]:
    made: list[Pool] = []

    def maker(open_engine: Callable[[], Engine]) -> Pool:
        if request.param == "inline":
            made.append(InlinePool(open_engine))
        elif request.param == "processes":
            made.append(ProcessPool(open_engine, 2))
        else:
            request.getfixturevalue("local_ray")
            made.append(RayEngines(gpus=1).pool(open_engine))
        return made[-1]

    yield maker
    for pool in made:
        pool.close()


def test_works_get_their_shards_and_an_engine_and_one_that_raises_harms_no_other(new_pool: Maker) -> None:
    pool = new_pool(works.open_stub)
    assert pool.busy_seconds() == 0
    painting = [pool.submit(works.generate_keys, [f"{shard}{number}" for number in range(3)]) for shard in "abc"]
    dividing = [pool.submit(works.divide, shard) for shard in (3, 0, 4)]
    assert [future.result(PATIENCE) for future in painting] == [[f"{s}0", f"{s}1", f"{s}2"] for s in "abc"]
    assert [dividing[0].result(PATIENCE), dividing[2].result(PATIENCE)] == [4, 3]
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        dividing[1].result(PATIENCE)
    busy = pool.busy_seconds()
    assert busy > 0
    pool.close()
    assert pool.busy_seconds() >= busy


def test_a_prompts_kept_region_travels_to_the_engine(new_pool: Maker) -> None:
    region = kept_region(64, 64)
    prompts = [Prompt("scene", "a mug", 1, 64, 64, kept_region=region), Prompt("plain", "a mug", 1, 64, 64)]
    made = new_pool(works.open_stub).submit(works.generate_pixels, prompts).result(PATIENCE)
    core = region.alpha == 255
    assert np.array_equal(made["scene"][core], region.pixels[core])
    assert not np.array_equal(made["plain"][core], region.pixels[core])


@pytest.mark.parametrize("new_pool", ["inline", "ray"], indirect=True)  # a composing process does one work at a time
def test_two_works_run_beside_an_engine_and_no_more(new_pool: Maker, tmp_path: Path) -> None:
    pool = new_pool(works.open_stub)
    futures = [pool.submit(works.count_concurrent_jobs, (str(tmp_path), number)) for number in range(4)]
    assert [future.result(PATIENCE) for future in futures] == [2, 2, 2, 2]


def test_where_the_engine_cannot_be_opened_every_work_hears_why(new_pool: Maker) -> None:
    pool = new_pool(works.open_broken_engine)
    for future in [pool.submit(works.generate_keys, ["a"]) for _ in range(3)]:
        with pytest.raises(EngineError, match="ordered not to load"):
            future.result(PATIENCE)
    with pytest.raises(EngineError, match="ordered not to load"):
        pool.submit(works.generate_keys, ["late"]).result(PATIENCE)


def test_closing_cancels_what_waits_and_ends_what_runs(new_pool: Maker, tmp_path: Path) -> None:
    pool = new_pool(works.open_stub)
    running = [pool.submit(works.generate_until_killed, str(tmp_path)) for _ in range(2)]
    waiting = [pool.submit(works.generate_until_killed, str(tmp_path)) for _ in range(2)]
    while len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.01)
    pool.close()
    for future in running:
        with pytest.raises(EngineError, match="closed"):
            future.result(PATIENCE)
    for future in waiting:
        with pytest.raises(CancelledError):
            future.result(PATIENCE)
    with pytest.raises(EngineError, match="pool is closed"):
        pool.submit(works.generate_keys, ["late"])
    pool.close()


def test_a_pool_that_was_never_used_opens_nothing(new_pool: Maker, tmp_path: Path) -> None:
    pool = new_pool((tmp_path / "opened").touch)  # type: ignore[arg-type]
    pool.close()
    pool.close()
    assert list(tmp_path.iterdir()) == []
