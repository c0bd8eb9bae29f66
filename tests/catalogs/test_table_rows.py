"""The row types say of every table what its Arrow schema says."""

from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pytest

from catalogs import table_rows, table_schemas
from catalogs.runs.release_batch import MANIFEST_CHANGE_SCHEMA
from catalogs.runs.renamed_slots import RenamedSlotRow
from catalogs.runs.replaced_slots import ReplacedSlotRow

TABLES: list[tuple[type, pa.Schema]] = [
    (table_rows.SlotRow, table_schemas.SLOTS),
    (RenamedSlotRow, table_schemas.RENAMED_SLOTS),
    (ReplacedSlotRow, table_schemas.REPLACED_SLOTS),
    (table_rows.RequestRow, table_schemas.REQUESTS),
    (table_rows.RecordRow, table_schemas.RECORDS),
    (table_rows.DecisionRow, table_schemas.DECISIONS),
    (table_rows.ManifestRow, table_schemas.MANIFEST),
    (table_rows.OutcomeRow, table_schemas.OUTCOMES),
    (table_rows.WithdrawalRow, table_schemas.WITHDRAWALS),
]
SOME_COLUMNS: list[tuple[type, pa.Schema]] = [
    (table_rows.PublishedDecisionRow, table_schemas.DECISIONS),
    (table_rows.ReportedDecisionRow, table_schemas.DECISIONS),
    (table_rows.PublishedFileRow, table_schemas.MANIFEST),
    (table_rows.KeptFileRow, table_schemas.MANIFEST),
    (table_rows.WithdrawalKeyRow, table_schemas.MANIFEST),
    (table_rows.ChannelColumns, table_schemas.MANIFEST),
    (table_rows.OutcomeDecision, table_schemas.OUTCOMES),
    (table_rows.ManifestChangeRow, MANIFEST_CHANGE_SCHEMA),
]


def python_type(arrow: pa.DataType) -> object:
    if pa.types.is_list(arrow):
        return list[python_type(arrow.value_type)]  # type: ignore[misc]
    if pa.types.is_timestamp(arrow):
        assert arrow.tz == "UTC"
        return datetime
    kinds = {pa.types.is_binary: bytes, pa.types.is_string: str, pa.types.is_boolean: bool, pa.types.is_integer: int}
    kinds |= {pa.types.is_floating: float}
    [kind] = {python for is_kind, python in kinds.items() if is_kind(arrow)}
    return kind


def without_none(hint: Any) -> object:
    if get_origin(hint) in (UnionType, Union):
        [hint] = [part for part in get_args(hint) if part is not NoneType]
    if get_origin(hint) is Literal:
        [hint] = {type(value) for value in get_args(hint)}
    return hint


@pytest.mark.parametrize(("row", "schema"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_row_has_the_columns_of_its_table_in_their_order(row: type, schema: pa.Schema) -> None:
    assert list(get_type_hints(row)) == schema.names


@pytest.mark.parametrize(("row", "schema"), TABLES + SOME_COLUMNS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_column_has_the_type_of_its_table(row: type, schema: pa.Schema) -> None:
    hints = {name: without_none(hint) for name, hint in get_type_hints(row).items()}
    assert hints == {name: python_type(schema.field(name).type) for name in hints}


def test_every_row_type_is_checked() -> None:
    declared = {value for value in vars(table_rows).values() if isinstance(value, type) and hasattr(value, "__total__")}
    assert declared <= {row for row, _ in TABLES + SOME_COLUMNS}
