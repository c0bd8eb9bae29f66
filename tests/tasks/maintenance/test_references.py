"""References: what releases, outcomes, open runs and applied policies name, each read once."""

from pathlib import Path

import pyarrow as pa

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, text_digests
from catalogs.table_schemas import REQUESTS
from infra.stores.parquet_objects import write_table
from tasks.maintenance.references import (
    find_outcome_images,
    find_outcome_runs,
    find_planned_images,
    find_referenced_images,
)
from tests.fixtures.store_scenarios import StoreScenario, request_key_of


def test_all_that_a_range_of_releases_shows_is_named(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    table = layout.manifest_table("shoes")
    for number, pictures in enumerate(
        [{"a/x": "1", "b/x": "2"}, {"a/x": "3"}, {"a/x": "6", "b/x": None}, {"c/x": "4"}, {"c/x": "5"}], start=1
    ):
        shop.release(f"r{number}", pictures)
    every = sorted({key for version in range(6) for key in shop.published_objects(version).values()})
    for oldest in range(6):
        wanted = {key for version in range(oldest, 6) for key in shop.published_objects(version).values()}
        shown = find_referenced_images(shop.tables, table, oldest)
        held = shown.object_keys.contains(text_digests(every)).tolist()
        assert {key for key, there in zip(every, held, strict=True) if there} == wanted, oldest


def test_outcomes_and_every_attempt_that_an_open_run_may_make_name_images(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.commit_outcome("o1", "shirt/front", "refused", "review")
    shop.commit_outcome("o2", "shirt/back", "never made", "blocked", image_key=None, attempts=0)
    shop.commit_outcome("o3", "shirt/side", "tried", "blocked", attempts=2)
    shop.write_run_folder("r1", is_open=True)
    shop.write_run_folder("r2", is_open=False)
    for run_id, word in (("r1", "planned"), ("r2", "closed")):
        requests = [{"request_key": request_key_of(word), "attempts_allowed": 3}]
        write_table(shop.store, layout.RunFiles(run_id).requests("000"), pa.Table.from_pylist(requests, REQUESTS))
    found = DigestSet()
    found.add(find_outcome_images(shop.tables, layout.outcomes_table("shoes")))
    found.add(find_planned_images(shop.store, ["r1"]))

    def named(word: str, attempt: int = 0) -> bool:
        return bool(found.contains(bytes.fromhex(shop.image_key(word, attempt))[:16])[0])

    assert [named("refused"), named("never made"), named("closed"), named("other")] == [True, False, False, False]
    assert [named("tried", attempt) for attempt in range(3)] == [True, True, False]
    assert [named("planned", attempt) for attempt in range(4)] == [True, True, True, False]


def test_the_runs_of_outcomes_and_releases_are_named(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"a/x": "1"})
    shop.release("r2", {"b/x": "2"})
    shop.release("r3", {"a/x": "3"})
    shop.commit_outcome("o1", "shirt/front", "refused", "review")
    assert find_outcome_runs(shop.tables, "shoes") == {"o1"}
    assert find_outcome_runs(shop.tables, "none") == set()
    for oldest, runs in ((1, {"r1", "r2", "r3"}), (3, {"r2", "r3"})):
        assert find_referenced_images(shop.tables, layout.manifest_table("shoes"), oldest).run_ids == runs
