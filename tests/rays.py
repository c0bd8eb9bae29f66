"""Ray for tests: one cluster of this host's own for all tests of a process, and clusters of several nodes.

Where ray is not installed these tests are skipped, and say so. A cluster's nodes are processes of this host on
127.0.0.1, each with a logical GPU; a node is killed as a machine is lost: all of its processes at once.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psutil
import pytest

from infra.pools.ray_cluster import LOOPBACK_ENVIRONMENT, connect_ray, ray_environment, ray_is_installed

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
        kept_ray.enter_context(connect_ray(None))
    return sys.modules["ray"]


@pytest.fixture(scope="module")
def cluster(kept_ray: ExitStack) -> Iterator[Any]:
    """Lend a running cluster: a head without GPUs, and two nodes with two logical GPUs each. This process is in none.

    Its tests come first in their file: those of a host's own Ray keep this process there.
    """
    if not ray_is_installed():
        pytest.skip("ray is not installed: pip install 'packshot[ray]'")
    kept_ray.close()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**ray_environment(), **LOOPBACK_ENVIRONMENT}.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        options = {"object_store_memory": 100 * 1024**2, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0, **options})
        try:
            for _ in range(2):
                started.add_node(num_cpus=1, num_gpus=2, object_store_memory=100 * 1024**2)
            yield started
        finally:
            started.shutdown()


def engines_of(node: Any) -> list[psutil.Process]:
    """Return the processes of a node in which engines are."""
    return [each for each in _family(node) if each.name().startswith("ray::EngineActor")]


def kill_node(node: Any) -> None:
    """Kill a node's processes: its raylet, and every worker below it."""
    for process in _family(node):
        process.kill()


def _family(node: Any) -> list[psutil.Process]:
    (raylet,) = node.all_processes["raylet"]
    family = psutil.Process(raylet.process.pid)
    return [*family.children(recursive=True), family]
