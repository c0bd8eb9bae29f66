"""The choice of long tests repeats, fits its budget, reaches every test, and is the same in every process."""

import pytest

from tests.paths import ROOT
from tests.plugins.long_tests import choose_within_budget

SECONDS = {f"test_{number}": 30.0 * (1 + number % 7) for number in range(40)}
BUDGET = 400.0
SUITE = """
import pytest

def test_fast(): pass

@pytest.mark.long(seconds=40)
@pytest.mark.parametrize("seed", range(12))
def test_long(seed): pass

STORES = [pytest.param("disk", marks=pytest.mark.slow), pytest.param("s3", marks=pytest.mark.long(seconds=90))]

@pytest.mark.parametrize("store", STORES)
def test_both(store): pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a small suite of all three levels and the plugins."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\nmarkers =\n    slow: slow\n    long(seconds): long\n")
    pytester.makeconftest("pytest_plugins = ['tests.plugins.long_tests', 'tests.plugins.file_times']")
    pytester.makepyfile(SUITE)
    return pytester


def test_one_seed_gives_one_choice_whatever_the_order_of_collection() -> None:
    backwards = dict(reversed(SECONDS.items()))
    assert choose_within_budget(SECONDS, BUDGET, "a") == choose_within_budget(backwards, BUDGET, "a")
    assert len({frozenset(choose_within_budget(SECONDS, BUDGET, str(seed))) for seed in range(10)}) == 10


def test_a_choice_fits_its_budget_and_wastes_less_than_the_shortest_test() -> None:
    for seed in range(50):
        used = sum(SECONDS[name] for name in choose_within_budget(SECONDS, BUDGET, str(seed)))
        assert BUDGET - 30 < used <= BUDGET


def test_every_long_test_is_reached_over_the_seeds_even_one_as_long_as_the_budget() -> None:
    seconds = {**SECONDS, "test_whole": BUDGET}
    reached = set().union(*(choose_within_budget(seconds, BUDGET, str(seed)) for seed in range(400)))
    assert reached == set(seconds)


def test_only_the_choice_runs_and_the_end_names_it_with_the_slowest_files(suite: pytest.Pytester) -> None:
    options = ("-m", "slow or long", "--long-budget=100", "--long-seed=abc", "-p", "no:cacheprovider")
    result = suite.runpytest_subprocess(*options, "-p", "no:xdist")
    lines = result.outlines
    chosen = {line for line in lines if line.startswith("long test run: ")}
    assert chosen
    assert "long tests: a choice, --long-budget=100 --long-seed=abc" in lines
    result.assert_outcomes(passed=len(chosen) + 1, deselected=15 - len(chosen) - 1)
    result.stdout.fnmatch_lines(["*slowest files*", "*tests  test_*.py", "all files: * whole time: * s"])

    spread = suite.runpytest_subprocess(*options, "-n", "2", "--dist", "worksteal").outlines
    assert {line for line in spread if line.startswith("long test run: ")} == chosen


def test_without_a_budget_every_long_test_runs(suite: pytest.Pytester) -> None:
    suite.runpytest_subprocess("-m", "long", "-p", "no:xdist").assert_outcomes(passed=13, deselected=2)


def test_a_test_that_no_seed_could_choose_is_an_error(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("--long-budget=50", "-p", "no:xdist")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--long-budget=50 can never choose *test_both[[]s3[]]*"])


def test_a_test_that_explores_is_never_chosen_under_a_budget_and_runs_without(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_more="import pytest\n\n@pytest.mark.long(seconds=1, explores=True)\ndef test_new(): pass\n")
    words = ("-p", "no:cacheprovider", "-p", "no:xdist", "-k", "test_new")
    suite.runpytest_subprocess("--long-budget=500", *words).assert_outcomes(deselected=16)
    suite.runpytest_subprocess(*words).assert_outcomes(passed=1)
