"""Upgrades of a store's layout: nothing is done twice, a killed one is completed, a newer store is left alone."""

from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.store_version import LAYOUT
from catalogs.table_schemas import MANIFEST, OUTCOMES
from infra.errors import DocumentUnreadable
from infra.interfaces import ObjectStore, TableStore
from infra.stores import open_store
from infra.stores.json_objects import read_json, write_json
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.maintenance.upgrade import read_layout, upgrade


def older(schema: pa.Schema, columns: int = 2) -> pa.Schema:
    return pa.schema(list(schema)[:-columns])


def older_store(folder: Path) -> tuple[ObjectStore, TableStore]:
    store, tables = open_store(str(folder)), open_tables(str(folder))
    tables.ensure("manifest/shoes", older(MANIFEST))
    tables.ensure("outcomes/shoes", older(OUTCOMES))
    tables.ensure("manifest/hats", MANIFEST)
    return store, tables


def test_a_new_store_is_marked_and_needs_nothing(tmp_path: Path) -> None:
    store, tables = open_store(str(tmp_path)), open_tables(str(tmp_path))
    result = upgrade(store, tables)
    assert (result.needed, result.actions) == (False, ())
    assert read_layout(store) == LAYOUT


def test_an_older_store_gets_the_columns_that_its_tables_lack_and_its_number_last(tmp_path: Path) -> None:
    store, tables = older_store(tmp_path)
    found = upgrade(store, tables, dry_run=True)
    assert (found.layout_before, found.layout, found.needed) == (1, LAYOUT, True)
    last = ", ".join(MANIFEST.names[-2:]), ", ".join(OUTCOMES.names[-2:])
    assert found.actions == (f"add to manifest/shoes: {last[0]}", f"add to outcomes/shoes: {last[1]}")
    assert read_layout(store) == 1
    assert tables.version("manifest/shoes") == 0

    done = upgrade(store, tables)
    assert done.actions == found.actions
    assert tables.read("manifest/shoes").schema.names == MANIFEST.names
    assert tables.read("outcomes/shoes").schema.names == OUTCOMES.names
    assert read_json(store, layout.STORE_VERSION)["before"] == 1
    assert [commit.changes_data for commit in tables.history("manifest/shoes", limit=1)] == [False]
    assert upgrade(store, tables).actions == ()


def test_a_store_of_the_layout_before_photos_is_told_which_columns_say_what_was_kept(tmp_path: Path) -> None:
    store, tables = open_store(str(tmp_path)), open_tables(str(tmp_path))
    tables.ensure("manifest/shoes", older(MANIFEST, 4))
    tables.ensure("outcomes/shoes", OUTCOMES)
    write_json(store, layout.STORE_VERSION, {"layout": 4, "packshot": "0.4"})
    assert upgrade(store, tables).actions == ("add to manifest/shoes: mode, photo_sha, stage, kept",)
    assert tables.read("manifest/shoes").schema.names[-4:] == ["mode", "photo_sha", "stage", "kept"]


def test_an_upgrade_that_was_killed_anywhere_is_completed_by_the_next(tmp_path: Path) -> None:
    for fail_at in range(1, 40):
        store, tables = older_store(tmp_path / str(fail_at))
        injector = FaultInjector(fail_at)
        try:
            upgrade(FaultyStore(store, injector), FaultyTables(tables, injector))
        except InjectedFault:
            assert read_layout(store) == 1
            upgrade(store, tables)
            assert read_layout(store) == LAYOUT
            assert tables.read("outcomes/shoes").schema.names == OUTCOMES.names
            continue
        break
    assert not injector.has_failed, "there were more operations than were tried"
    assert fail_at > 5


def test_a_store_of_a_newer_packshot_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    store, tables = older_store(tmp_path)
    write_json(store, layout.STORE_VERSION, {"layout": LAYOUT + 1, "packshot": "99.0"})
    with pytest.raises(OptionError, match=r"newer Packshot \(99\.0\)"):
        upgrade(store, tables)
    assert tables.version("manifest/shoes") == 0


# Since when staged work carries tags


def test_a_new_store_has_always_tagged_its_work_whatever_lies_in_it(tmp_path: Path) -> None:
    store, tables = open_store(str(tmp_path)), open_tables(str(tmp_path))
    store.write("staging/ab/planted.png", b"before the first run")
    assert upgrade(store, tables).tagged_since is None
    assert upgrade(store, tables).tagged_since is None
    assert "tagged_since" not in read_json(store, layout.STORE_VERSION)


@pytest.mark.parametrize("layout_before", [1, 2])
def test_an_older_store_notes_when_it_began_to_tag_and_keeps_that_date(tmp_path: Path, layout_before: int) -> None:
    store, tables = older_store(tmp_path)
    if layout_before == 2:
        write_json(store, layout.STORE_VERSION, {"layout": 2, "packshot": "0.2", "before": None})
    before = store.now()
    first = upgrade(store, tables).tagged_since
    assert first is not None
    assert before <= first <= store.now()
    assert [upgrade(store, tables).tagged_since for _ in range(2)] == [first, first]


@pytest.mark.parametrize("text", ["", "noon", "2026-01-01T00:00:00", 7, [], {}], ids=repr)
def test_a_damaged_date_is_refused_in_a_sentence(tmp_path: Path, text: object) -> None:
    store, tables = open_store(str(tmp_path)), open_tables(str(tmp_path))
    write_json(store, layout.STORE_VERSION, {"layout": LAYOUT, "tagged_since": text})
    with pytest.raises(DocumentUnreadable, match=r"store\.json is damaged, its 'tagged_since' is no time with a zone"):
        upgrade(store, tables)


def test_a_dry_run_of_an_upgrade_notes_nothing(tmp_path: Path) -> None:
    store, tables = older_store(tmp_path)
    upgrade(store, tables, dry_run=True)
    assert store.find(layout.STORE_VERSION) is None
