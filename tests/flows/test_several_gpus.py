"""A night on several GPUs: the same release as on one, whichever of them die, and one bad picture ends nothing."""

import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import flows.wiring.pools
from catalogs import layout
from catalogs.errors import SettingsError
from flows.refresh import Refresh
from flows.run.executors import open_thread_executor
from flows.run.observers import NullObserver
from flows.wiring.composition import open_resources
from flows.wiring.pools import pool_factory
from flows.wiring.pricing import read_price_list
from infra.errors import EngineError
from infra.stores import open_store
from infra.testing.faulty_engine import PROCESS_KILL, open_process_killing_engine
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.pool_work import open_broken_engine_for
from tests.fixtures.prefect_stack import staged_keys, wait_for_staged
from tests.fixtures.ray_clusters import engine_processes, kill_node
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness, assert_published_images

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("reduced_audit")]

NAMES = ("request_key", "source_digest", "finish_digest", "pixel_sha", "attempt", "model")
"""What does not depend on where a picture was made."""
RAY: dict[str, Any] = {"pool": "ray", "shard_size": 4}
Release = dict[Any, tuple[Any, ...]]


def harness_with_skus(folder: Path, count: int, bad: int | None = None, **settings: Any) -> RefreshHarness:
    folder.mkdir(exist_ok=True)
    titles = [f"Thing No. {number}" + f" {PROCESS_KILL}" * (number == bad) for number in range(count)]
    rows = [{"sku": f"thing-{number}", "title": title} for number, title in enumerate(titles)]
    return RefreshHarness(folder, rows, STUB_RECIPE, settings=SETTINGS.model_copy(update=settings))


def published_release(shop: RefreshHarness) -> Release:
    assert_published_images(shop.store, shop.manifest())
    return {name: tuple(row[column] for column in NAMES) for name, row in shop.manifest().items()}


def release_on_one_engine(folder: Path, count: int) -> Release:
    """Return the release as this process makes it alone."""
    shop = harness_with_skus(folder / "alone", count)
    shop.refresh()
    return published_release(shop)


class RefreshThread(threading.Thread):
    """A night on a thread, so that something can be killed meanwhile."""

    def __init__(self, shop: RefreshHarness) -> None:
        super().__init__(daemon=True)
        self.shop = shop
        self.report: dict[str, Any] = {}
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            self.report = self.shop.refresh().report
        except BaseException as error:
            self.fault = error

    def ended(self) -> dict[str, Any]:
        self.join()
        if self.fault is not None:
            raise self.fault
        return self.report


def test_one_two_and_four_engines_of_a_cluster_make_the_same_release(tmp_path: Path, multi_node_ray: Any) -> None:
    alone = release_on_one_engine(tmp_path, 10)
    for engines in (1, 2, 4):
        shop = harness_with_skus(
            tmp_path / str(engines), 10, ray_address=multi_node_ray.address, ray_gpus=engines, **RAY
        )
        assert shop.refresh().report["images"]["generated"] == 10
        assert published_release(shop) == alone


def test_a_node_that_is_killed_in_mid_run_changes_nothing(tmp_path: Path, multi_node_ray: Any) -> None:
    shop = harness_with_skus(tmp_path, 40, ray_address=multi_node_ray.address, stub_seconds=0.5, in_flight=9, **RAY)
    night = RefreshThread(shop)
    night.start()
    node, other = multi_node_ray.worker_nodes
    while night.is_alive() and not (staged_keys(shop) and engine_processes(node) and engine_processes(other)):
        time.sleep(0.05)
    kill_node(node)
    staged = len(staged_keys(shop))
    report = night.ended()
    assert 0 < staged < 40, "it was killed in the middle"
    assert (report["slots"]["published"], report["reasons"]) == (40, {})
    assert report["images"]["generated"] + report["images"]["reused"] == 40
    assert published_release(shop) == release_on_one_engine(tmp_path, 40)


