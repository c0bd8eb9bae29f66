"""Print the ten slowest test files and the whole time at the end of a test run, with xdist and without.

Inputs: the reports of set-up, call and tear-down that the printing process receives. Outputs: a section of the
terminal's summary. Seconds are summed over all test processes:
with two, the sum is about twice the wall time.
"""

import time
from collections import defaultdict

import pytest

SHOWN_FILES = 10


class FileTimes:
    """Seconds and tests by file."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seconds: dict[str, float] = defaultdict(float)
        self._tests: dict[str, set[str]] = defaultdict(set)
        self._long_tests: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a report's seconds to its file."""
        file = report.nodeid.partition("::")[0]
        self._seconds[file] += report.duration
        self._tests[file].add(report.nodeid)
        if "long" in report.keywords:
            self._long_tests.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the slowest files, the long tests that ran, and the whole time."""
        if not self._seconds:
            return
        terminalreporter.section("slowest files")
        slowest = sorted(self._seconds, key=lambda file: self._seconds[file], reverse=True)[:SHOWN_FILES]
        for file in slowest:
            terminalreporter.write_line(f"{self._seconds[file]:7.1f} s {len(self._tests[file]):5d} tests  {file}")
        for name in sorted(self._long_tests):
            terminalreporter.write_line(f"long test run: {name}")
        terminalreporter.write_line(
            f"all files: {sum(self._seconds.values()):.1f} s in {sum(map(len, self._tests.values()))} tests; "
            f"whole time: {time.monotonic() - self._began:.1f} s"
        )


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.pluginmanager.register(FileTimes(), "packshot-file-times")
