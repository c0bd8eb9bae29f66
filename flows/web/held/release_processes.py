"""Release processes: publish what a person has let go, outside the console's own process.

Inputs: a store's address, a held run of which the store holds what goes. Outputs: a `packshot release` of its own, and
what became of it. A console opens no signer and imports no Prefect; and a console that is stopped stops no release. A
release that dies is completed by the next one, or by the next refresh.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import IO

MAX_MESSAGE_BYTES = 4_000


@dataclass
class _Started:
    process: "subprocess.Popen[bytes]"
    errors: IO[bytes]


class ReleaseProcesses:
    """The releases that one console has started. Safe for several threads."""

    def __init__(self, command: Callable[[str, str], list[str]] | None = None) -> None:
        self._command = command or _packshot_release
        self._started: dict[str, _Started] = {}
        self._lock = Lock()

    def start(self, store_url: str, run_id: str) -> None:
        """Start publishing a run's batch, unless that is under way."""
        with self._lock:
            if not self._is_running(run_id):
                errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has ended
                process = subprocess.Popen(
                    self._command(store_url, run_id),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
                self._started[run_id] = _Started(process, errors)

    def is_running(self, run_id: str) -> bool:
        """Tell whether a release that this console has started is under way."""
        with self._lock:
            return self._is_running(run_id)

    def failure(self, run_id: str) -> str:
        """Return what a release said that ended without success; empty where there is none."""
        with self._lock:
            started = self._started.get(run_id)
            if started is None or started.process.poll() in (None, 0):
                return ""
            started.errors.seek(0)
            text = started.errors.read(MAX_MESSAGE_BYTES).decode("utf-8", "replace").strip()
            return text or f"The release ended with exit code {started.process.returncode}."

    def _is_running(self, run_id: str) -> bool:
        started = self._started.get(run_id)
        return started is not None and started.process.poll() is None


def _packshot_release(store_url: str, run_id: str) -> list[str]:
    return [sys.executable, "-m", "flows.cli", "release", run_id, "--store", store_url, "--json"]
