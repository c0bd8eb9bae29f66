"""Tables and store die together; a commit whose answer was lost is there all the same."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from infra.interfaces import TableStore
from infra.stores import open_store
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables

SLOTS = pa.schema([("slot_id", pa.binary()), ("object", pa.string())])
ONE = pa.table({"slot_id": [b"a"], "object": ["a1"], "_op": ["put"]})


def work(tables: TableStore) -> None:
    """Do one of everything: 12 operations, the third of which commits."""
    tables.ensure("t", SLOTS)
    tables.version("t")
    tables.merge("t", ONE, on=["slot_id"], base_version=0, metadata={"run_id": "r"})
    assert len(tables.read("t")) == 1
    assert len(list(tables.batches("t", ["object"]))) == 1
    assert len(tables.changes("t", 1)) == 1
    assert len(tables.history("t", 1)) == 1
    assert list(tables.batches_since("t", ["object"], oldest=1))
    assert tables.vacuum("t", oldest=1, older_than=datetime.now(UTC)) == []
    assert tables.mark("t", base_version=1, metadata={}) == 2
    assert not tables.compact("t", metadata={})
    assert tables.clean_log("t", 1) == []


@pytest.mark.parametrize("dies_at", range(1, 13))
def test_every_operation_can_be_the_last(tmp_path: Path, dies_at: int) -> None:
    mortality = FaultInjector(dies_at)
    tables = FaultyTables(open_tables(str(tmp_path)), mortality)
    with pytest.raises(InjectedFault):
        work(tables)
    assert mortality.operation_count == dies_at
    with pytest.raises(InjectedFault):
        tables.version("t")


def test_an_immortal_one_does_everything(tmp_path: Path) -> None:
    mortality = FaultInjector()
    work(FaultyTables(open_tables(str(tmp_path)), mortality))
    assert mortality.operation_count == 12


@pytest.mark.parametrize(("when", "version"), [("before", 0), ("after", 1)])
def test_a_merge_may_have_committed_unheard(tmp_path: Path, when: str, version: int) -> None:
    real = open_tables(str(tmp_path))
    mortality = FaultInjector(3, "after" if when == "after" else "before")
    with pytest.raises(InjectedFault, match="merge into t"):
        work(FaultyTables(real, mortality))
    assert real.version("t") == version
    assert real.history("t")[0].metadata == ({"run_id": "r"} if version else {})


def test_store_and_tables_share_one_death(tmp_path: Path) -> None:
    mortality = FaultInjector(3)
    store = FaultyStore(open_store(str(tmp_path)), mortality)
    tables = FaultyTables(open_tables(str(tmp_path)), mortality)
    tables.ensure("t", SLOTS)
    store.write("a", b"1")
    with pytest.raises(InjectedFault):
        tables.version("t")
    with pytest.raises(InjectedFault):
        store.read("a")
    assert tables.url == store.url
