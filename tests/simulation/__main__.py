"""Run simulated years: `.venv/bin/python -m tests.simulation --seed 7 --days 30`.

Inputs: seeds and days. Outputs: a line with days, runs, kills, images and violations; exit code 1 and the story of the
first violation of each seed that has one.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from .replay import FIXED_ENVIRONMENT


def main() -> int:
    """Simulate, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, counted up")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--verbose", action="store_true", help="print the whole story")
    parser.add_argument(
        "--without", nargs="*", default=(), help="commands to leave out: policy, rollback, sweep, nightly, answers"
    )
    parser.add_argument("--first", action="store_true", help="end at the first seed with a violation")
    parser.add_argument("--mutation", help="a fault to bring back: a name in tests/simulation/mutations.py")
    options = parser.parse_args()
    violations = 0
    for seed in range(options.seed, options.seed + options.seeds):
        violations += _simulate(seed, options)
        if violations and options.first:
            break
    _say(f"violations: {violations}")
    return 1 if violations else 0


def _simulate(seed: int, options: argparse.Namespace) -> bool:
    from .mutations import mutated
    from .replay import replayable
    from .year import SimulationFailed, Year

    began, failure = time.process_time(), None
    with tempfile.TemporaryDirectory() as folder, replayable(seed), mutated(options.mutation):
        year = Year(seed, Path(folder), frozenset(options.without))
        try:
            year.run(options.days)
        except SimulationFailed as error:
            failure = error
    if options.verbose:
        _say("\n".join(year.judge.story))
    if failure:
        _say(str(failure))
    seconds = time.process_time() - began
    _say(f"seed {seed}: {year.figures}; {seconds:.1f} CPU seconds; operations {year.shop.processes.digest[:12]}")
    return failure is not None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in FIXED_ENVIRONMENT.items()):
        arguments = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, arguments, os.environ | FIXED_ENVIRONMENT)  # noqa: S606 - this program, again
    sys.exit(main())
