"""A16: clocks that differ by ten minutes neither steal a lease nor keep it from anybody: the store's clock decides.

Two processes whose clocks are wrong share an S3 server whose own clock is wrong too, or a folder.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.stores import open_store
from tests.fixtures.fault_proxy import Faults, fault_proxy
from tests.fixtures.object_stores import temporary_s3_url
from tests.infra.coordination.skewed_process import TERM_SECONDS

PREFIX = "leases/shoes/full"
TEN_MINUTES = 600.0
SERVER_AHEAD = 3 * 3600.0


class SkewedMachine:
    """A process that works with leases, and whose clock is wrong."""

    def __init__(self, url: str, seconds_ahead: float) -> None:
        command = [sys.executable, "-m", "tests.infra.coordination.skewed_process", url, PREFIX, str(seconds_ahead)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, word: str) -> str:
        """Have it do something, and return what came of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def __enter__(self) -> "SkewedMachine":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(params=["local", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "local":
            yield str(tmp_path)
            return
        proxy = fault_proxy(request.getfixturevalue("s3_endpoint"), tmp_path, Faults(clock_ahead=SERVER_AHEAD))
        yield stack.enter_context(temporary_s3_url(stack.enter_context(proxy).endpoint))


def test_a_server_s_clock_is_seen_in_its_dates_and_in_its_objects(s3_endpoint: str, tmp_path: Path) -> None:
    faults = Faults(clock_ahead=SERVER_AHEAD)
    with fault_proxy(s3_endpoint, tmp_path, faults) as proxy, temporary_s3_url(proxy.endpoint) as url:
        store = open_store(url)
        store.write("runs/r/run.json", b"{}")
        (info,) = store.list("runs/")
        expected = datetime.now(UTC) + timedelta(seconds=SERVER_AHEAD)
        for name, seen in (("now", store.now()), ("modified", info.modified)):
            assert abs((seen - expected).total_seconds()) < 30, f"{name} is {seen}, the server's clock {expected}"


@pytest.mark.parametrize("holder_ahead", [-TEN_MINUTES, TEN_MINUTES])
def test_ten_minutes_of_skew_steal_no_lease_and_starve_nobody(url: str, holder_ahead: float) -> None:
    with SkewedMachine(url, holder_ahead) as holder, SkewedMachine(url, -holder_ahead) as contender:
        assert holder.ask("acquire") == "ok"
        for _ in range(2):
            assert contender.ask("acquire") == "LeaseHeld", "a lease that is held was taken by a clock that is ahead"
            time.sleep(TERM_SECONDS / 3)
            assert holder.ask("renew") == "ok", "a holder whose clock is behind could not keep its lease"
            assert holder.ask("check") == "ok"
        silent_since = time.monotonic()
        while contender.ask("acquire") == "LeaseHeld":
            assert time.monotonic() - silent_since < TERM_SECONDS + 30, "a lapsed lease was kept from a clock behind"
            time.sleep(0.2)
        assert time.monotonic() - silent_since > TERM_SECONDS / 2, "it was taken before its term had ended"
        assert holder.ask("check") == "LeaseLost"
        assert contender.ask("check") == "ok"
