"""Every input that once broke a parser is taken or refused in a sentence; and every seed is what its target reads."""

import functools

import pytest

from tests.fuzzing import CASES
from tests.fuzzing.bounds import run_bounded
from tests.fuzzing.targets import TARGETS

NAMES = sorted(f"{path.parent.name}/{path.name}" for path in CASES.glob("*/*"))


@functools.cache
def answers() -> dict[str, str]:
    """Return what became of each case, run in one child; a case that ended it has no answer, nor have later ones."""
    done = run_bounded(["tests.fuzzing.replay"], seconds=300)
    rows = (line.split("\t", 1) for line in done.stdout.splitlines())
    return {
        name: "".join(rest) or f"ended the process ({done.returncode}): {done.stderr[-500:]}" for name, *rest in rows
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_case_ends_in_an_error_of_ours_or_none(name: str) -> None:
    assert answers().get(name, "an earlier case ended the process") == "ok"


def test_every_case_belongs_to_a_target_and_is_small() -> None:
    assert {path.name for path in CASES.iterdir()} <= set(TARGETS)
    assert [path.name for path in CASES.glob("*/*") if path.stat().st_size > 16384] == []


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_a_seed_and_all_seeds_stay_within_its_length(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    assert max(map(len, seeds)) <= target.max_bytes
    taken = [target.run(seed) for seed in seeds]
    assert any(taken)
