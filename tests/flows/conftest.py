"""What the tests of whole runs stand on: a Prefect server, and stores on a disk and in a bucket.

One server for the tests that need to see what Prefect recorded: it takes seconds to start.
"""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from flows.orchestration.local_server import run_local_server, use_server
from tests.fixtures.object_stores import StoreUrlFactory, temporary_s3_url
from tests.fixtures.run_shortcuts import inline_screening, reduced_audit

__all__ = ["inline_screening", "reduced_audit"]


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[str]:
    """Return the API URL of a server of this session's own, which Prefect's clients then use."""
    with run_local_server() as server, use_server(server):
        yield server.api_url


@pytest.fixture(scope="module")
def new_store_url(request: pytest.FixtureRequest) -> Iterator[StoreUrlFactory]:
    """Make stores of one kind: on a disk, unless a test says which."""
    if getattr(request, "param", "disk") == "disk":
        yield lambda folder: f"file://{folder / 'store'}"
        return
    with temporary_s3_url(request.getfixturevalue("s3_endpoint")) as url:
        yield lambda _: f"{url}-{uuid4().hex}"
