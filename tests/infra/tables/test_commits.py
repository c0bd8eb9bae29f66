"""What is checked before a commit, and how it is streamed into one."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable

from infra.tables.commits import commit_changes, validated_changes

SLOTS = pa.schema([("slot_id", pa.binary()), ("object", pa.string())])


def test_changes_come_out_in_the_table_s_order_and_types() -> None:
    changes = pa.table({"_op": ["put", "drop"], "object": ["x", None], "slot_id": [b"1", b"2"]})
    fancy = changes.set_column(1, "object", changes["object"].dictionary_encode())
    rows = validated_changes(fancy, SLOTS, ["slot_id"])
    assert rows.schema.names == ["slot_id", "object", "_op"]
    assert rows.schema.field("object").type == pa.string()
    assert rows.read_all().to_pylist() == [
        {"slot_id": b"1", "object": "x", "_op": "put"},
        {"slot_id": b"2", "object": None, "_op": "drop"},
    ]


@pytest.mark.parametrize("on", [[], ["colour"], ["_op"]])
def test_rows_are_matched_on_columns_of_the_table(on: list[str]) -> None:
    changes = pa.table({"slot_id": [b"1"], "object": ["x"], "_op": ["put"]})
    with pytest.raises(ValueError, match="matched on"):
        validated_changes(changes, SLOTS, on)


def test_the_same_row_may_change_once() -> None:
    changes = pa.table({"slot_id": [b"1", b"1"], "object": ["x", "y"], "_op": ["put", "put"]})
    with pytest.raises(ValueError, match="Two changes have the same"):
        validated_changes(changes, SLOTS, ["slot_id"])
    assert len(validated_changes(changes, SLOTS, ["slot_id", "object"]).read_all()) == 2


@pytest.mark.parametrize("rows", [[("1", "put")], [("1", "put"), ("2", "drop")], [("2", "drop")]])
def test_a_first_commit_holds_the_puts_only(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    target = DeltaTable.create(str(tmp_path / "t"), SLOTS)
    changes = pa.table(
        {
            "slot_id": [name.encode() for name, _ in rows],
            "object": [name for name, _ in rows],
            "_op": [operation for _, operation in rows],
        }
    )
    commit_changes(
        target, validated_changes(changes, SLOTS, ["slot_id"]), ["slot_id"], CommitProperties(max_commit_retries=0)
    )
    assert target.version() == 1
    found = pa.table(DeltaTable(str(tmp_path / "t")).scan(["object"]))["object"].to_pylist()
    assert found == [name for name, operation in rows if operation == "put"]
