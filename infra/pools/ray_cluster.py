"""Start Ray for this host alone, or join a running cluster.

Inputs: an address, or None for a cluster of this host's own. Outputs: the package `ray`, connected.
Invariant: a cluster of our own listens on 127.0.0.1 only, requires a token, has its files in a private folder, sends
no telemetry and ends with this process, however that dies. Linux ends Ray's processes with the thread that started
them, so one thread starts Ray, keeps it, and ends it. Environment variables (AWS_*, PACKSHOT_*) are inherited by the
processes that a host starts for itself; on a cluster every node has its own. None travels through Ray.
"""

import importlib
import importlib.metadata
import importlib.util
import logging
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.errors import EngineError, one_line
from infra.host_port import split_host_port
from infra.pools.ray_folder import open_ray_folder

RAY_MISSING = "The ray pool needs the package ray, which is not installed: `pip install 'packshot[ray]'`."
CONNECT_TIMEOUT_SECONDS = 5.0
"""How long a cluster's head may take to accept a connection."""
OBJECT_STORE_BYTES = 256 * 1024**2
"""Shared memory of a cluster of our own: keys and prompts travel, images do not."""
LOOPBACK_ENVIRONMENT = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's own switch for a host outside any cluster: its node is 127.0.0.1, and all of its ports are local."""
QUIET_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1"}
"""No telemetry, and no signal handler: Ray would print its stack when a flow is cancelled by SIGTERM."""

_token = secrets.token_hex(32)
"""A client of Ray can run code: the token is random per process, and known to its children only."""
_lock = threading.Lock()
_session: "_RaySession | None" = None


def ray_is_installed() -> bool:
    """Tell whether the package is installed, without importing it."""
    return importlib.util.find_spec("ray") is not None


def check_ray(address: str | None) -> str:
    """Describe the Ray that would be used, without starting or joining it. Raises `EngineError` where there is none."""
    if not ray_is_installed():
        raise EngineError(RAY_MISSING)
    if address is not None:
        _require_reachable(address)
    version = importlib.metadata.version("ray")
    return f"ray {version}, {'started for this host' if address is None else f'the cluster at {address} answers'}"


def ray_environment() -> dict[str, str]:
    """Return the variables that a cluster of our own is started with: no telemetry, a token, workers like any process.

    Ray's workers have the lowest priority by default: screening would take the CPU that feeds the GPU.
    """
    variables = {**QUIET_ENVIRONMENT, "RAY_worker_niceness": "0"}
    if not any(name.startswith("RAY_AUTH_") for name in os.environ):
        variables |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token}
    return variables


@contextmanager
def connect_ray(address: str | None) -> Iterator[Any]:
    """Yield `ray`, connected to the cluster at `address` (None: one of this host's own); the last user disconnects.

    Raises `EngineError` where ray is not installed, nothing answers, or the process has joined another cluster.
    """
    if not ray_is_installed():
        raise EngineError(RAY_MISSING)
    if address is not None:
        _require_reachable(address)
    session = _join_session(address)
    try:
        yield session.ray
    finally:
        _leave_session(session)


def _join_session(address: str | None) -> "_RaySession":
    global _session
    with _lock:
        if _session is None:
            session = _RaySession(address)
            session.begin()
            _session = session
        if _session.address != address:
            raise EngineError(f"This process is in the Ray cluster {_session.address!r} and cannot join {address!r}.")
        _session.users += 1
        return _session


def _leave_session(session: "_RaySession") -> None:
    global _session
    with _lock:
        session.users -= 1
        if session.users == 0:
            _session = None
            session.end()


class _RaySession:
    """One connection of this process, on its own thread."""

    def __init__(self, address: str | None) -> None:
        self.address = address
        self.users = 0
        self.ray: Any = None
        self._error: Exception | None = None
        self._begun, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="ray", daemon=True)

    def begin(self) -> None:
        self._thread.start()
        self._begun.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with _join_cluster(self.address) if self.address else _start_local_cluster() as self.ray:
                self._begun.set()
                self._over.wait()
        except Exception as error:  # raised in the thread that wanted to connect
            self._error = error
        finally:
            self._begun.set()


@contextmanager
def _start_local_cluster() -> Iterator[Any]:
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)  # what this process imports, actors import
    with open_ray_folder() as folder, _patched_environment(ray_environment() | LOOPBACK_ENVIRONMENT):
        ray = _import_ray()
        with _patched_environment({"PYTHONPATH": path}):
            _init_ray(ray, "local", _temp_dir=folder, include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES)
        try:
            yield ray
        finally:
            ray.shutdown()


def _require_reachable(address: str) -> None:
    try:
        with socket.create_connection(split_host_port(address), CONNECT_TIMEOUT_SECONDS):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise EngineError(
            f"No Ray cluster answers at {address!r} ({reason}): start it, or correct PACKSHOT_RAY_ADDRESS."
        ) from None


@contextmanager
def _join_cluster(address: str) -> Iterator[Any]:
    with _patched_environment(QUIET_ENVIRONMENT):
        ray = _import_ray()
        _init_ray(ray, address)
        try:
            yield ray
        finally:
            ray.shutdown()


def _init_ray(ray: Any, address: str, **options: Any) -> None:
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, **options)
    except Exception as error:
        reason = f"{type(error).__name__}: {one_line(error)}"
        if address == "local":
            raise EngineError(
                f"Ray could not be started on this host ({reason}); PACKSHOT_POOL=inline works without Ray."
            ) from None
        raise EngineError(
            f"The Ray cluster at {address!r} could not be joined ({reason}): this machine must be one of its nodes,"
            " with the same versions of Python and ray, and with its token where it asks for one."
        ) from None


def _import_ray() -> Any:
    ray = importlib.import_module("ray")
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    # Ray reports every process that dies, on stdout and without a switch; the pool reports what matters, and `--json`
    # has to stay one document.
    worker: Any = importlib.import_module("ray._private.worker")
    worker.print_to_stdstream = lambda *_, **__: None
    return ray


@contextmanager
def _patched_environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
