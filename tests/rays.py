"""Ray for tests: one cluster of this host's own for all tests of a process, and clusters of several nodes.

Where ray is not installed these tests are skipped, and say so. A cluster's nodes are processes of this host on
127.0.0.1, each with a logical GPU; a node is killed as a machine is lost: all of its processes at once.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import psutil
import pytest

from infra.pools.ray_cluster import EAGER, LOOPBACK_ONLY, connected, ray_is_installed

NEEDS_RAY = pytest.mark.skipif(not ray_is_installed(), reason="ray is not installed: pip install 'packshot[ray]'")


@pytest.fixture(scope="session")
def kept_ray() -> Iterator[ExitStack]:
    """Hold what lasts longer than a test."""
    with ExitStack() as kept:
        yield kept


@pytest.fixture
def local_ray(kept_ray: ExitStack) -> Any:
    """Return Ray in a cluster of this host's own that is kept for other tests: pools join it, none starts another."""
    if not ray_is_installed():
        pytest.skip("ray is not installed: pip install 'packshot[ray]'")
    if "ray" not in sys.modules or not sys.modules["ray"].is_initialized():
        kept_ray.enter_context(connected(None))
    return sys.modules["ray"]


@pytest.fixture
def new_cluster(kept_ray: ExitStack) -> Callable[[int], AbstractContextManager[Any]]:
    """Return what makes clusters, with this process in none."""
    if not ray_is_installed():
        pytest.skip("ray is not installed: pip install 'packshot[ray]'")
    kept_ray.close()
    return cluster_of


def kill_node(node: Any) -> None:
    """Kill a node's processes: its raylet, and every worker below it."""
    raylets = node.all_processes["raylet"]
    for raylet in raylets:
        family = psutil.Process(raylet.process.pid)
        for process in [*family.children(recursive=True), family]:
            process.kill()


@contextmanager
def cluster_of(gpus: int) -> Iterator[Any]:
    """Lend a running cluster with a head without GPUs and so many nodes with one logical GPU each."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**LOOPBACK_ONLY, **EAGER, "RAY_USAGE_STATS_ENABLED": "0"}.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        options = {"include_dashboard": False, "object_store_memory": 100 * 1024**2}
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0, **options})
        try:
            for _ in range(gpus):
                cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=100 * 1024**2)
            yield cluster
        finally:
            cluster.shutdown()
