"""A year of a shop that changes and refuses: the store holds what is live and what the settings keep, and little more.

Each week three releases replace a picture, add one and retire one, and one picture in twenty is refused; its question
ends after a month. A sweep runs every week. No engine: pictures and records are written by hand.
"""

from pathlib import Path

import pytest
from deltalake import DeltaTable

from catalogs import layout
from tasks.runs.release_history import read_oldest_retained_release
from tests.fixtures.store_scenarios import StoreScenario, finish_digest_of, run_sweep

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
        shop.store.write(layout.RunFiles(name).record("week"), b"record" * 7_000)
        shop.store.write(layout.scores(f"{week:02}{number}" * 20, "f" * 12, "s" * 12), b"s" * 500)
    shop.write_run_folder(f"idle{week:02}", is_open=False, files=["report.json", "plan.json"])
    shop.stage_image(f"refused{week}")
    shop.commit_outcome(f"o{week}", f"bad{week}/front", f"refused{week}", "review")
    if week >= REFUSED_WEEKS:
        before = week - REFUSED_WEEKS
        shop.commit_outcome(f"a{week}", f"bad{before}/front", f"refused{before}", "blocked", attempts=0, image_key=None)


def kept_by_settings(shop: StoreScenario, week: int) -> set[str]:
    """Return the keys that are live or that RULES keep, worked out from the rules and not from what the sweep left."""
    weeks = range(week + 1 - RULES["keep_runs_days"] // 7, week + 1)
    kept = {key for one in weeks for prefix in (f"w{one:02}n", f"idle{one:02}") for key in shop.keys(f"runs/{prefix}")}
    kept |= {layout.scores(f"{one:02}{number}" * 20, "f" * 12, "s" * 12) for one in weeks for number in range(3)}
    oldest, manifest = read_oldest_retained_release(shop.store, "shoes"), layout.manifest_table("shoes")
    for version in range(oldest, DeltaTable(str(shop.folder / manifest)).version() + 1):
        kept |= set(shop.published_objects(version).values()) | table_files(shop, manifest, version)
        named = shop.tables.read(manifest, ["run_id"], version=version)["run_id"].unique().to_pylist()
        kept |= {key for run_id in named for key in shop.keys(layout.RunFiles(run_id).records_prefix)}
    kept |= table_files(shop, layout.outcomes_table("shoes"), None) | shop.keys("fingerprints/")
    asked = [f"refused{one}" for one in range(week - REFUSED_WEEKS + 1, week + 1)]
    return kept | {key for label in asked for key in staged_keys(shop, label)}


def table_files(shop: StoreScenario, table: str, version: int | None) -> set[str]:
    files = DeltaTable(str(shop.folder / table), version=version).file_uris()
    return {Path(file).relative_to(shop.folder).as_posix() for file in files}


def staged_keys(shop: StoreScenario, label: str) -> list[str]:
    key = shop.image_key(label)
    return [layout.staged_image(key), layout.finished_image(key, finish_digest_of(label))]


def size_of(shop: StoreScenario, prefix: str = "") -> int:
    return sum(info.size for info in shop.store.list(prefix))


@pytest.mark.slow
def test_a_store_stays_within_one_and_a_half_times_what_is_live_or_kept_by_settings(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path, scale=8)  # files of some 50 kB: a quarter of a published image's
    sizes = []
    for week in range(WEEKS):
        work_a_week(shop, week)
        shop.backdate(7)
        run_sweep(shop, **RULES)
        sizes.append(size_of(shop))
        if week >= WEEKS // 2:
            allowed = sum(shop.store.size(key) for key in kept_by_settings(shop, week))
            assert sizes[-1] < 1.5 * allowed, (
                f"week {week}: {sizes[-1]} bytes, {allowed} of them live or kept by settings"
            )
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
    assert max(sizes[WEEKS // 2 :]) < 1.5 * max(sizes[12:16]), [round(size / 1000) for size in sizes[::4]]
