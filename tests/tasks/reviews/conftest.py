"""A shop of which three images wait, lived through once for all tests of this folder."""

import pytest

from tests.fixtures.crash_harness import plain_rows
from tests.fixtures.run_shortcuts import reduced_audit
from tests.fixtures.waiting_shop import WaitingShop

__all__ = ["reduced_audit"]


@pytest.fixture(scope="module")
def first_night(reduced_audit: None, tmp_path_factory: pytest.TempPathFactory) -> WaitingShop:
    """A shop after its first night: `bag-0` to `bag-2` wait, a plain thing is live."""
    made = WaitingShop(tmp_path_factory.mktemp("shop"), 3, *plain_rows(1))
    made.night()
    return made


@pytest.fixture
def shop(first_night: WaitingShop) -> WaitingShop:
    """That shop, to be changed."""
    return first_night.copy()
