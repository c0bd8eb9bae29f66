"""Choose which tests marked `long` run: all of them, or a choice that fits a budget and that a seed decides.

Inputs: `--long-budget` (seconds) and `--long-seed` (CI passes the commit), and each test's own estimate,
`@pytest.mark.long(seconds=...)`: what it takes alone on an idle core. Outputs: the tests to run; the others are
deselected. Without a budget every long test runs that `-m` selects.

The choice depends on nothing but the seed and the tests' names, so every xdist process makes the same one and a failing
CI run can be repeated. Every long test comes first for some seed, and an estimate above the budget is an error, so over
the commits each of them is chosen. Several `long` marks on one test (one of the function, one of a parameter) count as
the largest. `@pytest.mark.long(seconds=..., explores=True)` is for tests that look for what nobody knows yet, as
fuzzing for minutes: what they find is no fault of the commit, so a budget never chooses them.
"""

from collections.abc import Mapping
from hashlib import sha256

import pytest

DEFAULT_SECONDS = 60.0
"""A long test's estimate where its mark states none."""


def choose_within_budget(seconds_by_test: Mapping[str, float], budget_seconds: float, seed: str) -> set[str]:
    """Return the tests that fit a budget, tried in an order that the seed decides."""
    chosen, left = set(), budget_seconds
    for name in sorted(seconds_by_test, key=lambda name: sha256(f"{seed}\n{name}".encode()).digest()):
        if seconds_by_test[name] <= left:
            chosen.add(name)
            left -= seconds_by_test[name]
    return chosen


def estimated_seconds(item: pytest.Item) -> float | None:
    """Return a long test's estimate; None for the other tests."""
    return max((float(mark.kwargs.get("seconds", DEFAULT_SECONDS)) for mark in item.iter_markers("long")), default=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the budget and the seed."""
    group = parser.getgroup("packshot")
    group.addoption("--long-budget", type=float, metavar="SECONDS", help="run only so many seconds of `long` tests")
    group.addoption("--long-seed", default="", metavar="TEXT", help="decides which; CI passes the commit")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Print how to make the same choice again."""
    budget, seed = config.getoption("long_budget"), config.getoption("long_seed")
    return None if budget is None else f"long tests: a choice, --long-budget={budget:g} --long-seed={seed}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the long tests that are not chosen. Last, so that `-m` and `-k` have decided before."""
    budget = config.getoption("long_budget")
    if budget is None:
        return
    estimates = {item.nodeid: seconds for item in items if (seconds := estimated_seconds(item)) is not None}
    exploring = {
        item.nodeid for item in items if any(mark.kwargs.get("explores") for mark in item.iter_markers("long"))
    }
    if too_long := [name for name, seconds in estimates.items() if seconds > budget]:
        raise pytest.UsageError(f"--long-budget={budget:g} can never choose {', '.join(too_long)}")
    candidates = {name: seconds for name, seconds in estimates.items() if name not in exploring}
    chosen = choose_within_budget(candidates, budget, config.getoption("long_seed"))
    left_out = [item for item in items if item.nodeid in estimates and item.nodeid not in chosen]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item.nodeid not in estimates or item.nodeid in chosen]
