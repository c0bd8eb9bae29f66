"""Local Prefect stack: server, workers, deployments and a sample catalogue on one machine.

Inputs: a folder, a listening socket. Outputs: the addresses to open and to run from, and the file that holds the login,
while the block lasts. Everything listens on loopback and keeps its state in the folder, which is for this user alone,
since the worker runs what the server's database says; no server, profile or database of the caller's is touched.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from catalogs.errors import OptionError
from flows.orchestration.local_server import LocalServer, ServerFailed, run_local_server, use_server
from flows.orchestration.supervised_process import run_supervised
from infra.private_files import find_exposure, make_private_folder, write_private_file

WORK_POOL, PARTS_WORK_POOL = "packshot", "packshot-parts"
WORK_QUEUES = ("high", "normal", "low")
SAMPLE_NAME = "sample"
PREFECT_FOLDER, LOGIN_FILE = "prefect", "login"
WORKER_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
}


@dataclass(frozen=True)
class LocalPrefectStack:
    """A running stack: the server, the sample catalogue, the store, the file with the login, and the workers."""

    server: LocalServer
    source: Path
    store: Path
    login: Path
    workers: tuple[Any, ...] = ()

    @property
    def ui_url(self) -> str:
        """Return the address to open in a browser."""
        return self.server.api_url.removesuffix("/api")

    @property
    def processes(self) -> tuple[Any, ...]:
        """Return the processes that must keep running."""
        return (self.server.process, *self.workers)

    @property
    def deployment_parameters(self) -> dict[str, str]:
        """Return the parameters that `prefect.yaml` takes from the environment."""
        return {"source": str(self.source), "catalogue": SAMPLE_NAME, "store": str(self.store), "recipe": SAMPLE_NAME}


def prepare_folder(folder: Path) -> None:
    """Make the folder of a stack, or narrow that of an earlier one, for this user alone.

    Raises `OptionError` for a folder that holds other things, and for one that other users could reach all the same.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()) and not (folder / PREFECT_FOLDER).is_dir():
            raise OptionError(f"--out: {folder} holds other files; give a folder of its own")
        for path in (folder, folder / PREFECT_FOLDER):
            make_private_folder(path)
            if exposure := find_exposure(path):
                raise OptionError(f"--out: {exposure}, and a worker runs what lies there; give another folder")
    except OSError as error:
        raise OptionError(f"--out: {folder} cannot be used ({error.strerror}); give another folder") from None


@contextmanager
def run_local_prefect_stack(
    folder: Path, listener: socket.socket, *, max_refreshes: int | None = 1
) -> Iterator[LocalPrefectStack]:
    """Serve from a prepared `folder` on a socket of `open_listener`; at most `max_refreshes` refreshes at once.

    The environment must hold no Prefect settings of the caller's: `isolate_prefect` removes them.
    """
    source, store, login = ((folder / name).resolve() for name in ("sample.csv", "store", LOGIN_FILE))
    source.write_bytes((resources.files("catalogs") / "data" / "sample.csv").read_bytes())
    with ExitStack() as stack:
        server = stack.enter_context(run_local_server(listener, with_ui=True))
        write_private_file(login, f"{server.auth_string}\n".encode())
        stack.callback(login.unlink, missing_ok=True)
        environment = WORKER_ENVIRONMENT | server.client_environment
        create_work_pools(server, max_refreshes)
        planned = LocalPrefectStack(server, source, store, login)
        deploy_flows(folder, environment, planned.deployment_parameters)
        workers = tuple(
            stack.enter_context(run_supervised("flows.orchestration.local_worker", pool, environment=environment))
            for pool in (WORK_POOL, PARTS_WORK_POOL)
        )
        yield replace(planned, workers=workers)


def create_work_pools(server: LocalServer, max_refreshes: int | None) -> None:
    """Create the work pools and their queues where they are missing."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectAlreadyExists

    with use_server(server), get_client(sync_client=True) as client:
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
