"""Packshot at home in Prefect, on one machine: server, workers, deployments and a sample catalogue.

Comes in: a folder, a port. Goes out: addresses to look at and to run from, for as long as the block lasts. Everything
listens on loopback and keeps its state in the folder; no server, profile or database of the caller's is touched.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from flows.orchestration.local_server import ServerFailed, local_server
from flows.orchestration.supervised_process import attended

POOL, PARTS_POOL = "packshot", "packshot-parts"
QUEUES = ("high", "normal", "low")
SAMPLE = "sample"
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
}


@dataclass(frozen=True)
class Serving:
    """What is being served: the API's URL, the sample catalogue, the store, and the processes that must not end."""

    api: str
    source: Path
    store: Path
    processes: tuple[Any, ...]

    @property
    def ui(self) -> str:
        """Return the address to open in a browser."""
        return self.api.removesuffix("/api")

    @property
    def scheduled(self) -> dict[str, str]:
        """Return the parameters that `prefect.yaml` takes from the environment."""
        return {"source": str(self.source), "catalogue": SAMPLE, "store": str(self.store), "recipe": SAMPLE}


@contextmanager
def serving(folder: Path, port: int, *, limit: int | None = 1) -> Iterator[Serving]:
    """Serve from `folder` on `port`; at most `limit` refreshes at once. The environment must be ours already."""
    folder.mkdir(parents=True, exist_ok=True)
    source, store = (folder / "sample.csv").resolve(), (folder / "store").resolve()
    source.write_bytes((resources.files("catalogs") / "data" / "sample.csv").read_bytes())
    with ExitStack() as stack:
        api = stack.enter_context(local_server(port, whole=True))
        environment = QUIET | {"PREFECT_API_URL": api}
        make_pools(api, limit)
        planned = Serving(api, source, store, ())
        deploy(folder, environment, planned.scheduled)
        workers = tuple(
            stack.enter_context(attended("flows.orchestration.local_worker", pool, environment=environment))
            for pool in (POOL, PARTS_POOL)
        )
        yield Serving(api, source, store, workers)


def make_pools(api: str, limit: int | None) -> None:
    """Make the work pools and their queues where they are not there yet."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        for pool in (POOL, PARTS_POOL):
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"), overwrite=True)
        client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=limit))
        for priority, queue in enumerate(QUEUES, 1):
            try:
                client.create_work_queue(queue, work_pool_name=POOL, priority=priority)
            except ObjectAlreadyExists:
                continue


def deploy(folder: Path, environment: Mapping[str, str], scheduled: Mapping[str, str]) -> None:
    """Deploy `infra/deploy/prefect.yaml`, as a person would. Raises `ServerFailed` with the server's words."""
    values = {f"PACKSHOT_{name.upper()}": value for name, value in scheduled.items()}
    with resources.as_file(resources.files("infra") / "deploy" / "prefect.yaml") as file:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)],
            cwd=folder,
            env={**os.environ, **environment, **values},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise ServerFailed(f"The deployments were not taken: {(done.stderr + done.stdout).strip()[-600:]}")
