"""The pools of a run: one per model, whoever asks first."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalogs.photos.kept_request import KEPT_MODEL
from flows.wiring.pools import ModelPools, pool_factory
from infra.interfaces import Engine
from infra.pools.inline import InlinePool
from infra.stores import open_store
from tests.fixtures.refresh_harness import SETTINGS


def test_threads_that_ask_at_once_share_one_pool() -> None:
    def slowly(_: str) -> Callable[[], Engine]:
        time.sleep(0.05)
        return lambda: pytest.fail("nothing is generated")

    pools = ModelPools(pool_factory(open_store("memory://pools"), SETTINGS), slowly, lambda: InlinePool(slowly("")))
    with ThreadPoolExecutor(8) as threads:
        assert len(set(map(id, threads.map(pools.pool, ["turbo"] * 8)))) == 1
    assert pools.pool("other") is not pools.pool("turbo")
    pools.close()


def test_images_that_keep_a_product_have_a_pool_of_their_own_and_ask_for_no_engine() -> None:
    composing = InlinePool(lambda: pytest.fail("nothing is composed"))
    pools = ModelPools(
        lambda _: pytest.fail("no pool of engines is opened"), lambda _: pytest.fail("no engine"), lambda: composing
    )
    assert pools.pool(KEPT_MODEL) is composing
    pools.close()
