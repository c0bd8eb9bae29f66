"""A part of a held batch is let go, and the store dies at any moment: that part goes live once, or nothing was said."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.runs.held_selection import HeldSelection
from infra.tables.data_versions import data_commits
from infra.testing.faulty_store import FaultInjector, InjectedFault
from tasks.runs import run_state as runs
from tasks.runs.held_decisions import find_release
from tests.fixtures.crash_harness import CATALOGUE, CrashHarness, plain_rows, published_slots

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

LOOK = ["look-before-live"]
PART = HeldSelection(without=frozenset({"plain-01"}))
MOMENTS = ("before", "after")
STEP = 17
"""Operations between two deaths of the shorter test."""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory, reduced_audit: None, inline_screening: None) -> tuple[Path, str]:
    """Return the folder of a shop whose first night is held for a look, and the night's run."""
    world = open_world(tmp_path_factory.mktemp("held") / "world")
    report = world.refresh()
    assert report["held"] == LOOK
    return world.folder, report["run_id"]


def open_world(folder: Path) -> CrashHarness:
    world = CrashHarness(folder, plain_rows(3))
    world.recipe["release"] = "ask"
    return world


def live_skus(world: CrashHarness) -> set[str]:
    return {slot.partition("/")[0] for slot in published_slots(world.tables)}


def die_and_complete(held: tuple[Path, str], folder: Path, number: int) -> bool:
    """Let the store die at one operation of the release, complete it, and return whether it died."""
    shutil.copytree(held[0], folder)
    world, run_id = open_world(folder), held[1]
    death = FaultInjector(number, MOMENTS[number % 2])
    with suppress(InjectedFault):
        world.release(run_id, LOOK, death, PART)
    world.clear_dead_leases()
    run = runs.load_run(world.store, run_id)
    was_said = find_release(world.store, run) is not None
    by_refresh = number // 2 % 2 == 0
    if by_refresh or not runs.is_run_open(world.store, run):
        report = world.refresh()
        assert report["held"] == ([] if was_said else LOOK)
    else:
        world.release(run_id, LOOK, selection=PART if not was_said else HeldSelection(only=frozenset({"plain-01"})))
        was_said = True
    assert live_skus(world) == ({"plain-00", "plain-02"} if was_said else set())
    commits = data_commits(world.tables.history(layout.manifest_table(CATALOGUE)))
    assert [commit.run_id for commit in commits] == ([run_id] if was_said else [])
    assert world.refresh()["slots"]["new"] == (0 if was_said else 4)
    return death.has_failed


def run_deaths(held: tuple[Path, str], folder: Path, first: int, step: int) -> int:
    """Die once at every `step`th operation, until the release ends before its death; return the last number."""
    number = first
    while die_and_complete(held, folder / str(number), number):
        shutil.rmtree(folder / str(number))
        number += step
    return number


@pytest.mark.slow
def test_a_part_goes_live_once_whenever_the_store_dies(held: tuple[Path, str], tmp_path: Path) -> None:
    assert run_deaths(held, tmp_path, first=3, step=STEP) > 60


@pytest.mark.long(seconds=120)
def test_a_part_goes_live_once_at_every_operation_at_which_the_store_dies(
    held: tuple[Path, str], tmp_path: Path
) -> None:
    assert run_deaths(held, tmp_path, first=1, step=1) > 60
