"""Which tables get new columns, and which are refused by name."""

import pyarrow as pa
import pytest

from infra.errors import TableError
from infra.tables.schema_upgrade import find_missing_columns

OLD = pa.schema([("sku", pa.string()), ("index", pa.int16())])
NEW = OLD.append(pa.field("angle", pa.string()))


def test_missing_columns_are_found_in_the_order_of_the_schema() -> None:
    assert find_missing_columns("manifest/shoes", OLD, OLD) == []
    wider = NEW.append(pa.field("seen", pa.int32()))
    assert [field.name for field in find_missing_columns("manifest/shoes", OLD, wider)] == ["angle", "seen"]
    assert find_missing_columns("manifest/shoes", pa.schema(reversed(list(NEW))), NEW) == [], "order does not matter"


def test_another_type_is_named_with_both_types() -> None:
    changed = pa.schema([("sku", pa.string()), ("index", pa.int32())])
    with pytest.raises(TableError, match=r"'manifest/shoes' .* \(index: int16, not int32\)"):
        find_missing_columns("manifest/shoes", OLD, changed)


def test_a_column_that_is_gone_or_not_known_yet_is_named() -> None:
    with pytest.raises(TableError, match="written by a newer Packshot: this version does not know its columns angle"):
        find_missing_columns("manifest/shoes", NEW, OLD)
