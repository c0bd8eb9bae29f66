"""What only the tables in memory do; the rest is in the contract of tables."""

from datetime import UTC, datetime
from threading import Thread
from uuid import uuid4

import pyarrow as pa

from infra.errors import CommitConflict
from infra.testing.memory_tables import MemoryTables

SCHEMA = pa.schema([("slot_id", pa.binary()), ("object", pa.string())])


def put(slot: bytes, name: str) -> pa.Table:
    return pa.table({"slot_id": [slot], "object": [name], "_op": ["put"]})


def test_tables_of_one_url_are_shared_and_others_are_not() -> None:
    url = f"memory://{uuid4().hex}"
    MemoryTables(url).ensure("manifest/a", SCHEMA)
    assert MemoryTables(url).version("manifest/a") == 0
    assert MemoryTables(f"{url}-other").version("manifest/a") is None


def test_a_clock_of_one_s_own_dates_the_commits() -> None:
    times = [datetime(2026, 1, 1, tzinfo=UTC)]
    tables = MemoryTables(f"memory://{uuid4().hex}", clock=lambda: times[-1])
    tables.ensure("manifest/a", SCHEMA)
    times.append(datetime(2027, 1, 1, tzinfo=UTC))
    tables.merge("manifest/a", put(b"1", "one"), on=["slot_id"], base_version=0, metadata={})
    assert [commit.timestamp for commit in tables.history("manifest/a")] == times[::-1]


def test_of_many_threads_exactly_one_takes_a_version() -> None:
    url, wins = f"memory://{uuid4().hex}", []
    MemoryTables(url).ensure("manifest/a", SCHEMA)

    def commit(number: int) -> None:
        try:
            tables = MemoryTables(url)
            tables.merge("manifest/a", put(bytes([number]), "x"), on=["slot_id"], base_version=0, metadata={})
            wins.append(number)
        except CommitConflict:
            pass

    threads = [Thread(target=commit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert MemoryTables(url).read("manifest/a").num_rows == 1
