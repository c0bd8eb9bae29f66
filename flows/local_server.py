"""A Prefect server of our own for one command, where none is configured: on loopback, gone with its parent.

Comes in: a folder for its database. Goes out: its URL. Prefect can start such a server by itself, but that one
outlives a killed run; this one looks at its parent and ends when it is gone.
"""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from infra.errors import WorldError

START_SECONDS = 120
WATCH_SECONDS = 0.5


class ServerFailed(WorldError):
    """The local Prefect server did not come up."""


@contextmanager
def local_server() -> Iterator[str]:
    """Start a server and yield its API URL; end it on the way out."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.local_server", str(port), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches a whole group, and the flow still has an end to tell its server of
    )
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait(process, url)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    # Its log goes to a pipe that must be read, or a full pipe would stop it.
    last: list[bytes] = []
    assert process.stderr is not None  # noqa: S101 - asked for above
    threading.Thread(target=_drain, args=(process.stderr, last), daemon=True).start()
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            words = b"".join(last[-5:]).decode("utf-8", "replace").strip()
            raise ServerFailed(f"The local Prefect server ended with {process.returncode}: {words[-400:]}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - loopback, ours
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ServerFailed(f"The local Prefect server did not answer within {START_SECONDS} s")


def _drain(pipe: "object", last: list[bytes]) -> None:
    for line in pipe:  # type: ignore[attr-defined]
        last.append(line)
        del last[:-20]


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(0)


def main() -> None:
    """Serve until the parent is gone."""
    port, parent = int(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(create_app(ephemeral=True), host="127.0.0.1", port=port, log_level="error")


if __name__ == "__main__":
    main()
