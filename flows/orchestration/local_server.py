"""Local Prefect server on loopback that ends with its parent: for one command, or for `packshot up`.

Inputs: a port, or none; with or without the UI and the scheduling services. Outputs: its URL. Prefect can start such a
server by itself, but that one outlives a killed run; this one watches its parent and ends with it.
"""

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flows.orchestration.supervised_process import exit_with_parent, run_supervised
from infra.errors import ExternalError

HOST = "127.0.0.1"
START_TIMEOUT_SECONDS = 120
RECORDER_ENVIRONMENT = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}
"""By default task runs are recorded one by one: SQLite takes 45 per second, and the rest of a burst is dropped."""


class ServerFailed(ExternalError):
    """The local Prefect server did not come up."""


@contextmanager
def run_local_server(
    port: int | None = None, *, with_ui: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Start a server and yield its API URL; end it on the way out. With `with_ui` it has the UI, and schedules."""
    port = port or find_free_port()
    url = f"http://{HOST}:{port}/api"
    arguments = (str(port), "whole" if with_ui else "api")
    environment = RECORDER_ENVIRONMENT | {"PREFECT_SERVER_UI_API_URL": url, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    environment |= settings or {}
    with run_supervised(
        "flows.orchestration.local_server", *arguments, environment=environment, stderr=subprocess.PIPE
    ) as process:
        _wait_until_healthy(process, url)
        yield url


def find_free_port() -> int:
    """Return a port that no process listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_port_free(port: int) -> bool:
    """Tell whether a server could listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _wait_until_healthy(process: "subprocess.Popen[bytes]", url: str) -> None:
    # The server logs to a pipe. It must be read, since a full pipe would block the server.
    log_lines: list[bytes] = []
    assert process.stderr is not None  # noqa: S101 - Popen was called with stderr=PIPE
    threading.Thread(target=_drain_log, args=(process.stderr, log_lines), daemon=True).start()
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log_tail = b"".join(log_lines[-5:]).decode("utf-8", "replace").strip()
            raise ServerFailed(f"The local Prefect server ended with {process.returncode}: {log_tail[-400:]}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - a loopback address
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ServerFailed(f"The local Prefect server did not answer within {START_TIMEOUT_SECONDS} s")


def _drain_log(pipe: "object", last_lines: list[bytes]) -> None:
    for line in pipe:  # type: ignore[attr-defined]
        last_lines.append(line)
        del last_lines[:-20]


def main() -> None:
    """Serve until the parent process exits."""
    parent, port, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    exit_with_parent(parent)
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(create_app(ephemeral=kind != "whole"), host=HOST, port=port, log_level="error")


if __name__ == "__main__":
    main()
