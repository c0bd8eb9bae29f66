"""S3 for tests: moto's server in a process of its own, with credentials of its own.

A process and not a thread: some clients hold the interpreter's lock while they wait for the server's answer.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

BUCKET = "packshot-tests"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Run an S3 server for the whole session."""
    for module, reason in (("moto.server", "moto is not installed"), ("s3fs", "the s3 extra is not installed")):
        if find_spec(module.split(".")[0]) is None:
            pytest.skip(f"{reason}, so S3 is not tested here")
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Give an s3:// URL below a fresh prefix of a bucket that exists, with the environment that leads there."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame-open")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    from s3fs import S3FileSystem

    files = S3FileSystem(endpoint_url=s3_endpoint, client_kwargs={"region_name": "us-east-1"})
    files.call_s3("create_bucket", Bucket=BUCKET)
    return f"s3://{BUCKET}/{abs(hash(request.node.nodeid)):x}"
