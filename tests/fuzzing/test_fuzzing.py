"""Every parser of strangers' bytes under libFuzzer, for a bounded time: what CI tries anew with each commit.

The seconds always try the same inputs, so that a commit fails for what it changed and not for the speed of its machine.
For the minutes the commit decides the seed, so that the commits of some weeks try many; CI leaves them out. A failure
names the command that repeats it. Given by hand, `python -m tests.fuzzing TARGET --seed N` writes its finding among the
kept cases.
"""

import platform
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from tests.fuzzing.bounds import run_bounded
from tests.fuzzing.targets import TARGETS
from tests.paths import ROOT

pytest.importorskip("atheris", reason=f"the group `fuzzing` has no wheel for {platform.machine()}")

SHORT_SECONDS, SHORT_RUNS, LONG_SECONDS = 2, 1_000, 120
START_SECONDS = 240
"""What a child may need besides, on a machine that does much else."""


def seed_of_commit() -> int:
    """Return a number that the commit decides."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(sha256(done.stdout.encode()).hexdigest()[:7], 16) + 1


def fuzz(name: str, seconds: int, seed: int, cases: Path, runs: int = -1) -> int:
    """Fuzz a target, fail with the finding, and return how many inputs were tried."""
    arguments = ["tests.fuzzing", name, f"--seconds={seconds}", f"--runs={runs}", f"--seed={seed}", f"--cases={cases}"]
    done = run_bounded(arguments, seconds + START_SECONDS)
    found = [path.read_bytes() for path in cases.iterdir()]
    assert done.returncode == 0, f"{arguments}: {done.returncode}, input {found!r:.3000}\n{done.stderr[-4000:]}"
    assert found == []
    (executed,) = re.findall(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    return int(executed)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found_in_seconds(name: str, tmp_path: Path) -> None:
    assert fuzz(name, SHORT_SECONDS, 1, tmp_path, SHORT_RUNS) > 0


@pytest.mark.long(seconds=LONG_SECONDS + 10, explores=True)
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found_in_minutes(name: str, tmp_path: Path) -> None:
    assert fuzz(name, LONG_SECONDS, seed_of_commit(), tmp_path) > 10


def test_the_fuzzer_finds_a_parser_that_breaks(tmp_path: Path) -> None:
    done = run_bounded(["tests.fuzzing", "broken", "--seconds=60", "--seed=1", f"--cases={tmp_path}"], START_SECONDS)
    assert done.returncode == 77, done.stderr[-2000:]
    assert "KeyError: 'mug'" in done.stdout + done.stderr
    assert [path.read_bytes()[:1] for path in tmp_path.iterdir()] == [b"{"]
