"""A year of a shop that changes and refuses: the store holds what is live and what the settings keep, and little more.

Each week three releases replace a picture, add one and retire one, and one picture in twenty is refused; its question
ends after a month. A sweep runs every week. No engine: pictures and records are written by hand.
"""

from pathlib import Path

import pytest

from catalogs import layout
from tasks.runs.release_history import read_oldest_retained_release
from tests.fixtures.store_scenarios import StoreScenario, run_sweep

WEEKS, RELEASES_A_WEEK, REFUSED_WEEKS = 52, 3, 4
RULES = {"keep_days": 7, "keep_releases": 5, "keep_staged_days": 7, "keep_runs_days": 30}


def work_a_week(shop: StoreScenario, week: int) -> None:
    """Publish, refuse, answer, and write the folders of the week's runs."""
    for number in range(RELEASES_A_WEEK):
        name = f"w{week:02}n{number}"
        changes: dict[str, str | None] = {f"sku{name}/front": name, "always/front": f"new {name}"}
        if week > 8:
            changes[f"skuw{week - 8:02}n{number}/front"] = None
        shop.release(name, changes)
        shop.stage_image(name)
        shop.write_fingerprints(name, {f"sku{name}/front": name})
        shop.write_run_folder(name, is_open=False, files=["recipe.json", "records/a.parquet", "requests/0.parquet"])
        shop.store.write(layout.RunFiles(name).report_page, b"page" * 2_000)
        shop.store.write(layout.scores(f"{week:02}{number}" * 20, "f" * 12, "s" * 12), b"s" * 500)
    shop.write_run_folder(f"idle{week:02}", is_open=False, files=["report.json", "plan.json"])
    shop.stage_image(f"refused{week}")
    shop.commit_outcome(f"o{week}", f"bad{week}/front", f"refused{week}", "review")
    if week >= REFUSED_WEEKS:
        before = week - REFUSED_WEEKS
        shop.commit_outcome(f"a{week}", f"bad{before}/front", f"refused{before}", "blocked", attempts=0, image_key=None)


def size_of(shop: StoreScenario, prefix: str = "") -> int:
    return sum(info.size for info in shop.store.list(prefix))


@pytest.mark.slow
def test_after_a_year_a_store_is_as_large_as_after_a_quarter(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    sizes = []
    for week in range(WEEKS):
        work_a_week(shop, week)
        shop.backdate(7)
        run_sweep(shop, **RULES)
        sizes.append(size_of(shop))
    live = set(shop.published_objects().values())
    newest = shop.tables.history(layout.manifest_table("shoes"))[0].version
    oldest = read_oldest_retained_release(shop.store, "shoes")
    assert newest - oldest <= RULES["keep_releases"] + RELEASES_A_WEEK
    kept = {key for version in range(oldest, newest + 1) for key in shop.published_objects(version).values()}
    assert live <= shop.keys("published/") <= kept | live
    waiting = {shop.image_key(f"refused{week}") for week in range(WEEKS - REFUSED_WEEKS, WEEKS)}
    young = {shop.image_key(f"w{WEEKS - 1:02}n{number}") for number in range(RELEASES_A_WEEK)}
    staged = {key.rsplit("/", 1)[1][:64] for key in shop.keys("staging/")}
    assert waiting <= staged <= waiting | young
    assert max(sizes[26:]) < 1.5 * max(sizes[12:16]), [round(size / 1000) for size in sizes[::4]]
