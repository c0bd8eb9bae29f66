"""A shop keeps its promises for a year of drift, deaths and sleepers, and every seed replays to the operation."""

import os
import re
import subprocess
import sys

import pytest

from tests.paths import ROOT

from .mutations import MUTATIONS
from .replay import FIXED_ENVIRONMENT

NIGHTS = 30
MUTATIONS_FOUND = {"A3": 30, "A3-rollback": 30, "A4": 3, "A6": 2, "A7": 12, "A9": 40, "A10": 10}
"""Name of a fault -> seeds of 30 nights within which it is found, counted from seed 1."""


def simulate(*options: str, violations: bool = False) -> str:
    """Return what a simulation prints; it must end without a violation, or with one."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *options],
        cwd=ROOT,
        env=os.environ | FIXED_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if violations else 0), f"{done.stdout}\n{done.stderr}"
    print(done.stdout)  # noqa: T201 - the figures are to be read
    return done.stdout


@pytest.mark.slow
def test_one_seed_replays_to_the_operation() -> None:
    digests = [re.findall(r"operations ([0-9a-f]{12})", simulate("--seed", "5", "--days", "2")) for _ in range(2)]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 1


@pytest.mark.slow
def test_a_shop_keeps_its_promises_for_a_short_year() -> None:
    assert "violations: 0" in simulate("--seed", "1", "--seeds", "2", "--days", "15")


@pytest.mark.long(seconds=400)
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", [101, 102, 103])
def test_a_shop_keeps_its_promises_for_a_year(seed: int) -> None:
    assert "violations: 0" in simulate("--seed", str(seed), "--days", "365")


@pytest.mark.long(seconds=300)
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("fault", MUTATIONS_FOUND)
def test_a_mend_that_is_taken_out_is_missed(fault: str) -> None:
    options = ("--mutation", fault, "--seeds", str(MUTATIONS_FOUND[fault]), "--days", str(NIGHTS), "--first")
    assert "violations: 1" in simulate(*options, violations=True)


def test_every_mutation_is_to_be_found() -> None:
    assert MUTATIONS_FOUND.keys() == MUTATIONS.keys()
