"""A token's changes are committed once, whatever crashes and whoever else commits."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from infra.errors import TableError
from infra.interfaces import Commit, TableStore
from infra.tables import idempotent_commit, open_tables
from infra.tables.idempotent_commit import commit_once

SCHEMA = pa.schema([("slot_id", pa.binary()), ("picture", pa.string())])
CHANGES = SCHEMA.append(pa.field("_op", pa.string()))
TABLE = "manifest/shoes"

Build = Callable[[int], tuple[str, pa.Table]]


class SimulatedCrash(Exception):
    pass


@pytest.fixture
def tables(tmp_path: Path) -> TableStore:
    tables = open_tables(tmp_path.as_uri())
    tables.ensure(TABLE, SCHEMA)
    return tables


def put(picture: str, *slots: bytes) -> pa.Table:
    rows = [{"slot_id": slot, "picture": picture, "_op": "put"} for slot in slots]
    return pa.Table.from_pylist(rows, schema=CHANGES)


def building(picture: str, *slots: bytes, first: Callable[[], object] = lambda: None) -> tuple[Build, list[int]]:
    """Return a build function and the versions it was asked about; `first` runs inside it before it answers."""
    asked: list[int] = []

    def build(base: int) -> tuple[str, pa.Table]:
        asked.append(base)
        first()
        return f"{picture} on {base}", put(picture, *slots)

    return build, asked


def commit(tables: TableStore, token: str, build: Build) -> tuple[str, int]:
    return commit_once(tables, TABLE, token, build, on=["slot_id"], metadata={"run_id": token, "kind": "release"})


def live(tables: TableStore) -> dict[bytes, str]:
    return {row["slot_id"]: row["picture"] for row in tables.read(TABLE).to_pylist()}


def test_changes_are_committed_after_the_version_they_were_built_on(tables: TableStore) -> None:
    build, asked = building("one", b"a", b"b")
    assert commit(tables, "r1", build) == ("one on 0", 1)
    assert asked == [0]
    assert live(tables) == {b"a": "one", b"b": "one"}
    newest = tables.history(TABLE)[0]
    assert newest.metadata == {"run_id": "r1", "kind": "release", "token": "r1"}


def test_the_same_token_again_writes_nothing_and_says_the_same(tables: TableStore) -> None:
    commit(tables, "r1", building("one", b"a")[0])
    commit(tables, "r2", building("two", b"a")[0])
    build, asked = building("one", b"a")
    assert commit(tables, "r1", build) == ("one on 0", 1)
    assert asked == [0], "it is asked about the version that its commit was built on"
    assert (tables.version(TABLE), live(tables)) == (2, {b"a": "two"})


def test_nothing_to_change_makes_no_version(tables: TableStore) -> None:
    commit(tables, "r1", building("one", b"a")[0])
    assert commit(tables, "r2", building("two")[0]) == ("two on 1", 1)
    assert [found.metadata.get("token") for found in tables.history(TABLE)] == ["r1", None]


def test_who_loses_the_race_compares_again_at_the_newer_version(tables: TableStore) -> None:
    others = iter(["r2", "r3"])

    def another_commits() -> None:
        if token := next(others, None):
            commit(tables, token, building(token, b"a")[0])

    build, asked = building("one", b"a", first=another_commits)
    assert commit(tables, "r1", build) == ("one on 2", 3)
    assert asked == [0, 1, 2]
    assert live(tables) == {b"a": "one"}
    assert [found.metadata.get("token") for found in tables.history(TABLE)] == ["r1", "r3", "r2", None]


def test_two_processes_with_one_token_commit_once(tables: TableStore) -> None:
    twin = iter([True])

    def the_twin_is_faster() -> None:
        if next(twin, False):
            commit(tables, "r1", building("one", b"a")[0])

    build, asked = building("one", b"a", first=the_twin_is_faster)
    assert commit(tables, "r1", build) == ("one on 0", 1)
    assert asked == [0, 0]
    assert tables.version(TABLE) == 1


def test_a_crash_before_the_commit_leaves_nothing_and_one_after_it_changes_nothing(tables: TableStore) -> None:
    def dies() -> None:
        raise SimulatedCrash

    with pytest.raises(SimulatedCrash):
        commit(tables, "r1", building("one", b"a", first=dies)[0])
    assert (tables.version(TABLE), live(tables)) == (0, {})
    for _ in range(2):  # the answer to the first of them may never have arrived
        assert commit(tables, "r1", building("one", b"a")[0]) == ("one on 0", 1)
    assert live(tables) == {b"a": "one"}


def test_it_gives_up_where_somebody_else_always_comes_first(
    tables: TableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotent_commit, "MAX_CONFLICTS", 3)
    tokens = iter(f"r{number}" for number in range(2, 9))
    build, asked = building("one", b"a", first=lambda: commit(tables, next(tokens), building("two", b"a")[0]))
    with pytest.raises(TableError, match="manifest/shoes: 3 other commits came first"):
        commit(tables, "r1", build)
    assert asked == [0, 1, 2]
    assert live(tables) == {b"a": "two"}


# Checked before each try


class NotAllowed(Exception):
    pass


def refuse() -> None:
    raise NotAllowed


@pytest.mark.parametrize("slots", [(b"a",), ()])
def test_a_run_that_may_not_commit_writes_nothing_even_where_it_changes_nothing(
    tables: TableStore, slots: tuple[bytes, ...]
) -> None:
    with pytest.raises(NotAllowed):
        commit_once(tables, TABLE, "r1", building("one", *slots)[0], on=["slot_id"], metadata={}, check=refuse)
    assert tables.version(TABLE) == 0


def test_the_check_is_asked_again_after_a_lost_race_and_not_of_a_run_that_has_committed(tables: TableStore) -> None:
    asked: list[int | None] = []
    others = iter(["r2"])

    def another_commits() -> None:
        if token := next(others, None):
            commit(tables, token, building(token, b"a")[0])

    build, _ = building("one", b"b", first=another_commits)
    check = lambda: asked.append(tables.version(TABLE))  # noqa: E731
    commit_once(tables, TABLE, "r1", build, on=["slot_id"], metadata={}, check=check)
    assert asked == [1, 1]
    assert commit_once(tables, TABLE, "r1", build, on=["slot_id"], metadata={}, check=refuse)[1] == 2


def test_metadata_may_be_committed_alone_and_is_found_again(tables: TableStore) -> None:
    for _ in range(2):
        done = commit_once(tables, TABLE, "p1", lambda base: (base, None), on=["slot_id"], metadata={"kind": "policy"})
        assert done == (0, 1)
    assert tables.version(TABLE) == 1


def test_a_repeated_commit_reads_only_the_log_after_the_run_s_beginning(tables: TableStore) -> None:
    for number in range(5):
        commit(tables, f"r{number}", building(str(number), b"a")[0])
    began = tables.version(TABLE)
    counted = CountedHistory(tables)
    build, asked = building("mine", b"b")
    for _ in range(2):
        result = commit_once(counted, TABLE, "mine", build, on=["slot_id"], metadata={}, after=began)
        assert result == ("mine on 5", 6)
    assert asked == [5, 5]
    assert counted.lengths == [0, 1], "commits that were read at each try"


class CountedHistory:
    """Tables that count the commits read by each call of `history`; everything else is passed on."""

    def __init__(self, tables: TableStore) -> None:
        self._tables, self.lengths = tables, list[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tables, name)

    def history(self, table: str, limit: int | None = None, *, after: int | None = None) -> Sequence[Commit]:
        commits = self._tables.history(table, limit, after=after)
        self.lengths.append(len(commits))
        return commits
