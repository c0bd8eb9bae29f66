"""A Prefect server with workers and all deployments, shared by the tests of this folder: it takes 20 s to start."""

from collections.abc import Iterator

import pytest

from tests.fixtures.prefect_stack import PrefectStack, run_prefect_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectStack]:
    """Return the server as a client of its API sees it."""
    with run_prefect_stack(tmp_path_factory.mktemp("home")) as made:
        yield made
