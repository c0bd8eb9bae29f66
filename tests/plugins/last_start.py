"""Start no test after a given time, so that a suite on a slow machine ends and says what it did not reach.

Inputs: `--last-start` (seconds since the epoch, as `date +%s` prints), and `--long-seed`, by which files are ordered,
so that what is not reached differs from commit to commit. Outputs: tests that would start later are skipped with a
reason, and the terminal's summary counts them by file. Tests of one file stay together and in their order, since they
share what is set up for them. A `long` test is started only while several times its estimate is left, since a machine
on which this matters is several times slower than the one that it was estimated on. Without the option the order is
pytest's and every test is started.
"""

import time
from collections import Counter
from hashlib import sha256

import pytest

from tests.plugins.long_tests import estimated_seconds

SLOWNESS = 4.0
"""How many times slower than usual a machine has been that did not finish in time."""
NOT_REACHED = "not reached: --last-start had passed"


class LastStart:
    """Skips what would start too late, and counts it."""

    def __init__(self, last_start: float, seed: str) -> None:
        self._last_start, self._seed = last_start, seed
        self._not_reached: Counter[str] = Counter()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Order the files by the seed."""
        items.sort(key=lambda item: sha256(f"{self._seed}\n{_file(item.nodeid)}".encode()).digest())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip the test if it is too late to start it."""
        if time.time() + SLOWNESS * (estimated_seconds(item) or 0) >= self._last_start:
            pytest.skip(NOT_REACHED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what was skipped so."""
        if report.skipped and NOT_REACHED in str(report.longrepr):
            self._not_reached[_file(report.nodeid)] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print how many tests were not reached, and of which files."""
        if not self._not_reached:
            return
        terminalreporter.section("not reached")
        for file, count in sorted(self._not_reached.items()):
            terminalreporter.write_line(f"{count:5d} tests  {file}")
        terminalreporter.write_line(f"not reached before --last-start: {self._not_reached.total()} tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the time."""
    group = parser.getgroup("packshot")
    group.addoption("--last-start", type=float, metavar="EPOCH", help="start no test after this time (see date +%%s)")


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin where the time is given."""
    last_start = config.getoption("last_start")
    if last_start is not None:
        config.pluginmanager.register(LastStart(last_start, config.getoption("long_seed")), "packshot-last-start")


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]
