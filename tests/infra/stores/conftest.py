"""S3 for tests: moto's server in a thread, with credentials of its own."""

import socket
from collections.abc import Iterator

import pytest

BUCKET = "packshot-tests"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server_module = pytest.importorskip("moto.server", reason="moto is not installed, so S3 is not tested here")
    port = _free_port()
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """An s3:// URL below a fresh prefix of a bucket that exists, with the environment that leads there."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame-open")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    s3fs = pytest.importorskip("s3fs", reason="the s3 extra is not installed, so S3 is not tested here")
    files = s3fs.S3FileSystem(endpoint_url=s3_endpoint, client_kwargs={"region_name": "us-east-1"})
    files.call_s3("create_bucket", Bucket=BUCKET)
    return f"s3://{BUCKET}/{abs(hash(request.node.nodeid)):x}"
