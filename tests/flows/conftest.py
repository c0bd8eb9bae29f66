"""One Prefect server for the tests that need to see what Prefect recorded: it takes seconds to start."""

from collections.abc import Iterator

import pytest

from flows.local_server import local_server


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[str]:
    """Return the API URL of a server of this session's own, which Prefect's clients then use."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with local_server() as url, temporary_settings({PREFECT_API_URL: url}):
        yield url
