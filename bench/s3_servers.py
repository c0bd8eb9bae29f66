"""S3 servers for benchmarks: moto's server in a process of its own, and a counting proxy in front of it.

Inputs: a scratch folder, and how late each answer shall come. Outputs: two endpoints, and the log of the requests that
passed the slow one. Needs moto, which the tests need too.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

BUCKET = "bench"
_START_SECONDS = 60


@dataclass(frozen=True)
class CountedS3:
    """An S3 server: `endpoint` answers at once, `counted_endpoint` late and through the log."""

    endpoint: str
    counted_endpoint: str
    log: Path

    def use(self, *, counted: bool) -> None:
        """Lead this process's stores to one of the endpoints."""
        os.environ["AWS_ENDPOINT_URL"] = self.counted_endpoint if counted else self.endpoint


@contextmanager
def counted_s3(folder: Path, latency: float) -> Iterator[CountedS3]:
    """Run the servers until the block ends; a bucket `bench` is there, and the environment holds its credentials."""
    import boto3  # 20 MB, in whatever process imports this module

    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
    log, upstream, port = folder / "requests.log", _free_port(), _free_port()
    with ExitStack() as servers:
        servers.enter_context(_running([sys.executable, "-m", "moto.server", "-p", str(upstream)], upstream))
        proxy = [sys.executable, "-m", "bench.counting_proxy", str(port), str(upstream), str(log), str(latency)]
        servers.enter_context(_running(proxy, port))
        found = CountedS3(f"http://127.0.0.1:{upstream}", f"http://127.0.0.1:{port}", log)
        boto3.client("s3", endpoint_url=found.endpoint, region_name="us-east-1").create_bucket(Bucket=BUCKET)
        yield found


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.05)
        yield
    finally:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
