"""The files of a run's plan: a row group for each shard, a file for each part, and nothing in a dry run."""

from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalogs import layout
from infra.interfaces import ObjectStore
from tasks.runs.plan_writer import PlanWriter
from tests.fixtures.run_rows import RUN_ID
from tests.fixtures.store_scenarios import StoreScenario

FILES = layout.RunFiles(RUN_ID)


def rows(*names: str) -> pa.Table:
    return pa.table({"name": list(names)})


def row_groups(store: ObjectStore, key: str) -> list[list[str]]:
    with store.open_input(key) as file:
        parquet = pq.ParquetFile(file)
        return [parquet.read_row_group(group)["name"].to_pylist() for group in range(parquet.num_row_groups)]


def test_tables_are_appended_and_each_shard_is_a_row_group_of_its_part(tmp_path: Path) -> None:
    store = StoreScenario(tmp_path).store
    with ExitStack() as stack:
        writer = PlanWriter(store, RUN_ID, stack)
        writer.write_table(FILES.slots, rows("one"))
        writer.write_table(FILES.slots, rows("two", "three"))
        for part, name in (("0-00000", "a"), ("1-00000", "b"), ("0-00000", "c"), ("0-00001", "d"), ("1-00000", "e")):
            writer.write_request_group(part, rows(name))
        assert store.exists(FILES.requests("0-00000")), "the next part of its priority closed it"
        assert not store.exists(FILES.requests("1-00000"))
    assert row_groups(store, FILES.slots) == [["one"], ["two", "three"]]
    groups = {part: row_groups(store, FILES.requests(part)) for part in ("0-00000", "0-00001", "1-00000")}
    assert groups == {"0-00000": [["a"], ["c"]], "0-00001": [["d"]], "1-00000": [["b"], ["e"]]}


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    store = StoreScenario(tmp_path).store
    before = [info.key for info in store.list("")]
    with ExitStack() as stack:
        writer = PlanWriter(store, None, stack)
        writer.write_table(writer.files.slots, rows("one"))
        writer.write_request_group("0-00000", rows("two"))
    assert [info.key for info in store.list("")] == before
