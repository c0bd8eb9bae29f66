"""Local Prefect server on loopback that ends with its parent: for one command, or for `packshot up`.

Inputs: a listening socket, or none; with or without the UI and the scheduling services. Outputs: its address, and the
auth string that it asks for. Prefect can start such a server by itself, but that one outlives a killed run and asks for
nothing; this one watches its parent and ends with it.
Invariant: every user of this machine and every page in a browser can send to loopback, and a worker runs what its
server says. So the API answers only who knows the auth string, random at each start; pages of other origins are refused
(`server_guard`); the port is bound before the server starts, so that no other process can answer in its place.
"""

import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.orchestration.server_guard import HOST, allowed_origins, guard_app
from flows.orchestration.supervised_process import exit_with_parent, run_supervised
from infra.errors import ExternalError
from infra.private_files import make_private_file

AUTH_USER = "packshot"
START_TIMEOUT_SECONDS = 120
DRAIN_TIMEOUT_SECONDS = 10.0
"""A server that died answers none; Prefect asks it eleven times, within some 8 s."""
RECORDER_ENVIRONMENT = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}
"""By default task runs are recorded one by one: SQLite takes 45 per second, and the rest of a burst is dropped."""


class ServerFailed(ExternalError):
    """The local Prefect server did not come up, or ended."""


@dataclass(frozen=True)
class LocalServer:
    """A running server: its API's URL, the auth string that every caller must give, and its process."""

    api_url: str
    auth_string: str = field(repr=False)
    process: Any = field(repr=False)

    @property
    def credentials(self) -> tuple[str, str]:
        """Return user and password, as HTTP clients take them."""
        user, _, password = self.auth_string.partition(":")
        return user, password

    @property
    def client_environment(self) -> dict[str, str]:
        """Return the variables by which a process becomes its client."""
        return {"PREFECT_API_URL": self.api_url, "PREFECT_API_AUTH_STRING": self.auth_string}

    @property
    def client_settings(self) -> dict[Any, str]:
        """Return Prefect's settings by which this process becomes its client."""
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL

        return {PREFECT_API_URL: self.api_url, PREFECT_API_AUTH_STRING: self.auth_string}


@contextmanager
def run_local_server(
    listener: socket.socket | None = None, *, with_ui: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[LocalServer]:
    """Start a server and yield it; end it on the way out. With `with_ui` it has the UI, and schedules.

    A `listener` stays its opener's: while that is open, nobody else can answer on the port, even if the server dies.
    """
    listening = listener or open_listener()
    descriptor, port = listening.fileno(), int(listening.getsockname()[1])
    server_settings = {
        **RECORDER_ENVIRONMENT,
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_AUTH_STRING": f"{AUTH_USER}:{secrets.token_urlsafe(24)}",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(allowed_origins(port)),
        **(settings or {}),
    }
    arguments = (str(descriptor), "whole" if with_ui else "api")
    with run_supervised(
        "flows.orchestration.local_server",
        *arguments,
        environment=server_settings,
        stderr=subprocess.PIPE,
        pass_fds=(descriptor,),
    ) as process:
        if listener is None:
            listening.close()  # a server that dies is noticed at once
        server = LocalServer(f"http://{HOST}:{port}/api", server_settings["PREFECT_SERVER_API_AUTH_STRING"], process)
        _wait_until_healthy(process, server.api_url)
        yield server


@contextmanager
def use_server(server: LocalServer) -> Iterator[None]:
    """Make this process a client of `server` for a while.

    Prefect sends events and logs from threads of the process, which stay with the server that was theirs when they
    started. So what they hold is sent on the way in and out, and none of them is left to send to another server.
    """
    from prefect.settings import temporary_settings

    _send_held_back()
    with temporary_settings(server.client_settings):
        try:
            yield
        finally:
            _send_held_back()


def _send_held_back() -> None:
    """End the threads that send to a Prefect server, after what they hold; wait for `DRAIN_TIMEOUT_SECONDS` at most."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=DRAIN_TIMEOUT_SECONDS, at_exit=False)


def open_listener(port: int | None = None) -> socket.socket:
    """Listen on loopback, on any free port unless one is given; raise OSError where it is taken."""
    return socket.create_server((HOST, port or 0), backlog=2048)


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
    parent, descriptor, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    exit_with_parent(parent)
    listener = socket.socket(fileno=descriptor)
    import uvicorn
    from prefect.server.api.server import create_app

    make_database_private()
    app = guard_app(create_app(ephemeral=kind != "whole"), int(listener.getsockname()[1]))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(3)


def make_database_private() -> None:
    """Make SQLite's file for this user alone before it is opened; SQLite gives the files beside it the same mode."""
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
    from sqlalchemy.engine import make_url

    url = make_url(PREFECT_API_DATABASE_CONNECTION_URL.value())
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":memory:", "file:")):
        return
    for suffix in ("", "-wal", "-shm"):
        file = Path(url.database + suffix)
        if not suffix or file.exists():
            make_private_file(file)


if __name__ == "__main__":
    main()
