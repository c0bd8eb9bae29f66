"""Fuzz one target under libFuzzer, guided by the coverage of our own modules: `python -m tests.fuzzing TARGET`.

Inputs: a target and bounds. Outputs: libFuzzer's progress on standard error, and where there is a finding, its bytes as
a file in `--cases` and exit code 77 (an exception), 70 (too slow) or 71 (too much memory).
"""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

from tests.fuzzing import CASES

with atheris.instrument_imports(
    include=["catalogs", "infra", "tasks", "tests.fuzzing.targets"], enable_loader_override=False
):
    from tests.fuzzing.targets import BROKEN, TARGETS, Target

MEMORY_MB = 3000
"""Above this an input is a finding. The libraries alone take 700."""
SECONDS_PER_INPUT = 60


def fuzz(target: Target, seconds: int, runs: int, seed: int, cases: Path, corpus: Path) -> None:
    """Run the target until time or runs are over or there is a finding; it ends the process."""
    given = target.seeds()
    for number, data in enumerate(given):
        (corpus / f"seed-{number}").write_bytes(data)

    def mutate(data: bytes, max_size: int, number: int) -> bytes:
        rng = random.Random(number)
        if rng.randrange(4) == 0:  # libFuzzer forgets seeds that reach no new line of ours: C is not instrumented
            data = rng.choice(given)
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = target.mutate(data, min(max_size, target.max_bytes), rng, atheris.Mutate)
        return data

    options = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-runs={runs}",
        f"-seed={seed}",
        f"-artifact_prefix={cases}/",
        f"-max_len={target.max_bytes}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-timeout={SECONDS_PER_INPUT}",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup(options, target.run, custom_mutator=mutate)
    atheris.Fuzz()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Fuzz one parser.")
    parser.add_argument("target", nargs="?", choices=[*TARGETS, BROKEN.name], metavar="TARGET")
    parser.add_argument("--list", action="store_true", help="print the targets")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=-1, help="end after so many inputs too; -1: by the time alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=Path, help="where a finding is written; by default the target's kept cases")
    arguments = parser.parse_args()
    if arguments.list or not arguments.target:
        sys.stdout.write("\n".join(TARGETS) + "\n")
        return
    cases = arguments.cases or CASES / arguments.target
    cases.mkdir(parents=True, exist_ok=True)
    corpus = Path(tempfile.mkdtemp(prefix="packshot-fuzzing-"))
    try:
        fuzz(
            BROKEN if arguments.target == BROKEN.name else TARGETS[arguments.target],
            arguments.seconds,
            arguments.runs,
            arguments.seed,
            cases,
            corpus,
        )
    finally:
        shutil.rmtree(corpus, ignore_errors=True)


if __name__ == "__main__":
    main()
