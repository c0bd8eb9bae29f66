"""S3 for tests: moto's server in a process of its own, with credentials of its own.

A process and not a thread: some clients hold the interpreter's lock while they wait for the server's answer.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from uuid import uuid4

import pytest

BUCKET = "packshot-tests"


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(command: list[str], port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server in a process of its own until the block ends, once it listens."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield server
    finally:
        server.kill()
        server.wait()


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


@contextmanager
def bucket_at(endpoint: str) -> Iterator[str]:
    """Give an s3:// URL below a fresh prefix of a bucket, with the environment that leads to it as long as it lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "sesame-open")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield f"s3://{BUCKET}/{uuid4().hex}"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Run an S3 server with an empty bucket for the whole session."""
    for module, reason in (("moto", "moto is not installed"), ("s3fs", "the s3 extra is not installed")):
        if find_spec(module) is None:
            pytest.skip(f"{reason}, so S3 is not tested here")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with served([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        from s3fs import S3FileSystem

        with bucket_at(endpoint):
            files = S3FileSystem(
                endpoint_url=endpoint, client_kwargs={"region_name": "us-east-1"}, skip_instance_cache=True
            )
            files.call_s3("create_bucket", Bucket=BUCKET)
        yield endpoint


@pytest.fixture
def s3_url(s3_endpoint: str) -> Iterator[str]:
    """Give an s3:// URL below a fresh prefix of a bucket that exists, with the environment that leads there."""
    with bucket_at(s3_endpoint) as url:
        yield url
