"""One contract, asked of Delta tables on a disk and in S3, and of the double in memory."""

import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from catalogs.table_schemas import MANIFEST, OUTCOMES
from infra.errors import CommitConflict, TableError
from infra.interfaces import TableStore
from infra.tables import open_tables
from infra.testing.memory_tables import MemoryTables

PICTURES = pa.schema(
    [("slot_id", pa.binary()), ("object", pa.string()), ("index", pa.int16()), ("reasons", pa.list_(pa.string()))]
)
WIDER = PICTURES.append(pa.field("angle", pa.string())).append(pa.field("seen", pa.int32()))
TABLE = "manifest/shoes"


@pytest.fixture(params=["memory", "local", "s3"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> TableStore:
    if request.param == "memory":
        return MemoryTables(f"memory://{uuid4().hex}")
    if request.param == "local":
        return open_tables(str(tmp_path / "a store with spaces"))
    return open_tables(request.getfixturevalue("s3_url"))


def changes(*rows: tuple[bytes, str, str]) -> pa.Table:
    """Rows of (slot id, object, operation)."""
    slots, objects, operations = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {
        "slot_id": pa.array(slots, pa.binary()),
        "object": pa.array(objects, pa.string()),
        "index": pa.array([0] * len(rows), pa.int16()),
        "reasons": pa.array([[text] for text in objects], pa.list_(pa.string())),
        "_op": pa.array(operations, pa.string()),
    }
    return pa.table(columns)


def release(tables: TableStore, base: int, *rows: tuple[bytes, str, str], run: str = "r") -> int:
    return tables.merge(TABLE, changes(*rows), on=["slot_id"], base_version=base, metadata={"run_id": run})


def live(tables: TableStore, version: int | None = None) -> dict[bytes, str]:
    rows = tables.read(TABLE, ["slot_id", "object"], version=version).to_pylist()
    found = {row["slot_id"]: row["object"] for row in rows}
    assert len(found) == len(rows), "a slot is live twice"
    return found


def test_a_table_is_made_once_and_empty(tables: TableStore) -> None:
    assert tables.version(TABLE) is None
    assert list(tables.history(TABLE)) == []
    for _ in range(2):
        tables.ensure(TABLE, PICTURES)
    assert tables.version(TABLE) == 0
    assert tables.read(TABLE).schema.equals(PICTURES)
    assert len(tables.read(TABLE)) == 0
    assert len(tables.history(TABLE)) == 1


def test_another_type_under_the_same_name_is_refused(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    with pytest.raises(TableError, match=r"other column types \(index: int16, not int32\)"):
        tables.ensure(TABLE, PICTURES.set(2, pa.field("index", pa.int32())))


def test_a_table_with_unknown_columns_is_a_newer_version_s(tables: TableStore) -> None:
    tables.ensure(TABLE, WIDER)
    with pytest.raises(TableError, match=r"newer Packshot: .* columns angle, seen"):
        tables.ensure(TABLE, PICTURES)
    assert tables.version(TABLE) == 0


def test_an_older_table_gets_the_columns_that_it_lacks_without_moving_a_row(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"), (b"b", "b1", "put"))
    assert tables.missing_features("manifest/none", WIDER) == []
    for missing in (["angle", "seen"], []):
        assert tables.missing_features(TABLE, WIDER) == missing
        tables.ensure(TABLE, WIDER)
    added, before, _ = tables.history(TABLE)
    assert (added.version, added.changes_data, before.changes_data) == (2, False, True)
    assert dict(added.metadata) == {"kind": "schema-upgrade"}
    assert len(tables.changes(TABLE, 2)) == 0
    assert tables.read(TABLE).schema.equals(WIDER)
    assert tables.read(TABLE, ["angle"])["angle"].to_pylist() == [None, None]
    wide = changes((b"a", "a2", "put"), (b"c", "c1", "put"))
    wide = wide.append_column("angle", pa.array(["left", None])).append_column("seen", pa.array([1, None], pa.int32()))
    assert tables.merge(TABLE, wide, on=["slot_id"], base_version=2, metadata={"run_id": "wide"}) == 3
    rows = tables.read(TABLE).sort_by("slot_id")
    assert rows["object"].to_pylist() == ["a2", "b1", "c1"]
    assert rows["angle"].to_pylist() == ["left", None, None]
    feed = tables.changes(TABLE, 3).sort_by([("slot_id", "ascending"), ("_change_type", "ascending")])
    assert feed["_change_type"].to_pylist() == ["update_postimage", "update_preimage", "insert"]
    assert feed["angle"].to_pylist() == ["left", None, None]


@pytest.mark.parametrize("columns", [["angle", "slot_id"], WIDER], ids=["by name", "by schema"])
def test_a_column_that_an_old_version_lacks_is_read_as_nulls(tables: TableStore, columns: Sequence[str]) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"))
    tables.ensure(TABLE, WIDER)
    rows = tables.read(TABLE, columns, version=1)
    assert rows.schema.field("angle").type == pa.string()
    assert (rows["slot_id"].to_pylist(), rows["angle"].to_pylist()) == ([b"a"], [None])
    assert pa.Table.from_batches(tables.batches(TABLE, columns, version=1)).equals(rows)
    assert tables.read(TABLE, ["angle"], version=1)["angle"].to_pylist() == [None]


def test_a_schema_reads_columns_that_no_version_has_yet(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"))
    assert tables.read(TABLE, WIDER).schema.equals(WIDER)
    assert tables.read(TABLE, WIDER)["seen"].to_pylist() == [None]


def test_a_mark_is_a_version_without_data_that_every_other_commit_loses_to(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"))
    assert tables.mark(TABLE, base_version=1, metadata={"kind": "fence"}) == 2
    newest = tables.history(TABLE)[0]
    assert (newest.version, newest.changes_data, newest.metadata["kind"]) == (2, False, "fence")
    assert live(tables) == {b"a": "a1"}
    assert len(tables.changes(TABLE, 2)) == 0
    with pytest.raises(CommitConflict, match="at version 2, past 1"):
        release(tables, 1, (b"a", "a2", "put"))
    with pytest.raises(CommitConflict, match="at version 2, past 1"):
        tables.mark(TABLE, base_version=1, metadata={})
    with pytest.raises(ValueError, match="no version 9"):
        tables.mark(TABLE, base_version=9, metadata={})
    assert release(tables, 2, (b"a", "a2", "put")) == 3


def test_a_commit_says_whether_it_changes_data(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"))
    release(tables, 1, (b"gone", "", "drop"))
    release(tables, 2, (b"a", "", "drop"))
    flags = {commit.version: commit.changes_data for commit in tables.history(TABLE)}
    assert flags == {0: False, 1: True, 2: False, 3: True}


def test_the_history_after_a_version_is_what_came_later(tables: TableStore) -> None:
    assert list(tables.history(TABLE, after=3)) == []
    tables.ensure(TABLE, PICTURES)
    for base in range(4):
        release(tables, base, (b"a", f"a{base}", "put"))
    assert [commit.version for commit in tables.history(TABLE, after=1)] == [4, 3, 2]
    assert [commit.version for commit in tables.history(TABLE, 2, after=1)] == [4, 3]
    assert list(tables.history(TABLE, after=4)) == []
    assert [commit.version for commit in tables.history(TABLE, after=-1)] == [4, 3, 2, 1, 0]


def test_a_merge_puts_replaces_and_drops_in_one_commit(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    assert release(tables, 0, (b"a", "a1", "put"), (b"b", "b1", "put"), (b"gone", "", "drop")) == 1
    assert live(tables) == {b"a": "a1", b"b": "b1"}
    assert release(tables, 1, (b"a", "a2", "put"), (b"b", "", "drop"), (b"c", "c1", "put"), (b"gone", "", "drop")) == 2
    assert live(tables) == {b"a": "a2", b"c": "c1"}
    assert tables.read(TABLE, version=2).sort_by("slot_id")["reasons"].to_pylist() == [["a2"], ["c1"]]
    assert live(tables, version=1) == {b"a": "a1", b"b": "b1"}
    assert live(tables, version=0) == {}


def test_rows_match_on_several_columns(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "x", "put"), (b"b", "x", "put"))
    rows = changes((b"a", "x", "drop"), (b"b", "y", "drop"))
    tables.merge(TABLE, rows, on=["slot_id", "object", "index"], base_version=1, metadata={})
    assert live(tables) == {b"b": "x"}


@pytest.mark.parametrize(
    "late",
    [
        pytest.param((b"a", "late", "put"), id="the same row"),
        pytest.param((b"b", "late", "put"), id="another row"),
        pytest.param((b"new", "late", "put"), id="a new row"),
        pytest.param((b"b", "", "drop"), id="a row dropped"),
        pytest.param((b"nothing", "", "drop"), id="no row at all"),
    ],
)
def test_a_commit_built_on_an_older_version_never_lands(tables: TableStore, late: tuple[bytes, str, str]) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"), (b"b", "b1", "put"))
    release(tables, 1, (b"a", "a2", "put"))
    with pytest.raises(CommitConflict, match="at version 2, past 1"):
        release(tables, 1, late)
    assert live(tables) == {b"a": "a2", b"b": "b1"}
    assert tables.version(TABLE) == 2


def test_a_commit_that_moves_no_row_still_leaves_its_words(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    assert release(tables, 0, (b"gone", "", "drop"), run="first") == 1
    release(tables, 1, (b"a", "a1", "put"), run="second")
    assert release(tables, 2, (b"gone", "", "drop"), run="third") == 3
    assert [commit.metadata.get("run_id") for commit in tables.history(TABLE)] == ["third", "second", "first", None]
    assert live(tables) == {b"a": "a1"}


def test_history_is_newest_first_with_words_and_times(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    words = {"run_id": "r1", "version": "mine", "timestamp": "mine too", "sums": '{"new": 1}'}
    tables.merge(TABLE, changes((b"a", "a1", "put")), on=["slot_id"], base_version=0, metadata=words)
    newest, first = tables.history(TABLE)
    assert (newest.version, first.version) == (1, 0)
    assert newest.metadata == words
    assert first.metadata == {}
    assert abs(newest.timestamp - datetime.now(UTC)) < timedelta(minutes=5)
    assert [commit.version for commit in tables.history(TABLE, limit=1)] == [1]


def test_history_says_how_many_rows_a_commit_moved(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"), (b"b", "b1", "put"), (b"c", "c1", "put"))
    release(tables, 1, (b"a", "a2", "put"), (b"b", "", "drop"), (b"d", "d1", "put"), (b"gone", "", "drop"))
    assert [commit.rows for commit in tables.history(TABLE)] == [3, 3, None]


def test_changes_tell_what_one_version_did(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"), (b"b", "b1", "put"))
    release(tables, 1, (b"a", "a2", "put"), (b"b", "", "drop"), (b"c", "c1", "put"))

    def told(version: int) -> list[tuple[object, ...]]:
        table = tables.changes(TABLE, version)
        assert table.schema.names == [*PICTURES.names, "_change_type"]
        return sorted((row["slot_id"], row["object"], row["_change_type"]) for row in table.to_pylist())

    assert told(0) == []
    assert told(1) == [(b"a", "a1", "insert"), (b"b", "b1", "insert")]
    assert told(2) == [
        (b"a", "a1", "update_preimage"),
        (b"a", "a2", "update_postimage"),
        (b"b", "b1", "delete"),
        (b"c", "c1", "insert"),
    ]


def test_batches_stream_what_read_returns(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    rows = [(number.to_bytes(8, "big"), f"picture {number}", "put") for number in range(20_000)]
    release(tables, 0, *rows)
    batches = list(tables.batches(TABLE, ["object", "slot_id"]))
    wanted = pa.schema([("object", pa.string()), ("slot_id", pa.binary())])
    assert len(batches) > 1
    assert all(batch.schema.equals(wanted) for batch in batches)
    streamed = pa.Table.from_batches(batches).sort_by("slot_id")
    assert streamed.equals(tables.read(TABLE, ["object", "slot_id"]).sort_by("slot_id"))
    assert len(streamed) == 20_000


def test_a_stream_of_changes_is_taken_as_well(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)

    def reader(table: pa.Table) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=2))

    first = changes((b"a", "a1", "put"), (b"gone", "", "drop"), (b"b", "b1", "put"), (b"c", "c1", "put"))
    assert tables.merge(TABLE, reader(first), on=["slot_id"], base_version=0, metadata={}) == 1
    second = changes((b"a", "a2", "put"), (b"b", "", "drop"), (b"d", "d1", "put"))
    assert tables.merge(TABLE, reader(second), on=["slot_id"], base_version=1, metadata={}) == 2
    assert live(tables) == {b"a": "a2", b"c": "c1", b"d": "d1"}


def unsuitable() -> Sequence[object]:
    good = changes((b"a", "a1", "put"))
    return [
        pytest.param(changes(), "publishing nothing", id="empty"),
        pytest.param(good.drop_columns(["object"]), "columns are", id="a column is missing"),
        pytest.param(good.append_column("extra", pa.array([1])), "columns are", id="a column too many"),
        pytest.param(changes((b"a", "a1", "upsert")), "'upsert'", id="an unknown operation"),
        pytest.param(changes((b"a", "a1", "put"), (b"a", "", "drop")), "same", id="a row twice"),
        pytest.param(
            good.set_column(0, "slot_id", pa.array([None], pa.binary())), "null", id="a row that nothing can match"
        ),
    ]


@pytest.mark.parametrize(("rows", "reason"), unsuitable())
def test_unsuitable_changes_are_refused_before_anything_is_written(
    tables: TableStore, rows: pa.Table, reason: str
) -> None:
    tables.ensure(TABLE, PICTURES)
    with pytest.raises(ValueError, match=reason):
        tables.merge(TABLE, rows, on=["slot_id"], base_version=0, metadata={})
    assert tables.version(TABLE) == 0


def test_what_is_not_there_is_named(tables: TableStore) -> None:
    with pytest.raises(TableError, match="no table 'manifest/shoes'"):
        tables.read(TABLE)
    tables.ensure(TABLE, PICTURES)
    with pytest.raises(TableError, match="'manifest/shoes' could not be served"):
        tables.read(TABLE, version=7)
    with pytest.raises(ValueError, match="no version 7"):
        release(tables, 7, (b"a", "a1", "put"))
    with pytest.raises(ValueError, match="no columns"):
        tables.read(TABLE, ["colour"])
    with pytest.raises(ValueError, match="no columns"):
        tables.batches(TABLE, ["colour"])
    for name in ("../manifest", "/manifest", "manifest/", "a\\b"):
        with pytest.raises(ValueError, match="key"):
            tables.version(name)


def test_vacuum_keeps_what_is_young_and_live_and_commits_nothing(tables: TableStore) -> None:
    if isinstance(tables, MemoryTables):
        pytest.skip("tables in memory have no files")
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"), (b"b", "b1", "put"))
    release(tables, 1, (b"a", "a2", "put"))
    now, later = datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1)
    assert tables.vacuum(TABLE, oldest=2, older_than=now - timedelta(hours=24)) == []
    (replaced,) = tables.vacuum(TABLE, oldest=2, older_than=later, dry_run=True)
    assert live(tables, version=1) == {b"a": "a1", b"b": "b1"}
    assert list(tables.vacuum(TABLE, oldest=1, older_than=later)) == [], "version 1 needs that file"
    assert list(tables.vacuum(TABLE, oldest=2, older_than=later)) == [replaced]
    assert replaced.size > 0
    assert tables.vacuum(TABLE, oldest=2, older_than=later) == []
    assert tables.changes(TABLE, 2).num_rows == 2, "the change feed of a kept version stays"
    assert tables.version(TABLE) == 2
    assert live(tables) == {b"a": "a2", b"b": "b1"}
    with pytest.raises(TableError):
        tables.read(TABLE, version=1)
    assert release(tables, 2, (b"a", "a3", "put")) == 3
    assert len(tables.changes(TABLE, 3)) == 2


@pytest.mark.parametrize("schema", [MANIFEST, OUTCOMES], ids=["manifest", "outcomes"])
def test_every_kept_column_comes_back_as_it_went_in(tables: TableStore, schema: pa.Schema) -> None:
    now = datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=UTC)
    samples = {
        pa.binary(): b"\x00\xff" * 8,
        pa.string(): "größe 靴 👟 \u0000 '\"",
        pa.int16(): -7,
        pa.int32(): 2**31 - 1,
        pa.timestamp("us", tz="UTC"): now,
        pa.list_(pa.string()): ["blank", "", None],
    }
    full = {field.name: [samples[field.type], samples[field.type]] for field in schema}
    full["slot_id"] = [b"1" * 16, b"2" * 16]
    for name in full.keys() - {"slot_id"}:
        full[name][1] = None
    rows = pa.table({name: pa.array(full[name], schema.field(name).type) for name in full})
    tables.ensure("some/table", schema)
    marked = rows.append_column("_op", pa.array(["put", "put"]))
    tables.merge("some/table", marked, on=["slot_id"], base_version=0, metadata={})
    tables.merge("some/table", marked.slice(0, 1), on=["slot_id"], base_version=1, metadata={})
    back = tables.read("some/table").sort_by("slot_id")
    assert back.schema.equals(schema)
    assert back.equals(rows.select(schema.names))


def test_dictionaries_and_large_types_are_made_plain(tables: TableStore) -> None:
    fancy = pa.schema(
        [
            ("slot_id", pa.binary(4)),
            ("object", pa.dictionary(pa.int32(), pa.string())),
            ("reasons", pa.large_list(pa.large_string())),
        ]
    )
    plain = pa.schema([("slot_id", pa.binary()), ("object", pa.string()), ("reasons", pa.list_(pa.string()))])
    tables.ensure(TABLE, fancy)
    rows = pa.table({"slot_id": [b"abcd"], "object": ["one"], "reasons": [["x"]]}).cast(fancy)
    marked = rows.append_column("_op", pa.array(["put"]))
    for base in range(2):
        tables.merge(TABLE, marked, on=["slot_id"], base_version=base, metadata={})
        assert tables.read(TABLE).schema.equals(plain)
        assert tables.read(TABLE).to_pylist() == rows.to_pylist()


def test_tables_travel_as_their_url(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    twin = pickle.loads(pickle.dumps(tables))  # noqa: S301 - our own bytes
    assert twin.url == tables.url
    assert twin.version(TABLE) == 0


def test_time_travel_reads_each_release_whole(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    for night in range(4):
        release(tables, night, *((bytes([slot]), f"night {night}", "put") for slot in range(50)), run=f"night-{night}")
    for night in range(4):
        objects = tables.read(TABLE, ["object"], version=night + 1)["object"]
        assert pc.unique(objects).to_pylist() == [f"night {night}"]
        assert len(objects) == 50


def test_a_range_of_versions_is_read_with_every_row_that_one_of_them_shows(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, (b"a", "a1", "put"), (b"b", "b1", "put"))
    release(tables, 1, (b"a", "a2", "put"))
    release(tables, 2, (b"b", "b1", "drop"), (b"c", "c1", "put"))
    for oldest in range(4):
        rows = [row for batch in tables.batches_since(TABLE, ["object"], oldest=oldest) for row in batch.to_pylist()]
        shown = {name for version in range(oldest, 4) for name in live(tables, version).values()}
        assert {row["object"] for row in rows} == shown, oldest


def test_many_small_commits_are_compacted_and_nothing_is_seen_of_it(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    for base in range(21):
        release(tables, base, (bytes([base]), f"{base}", "put"))
    assert tables.compact(TABLE, metadata={"kind": "compaction"})
    assert not tables.compact(TABLE, metadata={"kind": "compaction"})
    newest = tables.history(TABLE)[0]
    assert (newest.version, newest.changes_data, newest.metadata["kind"]) == (22, False, "compaction")
    assert live(tables) == live(tables, 21)
    assert len(tables.changes(TABLE, 22)) == 0
    assert not tables.compact("no/table", metadata={})


def test_a_cleaned_log_still_reads_every_kept_version(tables: TableStore) -> None:
    if isinstance(tables, MemoryTables):
        pytest.skip("tables in memory have no log")
    tables.ensure(TABLE, PICTURES)
    for base in range(24):
        release(tables, base, (b"a", f"a{base + 1}", "put"))
    before = len(tables.history(TABLE))
    assert tables.clean_log(TABLE, 5) == []
    assert len(tables.clean_log(TABLE, 14, dry_run=True)) == 9
    assert len(tables.history(TABLE)) == before
    assert len(tables.clean_log(TABLE, 14)) == 9
    assert [commit.version for commit in tables.history(TABLE)] == list(range(24, 8, -1))
    again = open_tables(tables.url)
    assert [live(again, version)[b"a"] for version in (14, 18, 19, 24)] == ["a14", "a18", "a19", "a24"]
    assert len(again.changes(TABLE, 15)) == 2
    with pytest.raises(TableError):
        again.read(TABLE, version=8)
    assert release(again, 24, (b"a", "a25", "put")) == 25


def test_some_rows_are_found_by_what_they_hold_in_any_version(tables: TableStore) -> None:
    tables.ensure(TABLE, PICTURES)
    release(tables, 0, *((bytes([n]), f"{n}.jpg", "put") for n in range(40)))
    release(tables, 1, (b"\x01", "other.jpg", "put"), (b"\x02", "", "drop"))
    wanted = "slot_id", [b"\x01", b"\x02", b"\x03", b"none"]
    for version, objects in ((None, ["3.jpg", "other.jpg"]), (1, ["1.jpg", "2.jpg", "3.jpg"]), (0, [])):
        found = tables.find_rows(TABLE, ["object", "reasons"], wanted, version=version)
        assert found.schema.names == ["object", "reasons"]
        assert sorted(found["object"].to_pylist()) == objects
    assert tables.find_rows(TABLE, ["index"], ("object", ["7.jpg"]))["index"].to_pylist() == [0]
    assert len(tables.find_rows(TABLE, ["index"], ("object", []))) == 0
    assert tables.find_rows(TABLE, WIDER, ("object", ["7.jpg"])).to_pylist()[0]["angle"] is None