def test_two_engines_make_the_release_that_one_makes(tmp_path: Path, local_ray: Any) -> None:
    shop = harness_with_skus(tmp_path, 10, ray_gpus=2, **RAY)
    report = shop.refresh().report
    assert (report["slots"]["published"], report["images"]["generated"]) == (10, 10)
    assert published_release(shop) == release_on_one_engine(tmp_path, 10)


def test_a_budget_is_kept_by_engines_in_other_processes(tmp_path: Path, local_ray: Any) -> None:
    shop = harness_with_skus(tmp_path, 20, ray_gpus=1, stub_seconds=0.1, **RAY | {"shard_size": 32})
    planned = shop.settings.model_copy(update={"stub_seconds": 0.01})
    a_second = 2.0 / 3600  # of the price list's default GPU
    job, _ = shop.parameters(max_cost=0.85 * a_second).resolve_job()
    with open_thread_executor() as hands, open_resources(job, shop.settings) as (places, gate):
        report = Refresh(job, places, gate, hands, planned, read_price_list(planned), NullObserver()).run()
    ended = report["slots"]
    assert 4 <= ended["published"] <= 8, "four are measured, and eight are paid for"
    assert report["limits"]["deferred"] == {"budget-used-up": 20 - ended["published"]}


def test_an_actor_that_is_killed_in_mid_shard_costs_what_it_had_in_flight(tmp_path: Path, local_ray: Any) -> None:
    shop = harness_with_skus(tmp_path, 16, ray_gpus=1, stub_seconds=0.2, **RAY)
    night = RefreshThread(shop)
    night.start()
    wait_for_staged(shop, 3)
    (actor,) = [each for each in psutil.Process().children(recursive=True) if "EngineActor" in each.name()]
    actor.kill()
    report = night.ended()
    assert (report["slots"]["published"], report["reasons"]) == (16, {})
    assert report["images"]["reused"] >= 3, "what it had staged was found"
    assert report["images"]["generated"] + report["images"]["reused"] == 16
    assert published_release(shop) == release_on_one_engine(tmp_path, 16)


def test_a_picture_that_kills_its_engine_is_set_aside_and_the_rest_is_published(tmp_path: Path, local_ray: Any) -> None:
    shop = harness_with_skus(tmp_path, 12, bad=5, ray_gpus=2, ray_tries=2, stub_seconds=0.1, **RAY)
    report = shop.refresh(opener=open_process_killing_engine).report
    assert (report["slots"]["published"], report["slots"]["failed"]) == (11, 1)
    assert report["reasons"] == {"set-aside": 1}
    assert {sku for sku, _, _ in shop.manifest()} == {f"thing-{number}" for number in range(12)} - {"thing-5"}
    shop.rows[5]["title"] = "Thing No. 5"
    assert shop.refresh().report["slots"]["published"] == 1


def test_an_engine_that_cannot_be_opened_ends_the_night_with_its_sentence(tmp_path: Path, local_ray: Any) -> None:
    shop = harness_with_skus(tmp_path, 2, ray_gpus=1, **RAY)
    with pytest.raises(EngineError, match="ordered not to load"):
        shop.refresh(opener=open_broken_engine_for)
    assert len(shop.open_run_markers()) == 1, "the run is taken up when the engine is there"


def test_a_store_that_other_processes_cannot_see_is_refused(local_ray: Any) -> None:
    with pytest.raises(SettingsError, match=r"^PACKSHOT_POOL=ray: .* cannot see 'memory://here'"):
        pool_factory(open_store("memory://here"), SETTINGS.model_copy(update=RAY))


def test_without_the_package_a_night_ends_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.wiring.pools, "ray_is_installed", lambda: False)
    shop = harness_with_skus(tmp_path, 1, **RAY)
    with pytest.raises(EngineError, match=r"pip install 'packshot\[ray\]'"):
        shop.refresh()
    assert list(shop.store.list(layout.open_runs_prefix(shop.catalogue))) == []
