"""The list of releases says what was shown when, and what one can still go back to."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from infra.stores.json_objects import write_json
from tasks.runs.release_history import list_catalogues, list_known_catalogues, list_releases, require_history
from tests.fixtures.store_scenarios import StoreScenario


def test_releases_are_newest_first_with_what_they_moved(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    assert list_releases(shop.tables, "shoes", shop.store) == []
    shop.release("r1", {"shirt/front": "red", "shirt/back": "blue", "shoe/front": "green"})
    shop.release("r2", {"shirt/front": "pink", "shirt/back": None})
    lines = list_releases(shop.tables, "shoes", shop.store)
    assert [(line.version, line.run_id, line.kind, line.rows, line.current) for line in lines] == [
        (2, "r2", "release", 2, True),
        (1, "r1", "release", 3, False),
    ]
    assert lines[0].when >= lines[1].when
    assert all(line.kept and line.back_to is None and line.catalogue == "shoes" for line in lines)


def test_a_rollback_says_where_it_went_back_to_and_a_foreign_commit_is_told_apart(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    table = layout.manifest_table("shoes")
    for run_id in ("r1", "r2"):
        shop.release(run_id, {"shirt/front": run_id})
    rows = shop.tables.read(table).append_column("_op", [["put"]])
    words = {"run_id": "b1", "kind": "rollback", "target": "1", "token": "b1"}
    shop.tables.merge(table, rows, on=["slot_id"], base_version=2, metadata=words)
    shop.tables.merge(table, rows, on=["slot_id"], base_version=3, metadata={})
    lines = list_releases(shop.tables, "shoes", shop.store)
    assert [(line.kind, line.back_to, line.run_id) for line in lines[:3]] == [
        ("other", None, ""),
        ("rollback", 1, "b1"),
        ("release", None, "r2"),
    ]


def test_what_a_sweep_let_go_is_listed_as_such(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for run_id in ("r1", "r2", "r3"):
        shop.release(run_id, {"shirt/front": run_id})
    write_json(shop.store, layout.retention_watermark("shoes"), {"oldest": 2})
    lines = list_releases(shop.tables, "shoes", shop.store)
    assert [(line.version, line.kept) for line in lines] == [(3, True), (2, True), (1, False)]


def test_every_catalogue_with_a_manifest_is_found_and_none_else(tmp_path: Path) -> None:
    shoes, hats = StoreScenario(tmp_path), StoreScenario(tmp_path, "hats")
    shoes.store.write("manifest/not-a-table/readme.txt", b"x")
    shoes.store.write("published/bags/x/front.jpg", b"x")
    assert list_catalogues(shoes.store) == ["hats", "shoes"]
    shoes.release("r1", {"shirt/front": "red"})
    hats.release("h1", {"hat/front": "red"})
    shoes.release("r2", {"shirt/front": "blue"})
    lines = list_releases(shoes.tables, None, shoes.store)
    assert [(line.catalogue, line.version, line.current) for line in lines] == [
        ("shoes", 2, True),
        ("hats", 1, True),
        ("shoes", 1, False),
    ]


def test_a_catalogue_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    with pytest.raises(OptionError, match="has no catalogue 'boots'; it has: shoes"):
        list_releases(shop.tables, "boots", shop.store)


def test_a_catalogue_whose_first_run_is_open_is_known_and_has_no_release(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.store.write("open/boots/r1.json", b"")
    assert list_known_catalogues(shop.store) == ["boots", "shoes"]
    assert list_releases(shop.tables, "boots", shop.store) == []
    with pytest.raises(OptionError, match=r"'boots' of the store .* has no release yet, and its first run is open"):
        require_history(shop.tables, "boots", shop.store)


def test_what_each_release_changed_is_read_where_it_is_asked_for_and_the_same_ones_are_marked(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white"})
    shop.release("r2", {"shirt/front": "pink", "hat/front": None, "sock/front": "grey"})
    shop.release("r3", {"shirt/front": "pink"}, source_digest=b"moved" * 3 + b"!")
    shop.release("r4", {"sock/front": None, "shirt/front": "red", "hat/front": "white"})
    write_json(shop.store, layout.retention_watermark("shoes"), {"oldest": 2})
    lines = list_releases(shop.tables, "shoes", shop.store, with_changes=True)
    counts = [None if line.shown is None else (line.shown.new, line.shown.changed, line.shown.gone) for line in lines]
    assert counts == [(1, 1, 1), (0, 0, 0), (1, 1, 1), None]
    assert [line.same_as_current for line in lines] == [True, False, False, None]
    write_json(shop.store, layout.retention_watermark("shoes"), {"oldest": 1})
    assert list_releases(shop.tables, "shoes", shop.store, with_changes=True)[-1].same_as_current is True
    assert all(line.shown is None for line in list_releases(shop.tables, "shoes", shop.store))


def test_commits_without_data_are_no_releases(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red"})
    shop.tables.mark(layout.manifest_table("shoes"), base_version=1, metadata={"kind": "fence", "token": "f"})
    [line] = list_releases(shop.tables, "shoes", shop.store)
    assert (line.version, line.current) == (1, True)
