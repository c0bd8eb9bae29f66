"""A9: a sweep between any two steps of a rollback, or a rollback between any two of a sweep, leaves no image missing.

The rollback looked whether all its images are there and then wrote its marker; a sweep in between deleted them, and
release 7 named an image that was gone. Now it writes its marker first and then looks how far back releases are kept; a
sweep writes that first, and then looks for open rollbacks.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from infra.errors import StoreError
from infra.stores import open_store
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.manifest_change import recover_all_changes
from tasks.amendments.rollback import rollback
from tasks.maintenance.retention import RetentionRules
from tasks.maintenance.sweep import sweep
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


class Interleaving(FaultInjector):
    """Lets something happen just before the n-th operation."""

    def __init__(self, moment: int, happens: Callable[[], object]) -> None:
        super().__init__()
        self._moment, self._happens, self.reached = moment, happens, ""

    def call(self, description: str, operation: Callable[[], Any]) -> Any:
        """Let it happen, once, and then do the operation."""
        if self.operation_count + 1 == self._moment and not self.reached:
            self.reached = description
            self._happens()
        return super().call(description, operation)


@pytest.fixture(scope="module")
def old_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose first release a sweep that keeps one release may let go, with the image that only it shows."""
    folder = tmp_path_factory.mktemp("old") / "shop"
    shop = StoreScenario(folder)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white"})
    shop.release("r2", {"shirt/front": "pink"})
    shop.release("r3", {"hat/front": "black"})
    shop.backdate(30)
    return folder


def roll_back(url: str, injector: FaultInjector | None = None) -> None:
    injector = injector or FaultInjector()
    with suppress(OptionError, StoreError):  # refused: it came too late
        rollback(FaultyStore(open_store(url), injector), FaultyTables(open_tables(url), injector), CATALOGUE, 1)


def sweep_all(url: str, injector: FaultInjector | None = None) -> None:
    injector = injector or FaultInjector()
    store, tables = FaultyStore(open_store(url), injector), FaultyTables(open_tables(url), injector)
    sweep(store, tables, RetentionRules(keep_days=0, keep_releases=1), plan_wait_seconds=0)


def missing_images(url: str) -> list[str]:
    rows = open_tables(url).read(layout.manifest_table(CATALOGUE)).to_pylist()
    return [row["object"] for row in rows if not open_store(url).exists(row["object"])]


def interleave(
    old_shop: Path,
    folder: Path,
    outer: Callable[..., None],
    inner: Callable[..., None],
    step: int,
    afterwards: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Run `outer` with `inner` before every `step`-th operation, each in a copy; return the moments with losses."""
    lost, moment, reached = [], 1, "the first"
    while reached:
        url = f"file://{shutil.copytree(old_shop, folder / str(moment))}"
        interleaving = Interleaving(moment, lambda url=url: inner(url))  # type: ignore[misc]
        outer(url, interleaving)
        afterwards(url)
        reached = interleaving.reached
        lost += [f"{moment} before {reached}"] if missing_images(url) else []
        shutil.rmtree(folder / str(moment))
        moment += step
    assert moment > 2 * step, "it has more than one operation"
    return lost


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_sweep_between_two_steps_of_a_rollback_takes_no_image_that_it_shows(
    old_shop: Path, tmp_path: Path, step: int
) -> None:
    assert interleave(old_shop, tmp_path, roll_back, sweep_all, step) == []


class CrashAtOutcomes(FaultyTables):
    def ensure(self, table: str, schema: Any) -> None:
        raise InjectedFault(f"The store died before {table} of {len(schema)} columns was looked at.")


def roll_back_and_die(url: str) -> None:
    with suppress(OptionError, StoreError):
        rollback(open_store(url), CrashAtOutcomes(open_tables(url), FaultInjector()), CATALOGUE, 1)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_a_rollback_that_was_killed_during_a_sweep_can_still_be_completed(
    old_shop: Path, tmp_path: Path, step: int
) -> None:
    def complete(url: str) -> None:
        recover_all_changes(open_store(url), open_tables(url), CATALOGUE, holds_lease=True)

    assert interleave(old_shop, tmp_path, sweep_all, roll_back_and_die, step, complete) == []


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_rollback_between_two_steps_of_a_sweep_shows_no_image_that_it_takes(
    old_shop: Path, tmp_path: Path, step: int
) -> None:
    assert interleave(old_shop, tmp_path, sweep_all, roll_back, step) == []


def test_a_sweep_after_the_plan_makes_a_rollback_refuse_and_change_nothing(old_shop: Path, tmp_path: Path) -> None:
    shutil.copytree(old_shop, tmp_path / "shop")
    shop = StoreScenario(tmp_path / "shop")
    shown = shop.published_objects()

    class SweptBeforeMarker(FaultyStore):
        def write(self, key: str, data: bytes, **words: Any) -> None:
            if key.startswith("open-amendments/"):
                sweep_all(shop.store.url)
            super().write(key, data, **words)

    with pytest.raises(OptionError, match="Release 1 of 'shoes' is no longer kept; the oldest kept one is 3"):
        rollback(SweptBeforeMarker(shop.store, FaultInjector()), shop.tables, CATALOGUE, 1)
    assert shop.published_objects() == shown
    assert shop.keys("open-amendments/") == set()
