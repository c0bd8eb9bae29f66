"""Races between processes, and addresses that Delta cannot take."""

from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pytest

from infra.errors import CommitConflict, InvalidStoreAddress
from infra.interfaces import TableStore
from infra.tables import open_tables

SLOTS = pa.schema([("slot_id", pa.binary()), ("object", pa.string())])
TABLE = "manifest/shoes"
ROUNDS = 6


def contend(url: str, number: int, gate: Callable[[], object]) -> list[str]:
    """Race `ROUNDS` times for the next version with a row of one's own; say what came of each."""
    tables = open_tables(url)
    gate()
    tables.ensure(TABLE, SLOTS)
    answers = []
    for base in range(ROUNDS):
        gate()
        rows = pa.table({"slot_id": [bytes([number])], "object": [f"{number} at {base}"], "_op": ["put"]})
        try:
            version = tables.merge(TABLE, rows, on=["slot_id"], base_version=base, metadata={"writer": str(number)})
            answers.append(f"made {version}")
        except CommitConflict:
            answers.append("lost")
    return answers


_gate: Callable[[], object]


def lend_gate(gate: Callable[[], object]) -> None:
    global _gate
    _gate = gate


def contend_in_process(url: str, number: int) -> list[str]:
    return contend(url, number, _gate)


def test_of_racing_processes_exactly_one_makes_each_version(tmp_path: Path) -> None:
    spawn = get_context("spawn")
    barrier = spawn.Barrier(3, timeout=60)
    with spawn.Pool(3, initializer=lend_gate, initargs=(barrier.wait,)) as processes:
        answers = processes.starmap(contend_in_process, [(str(tmp_path), number) for number in range(3)], chunksize=1)
    tables = open_tables(str(tmp_path))
    writers = [commit.metadata.get("writer") for commit in reversed(tables.history(TABLE))]
    assert len(writers) == ROUNDS + 1  # version 0 was made once, by one of them
    for base in range(ROUNDS):
        outcome = [answer[base] for answer in answers]
        assert sorted(outcome) == sorted(["lost", "lost", f"made {base + 1}"])
        assert writers[base + 1] == str(outcome.index(f"made {base + 1}"))
    latest = {int(writer or 0): base for base, writer in enumerate(writers[1:])}
    assert {row["slot_id"][0]: row["object"] for row in tables.read(TABLE).to_pylist()} == {
        number: f"{number} at {base}" for number, base in latest.items()
    }


def widen(url: str, number: int) -> int | None:
    """Ensure the table with a later version's columns, together with other processes."""
    tables = open_tables(url)
    _gate()
    tables.ensure(TABLE, SLOTS.append(pa.field("angle", pa.string())))
    return tables.version(TABLE)


def test_of_racing_processes_one_adds_the_missing_columns(tmp_path: Path) -> None:
    tables = open_tables(str(tmp_path))
    tables.ensure(TABLE, SLOTS)
    spawn = get_context("spawn")
    barrier = spawn.Barrier(3, timeout=60)
    with spawn.Pool(3, initializer=lend_gate, initargs=(barrier.wait,)) as processes:
        assert processes.starmap(widen, [(str(tmp_path), number) for number in range(3)], chunksize=1) == [1, 1, 1]
    assert tables.read(TABLE).schema.names == ["slot_id", "object", "angle"]


def test_addresses_without_tables_are_refused() -> None:
    with pytest.raises(InvalidStoreAddress, match="keeps no tables"):
        open_tables("memory://x")
    with pytest.raises(InvalidStoreAddress, match="'%'"):
        open_tables("/tmp/100%20")  # noqa: S108 - only a name


def test_an_open_table_sees_what_came_while_its_own_log_entries_were_cleaned_away(tmp_path: Path) -> None:
    writer, reader = open_tables(str(tmp_path)), open_tables(str(tmp_path))
    writer.ensure(TABLE, SLOTS)

    def put(tables: TableStore, base: int) -> int:
        rows = pa.table({"slot_id": [bytes([base])], "object": ["x"], "_op": ["put"]})
        return tables.merge(TABLE, rows, on=["slot_id"], base_version=base, metadata={})

    for base in range(5):
        put(writer, base)
    assert reader.version(TABLE) == 5
    for base in range(5, 33):
        put(writer, base)
    assert len(writer.clean_log(TABLE, 31)) == 31
    assert (reader.version(TABLE), len(reader.read(TABLE)), len(reader.changes(TABLE, 32))) == (33, 33, 1)
    assert (put(reader, 33), writer.version(TABLE)) == (34, 34)
