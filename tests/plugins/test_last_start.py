"""A suite that began too late for some tests says which, and orders its files by the seed."""

import time

import pytest

from tests.paths import ROOT

PLUGINS = "pytest_plugins = ['tests.plugins.long_tests', 'tests.plugins.last_start']"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Eight files of two tests each."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\nmarkers =\n    slow: slow\n    long(seconds): long\n")
    pytester.makeconftest(PLUGINS)
    pytester.makepyfile(**{f"test_{number}": "def test_b(): pass\ndef test_a(): pass\n" for number in range(8)})
    return pytester


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "no:cacheprovider", *options)


def started(result: pytest.RunResult) -> list[str]:
    """The tests in the order in which they ran."""
    return [line.split()[0] for line in result.outlines if "PASSED" in line]


def test_after_the_last_start_no_test_starts_and_the_end_counts_them_by_file(suite: pytest.Pytester) -> None:
    for workers in (("-p", "no:xdist"), ("-n", "2", "--dist", "worksteal")):
        result = run(suite, f"--last-start={time.time() - 1}", *workers)
        result.assert_outcomes(skipped=16)
        result.stdout.fnmatch_lines(["*not reached*", "    2 tests  test_0.py", "not reached before*: 16 tests"])


def test_a_test_that_started_in_time_ends_and_the_rest_is_not_reached(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_0="import time\n\ndef test_b(): time.time = lambda: 1e12\n\ndef test_a(): pass\n")
    result = run(suite, "--last-start=1e11", "-p", "no:xdist", "test_0.py")
    result.assert_outcomes(passed=1, skipped=1)


def test_before_it_every_test_runs_and_nothing_is_said(suite: pytest.Pytester) -> None:
    result = run(suite, f"--last-start={time.time() + 3600}", "-p", "no:xdist")
    result.assert_outcomes(passed=16)
    result.stdout.no_fnmatch_line("*not reached*")


def test_a_seed_orders_the_files_and_leaves_each_file_s_tests_together(suite: pytest.Pytester) -> None:
    options = (f"--last-start={time.time() + 3600}", "-p", "no:xdist", "-v")
    orders = [started(run(suite, *options, f"--long-seed={seed}")) for seed in ("a", "a", "b")]
    assert orders[0] == orders[1] != orders[2]
    for order in orders:
        files = [name.partition("::")[0] for name in order]
        assert files[::2] == files[1::2]
        assert len(set(files)) == 8
        assert [name.partition("::")[2] for name in order] == ["test_b", "test_a"] * 8


def test_a_long_test_is_started_only_while_several_times_its_estimate_is_left(suite: pytest.Pytester) -> None:
    marked = "import pytest\n\n@pytest.mark.long(seconds=SECONDS)\ndef test_b(): pass\n"
    suite.makepyfile(test_0=marked.replace("SECONDS", "1000"), test_1=marked.replace("SECONDS", "800"))
    result = run(suite, f"--last-start={time.time() + 3600}", "-p", "no:xdist", "-v", "test_0.py", "test_1.py")
    assert started(result) == ["test_1.py::test_b"]
    result.assert_outcomes(passed=1, skipped=1)
