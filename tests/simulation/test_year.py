"""A shop keeps its promises for a year of drift, deaths and sleepers, and every seed replays to the operation."""

import os
import re
import subprocess
import sys

import pytest

from tests.paths import ROOT

from .replay import FIXED_ENVIRONMENT


def simulate(*options: str) -> str:
    """Return what a simulation prints; it must end without a violation."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *options],
        cwd=ROOT,
        env=os.environ | FIXED_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
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
