"""Local Prefect stack: server, workers, deployments and a sample catalogue on one machine.

Inputs: a folder, a port. Outputs: the addresses to open and to run from, while the block lasts. Everything listens on
loopback and keeps its state in the folder; no server, profile or database of the caller's is touched.
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

from flows.orchestration.local_server import ServerFailed, run_local_server
from flows.orchestration.supervised_process import run_supervised

WORK_POOL, PARTS_WORK_POOL = "packshot", "packshot-parts"
WORK_QUEUES = ("high", "normal", "low")
SAMPLE_NAME = "sample"
WORKER_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
}


@dataclass(frozen=True)
class LocalPrefectStack:
    """A running stack: the API's URL, the sample catalogue, the store, and the processes that must keep running."""

    api_url: str
    source: Path
    store: Path
    processes: tuple[Any, ...]

    @property
    def ui_url(self) -> str:
        """Return the address to open in a browser."""
        return self.api_url.removesuffix("/api")

    @property
    def deployment_parameters(self) -> dict[str, str]:
        """Return the parameters that `prefect.yaml` takes from the environment."""
        return {"source": str(self.source), "catalogue": SAMPLE_NAME, "store": str(self.store), "recipe": SAMPLE_NAME}


@contextmanager
def run_local_prefect_stack(folder: Path, port: int, *, max_refreshes: int | None = 1) -> Iterator[LocalPrefectStack]:
    """Serve from `folder` on `port`; at most `max_refreshes` refreshes at once.

    The environment must hold no Prefect settings of the caller's: `isolate_prefect` removes them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source, store = (folder / "sample.csv").resolve(), (folder / "store").resolve()
    source.write_bytes((resources.files("catalogs") / "data" / "sample.csv").read_bytes())
    with ExitStack() as stack:
        api = stack.enter_context(run_local_server(port, with_ui=True))
        environment = WORKER_ENVIRONMENT | {"PREFECT_API_URL": api}
        create_work_pools(api, max_refreshes)
        planned = LocalPrefectStack(api, source, store, ())
        deploy_flows(folder, environment, planned.deployment_parameters)
        workers = tuple(
            stack.enter_context(run_supervised("flows.orchestration.local_worker", pool, environment=environment))
            for pool in (WORK_POOL, PARTS_WORK_POOL)
        )
        yield LocalPrefectStack(api, source, store, workers)


def create_work_pools(api_url: str, max_refreshes: int | None) -> None:
    """Create the work pools and their queues where they are missing."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
        for pool in (WORK_POOL, PARTS_WORK_POOL):
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"), overwrite=True)
        client.update_work_pool(WORK_POOL, WorkPoolUpdate(concurrency_limit=max_refreshes))
        for priority, queue in enumerate(WORK_QUEUES, 1):
            try:
                client.create_work_queue(queue, work_pool_name=WORK_POOL, priority=priority)
            except ObjectAlreadyExists:
                continue


def deploy_flows(folder: Path, environment: Mapping[str, str], deployment_parameters: Mapping[str, str]) -> None:
    """Deploy `infra/deploy/prefect.yaml` by the `prefect` command. Raises `ServerFailed` with its output."""
    values = {f"PACKSHOT_{name.upper()}": value for name, value in deployment_parameters.items()}
    with resources.as_file(resources.files("infra") / "deploy" / "prefect.yaml") as file:
        result = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)],
            cwd=folder,
            env={**os.environ, **environment, **values},
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        raise ServerFailed(f"The deployments could not be created: {(result.stderr + result.stdout).strip()[-600:]}")
