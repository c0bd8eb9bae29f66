"""A8: as many releases stay reachable as the settings say, however slow the shop and however old its log."""

from pathlib import Path

import pytest

from catalogs import layout
from tasks.runs.release_history import list_releases
from tests.fixtures.store_scenarios import StoreScenario, run_sweep

WEEKS = 104
KEPT = 30
TABLE = layout.manifest_table("shoes")


def readable(shop: StoreScenario) -> int:
    """Count the releases that can be gone back to; each of them must be readable."""
    kept = [release.version for release in list_releases(shop.tables, "shoes", shop.store) if release.kept]
    for version in kept:
        assert shop.published_objects(version)
    return len(kept)


@pytest.mark.slow
@pytest.mark.parametrize("sweeps", [False, True], ids=["without a sweep", "with a weekly sweep"])
def test_weekly_releases_of_two_years_stay_reachable(tmp_path: Path, sweeps: bool) -> None:
    shop = StoreScenario(tmp_path)
    reachable = []
    for week in range(1, WEEKS + 1):
        shop.release(f"r{week}", {"shirt/front": f"week {week}"})
        if sweeps:
            run_sweep(shop, keep_days=7, keep_releases=KEPT)
        if week > 98:
            reachable.append(readable(shop))
        shop.backdate(7, "manifest/")
        shop.backdate(7, "published/")
    assert reachable == ([KEPT] * 6 if sweeps else [99, 100, 101, 102, 103, 104])
    log = {key.rsplit("/", 1)[1] for key in shop.keys(f"{TABLE}/_delta_log/")}
    assert len(log) <= (KEPT + 10 + 6 if sweeps else WEEKS + 1 + WEEKS // 10 + 1)
