"""Both tables of a catalogue are compacted, and a failure is nobody's but the compaction's."""

from pathlib import Path

from catalogs import layout
from infra.tables import open_tables
from infra.tables.compaction import MAX_SMALL_FILES
from infra.testing.faulty_store import FaultInjector
from infra.testing.faulty_tables import FaultyTables
from tasks.maintenance.compact_tables import compact_tables
from tests.fixtures.store_scenarios import StoreScenario


def test_a_table_is_compacted_when_it_has_many_small_files(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for number in range(MAX_SMALL_FILES + 1):
        assert compact_tables(shop.tables, "shoes") == []
        shop.release(f"r{number}", {f"sku{number}/front": "red"})
    shown = shop.published_objects()
    assert compact_tables(FaultyTables(shop.tables, FaultInjector(1)), "shoes") == []
    assert compact_tables(open_tables(str(tmp_path)), "shoes") == [layout.manifest_table("shoes")]
    assert compact_tables(shop.tables, "shoes") == []
    assert shop.published_objects() == shown
    assert compact_tables(shop.tables, "no such catalogue") == []
