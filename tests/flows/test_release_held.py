"""Letting a held batch go: only the one that is held, only as long as it is, and with every check named."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from flows.run.leases import hold_catalogue_lease
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness, RefreshResult

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")


@pytest.fixture
def held_run(tmp_path: Path) -> tuple[RefreshHarness, RefreshResult]:
    """Return a shop whose last two SKUs of ten are missing, and the night that was held for it."""
    shop = RefreshHarness(
        tmp_path, [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(10)], STUB_RECIPE
    )
    shop.refresh()
    shop.rows = [row | {"title": "Thing Renamed"} if row["sku"] == "thing-0" else row for row in shop.rows[:8]]
    night = shop.refresh()
    assert night.report["held"] == ["retired-share"]
    return shop, night


def test_a_held_batch_is_published_as_it_was_decided_without_making_anything(
    held_run: tuple[RefreshHarness, RefreshResult],
) -> None:
    shop, night = held_run
    pictures = [info.key for info in shop.store.list(layout.STAGING)]
    released = shop.release(night.report["run_id"], ["retired-share"])
    assert released.slot_counts() == {"changed": 1, "published": 1, "retired": 2}
    assert (len(released.removed), released.changed) == (2, {("thing-0", "front", 0)})
    assert [info.key for info in shop.store.list(layout.STAGING)] == pictures


def test_a_release_that_waited_for_a_night_finds_its_batch_gone_and_publishes_nothing(
    held_run: tuple[RefreshHarness, RefreshResult],
) -> None:
    shop, night = held_run
    with ThreadPoolExecutor(1) as threads:
        with hold_catalogue_lease(shop.store, shop.catalogue, SETTINGS, wait=False):
            waiting = threads.submit(shop.release, night.report["run_id"], ["retired-share"])
            time.sleep(1.0)  # it finds the batch held, and then waits for the catalogue
            shop.store.delete(shop.open_run_markers())  # what a night does whose batch takes the place of the held one
        with pytest.raises(OptionError, match="is not held; there is nothing to release"):
            waiting.result()
    assert shop.manifest() == night.after
    assert list(shop.store.list(layout.person_decisions_prefix(shop.catalogue))) == []


def test_a_night_that_is_done_was_never_held(tmp_path: Path) -> None:
    shop = RefreshHarness(tmp_path, [{"sku": "thing", "title": "Thing"}], STUB_RECIPE)
    done = shop.refresh()
    with pytest.raises(OptionError, match="is not held; there is nothing to release"):
        shop.release(done.report["run_id"], ["retired-share"])
