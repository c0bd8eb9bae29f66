"""Current state: a store without tables has nothing live, and versions are those that were read."""

from pathlib import Path

from catalogs import layout
from catalogs.table_schemas import MANIFEST
from infra.tables import open_tables
from tasks.pipeline.current_state import read_current_state


def test_a_store_without_tables_has_nothing_live_and_no_versions(tmp_path: Path) -> None:
    state = read_current_state(open_tables(str(tmp_path)), "shop")
    assert (state.version, state.outcomes_version) == (None, None)
    assert (len(state.live), len(state.outcomes)) == (0, 0)


def test_a_release_is_read_at_its_version(tmp_path: Path) -> None:
    tables = open_tables(str(tmp_path))
    tables.ensure(layout.manifest_table("shop"), MANIFEST)
    state = read_current_state(tables, "shop")
    assert (state.version, len(state.live), state.outcomes_version) == (0, 0, None)
