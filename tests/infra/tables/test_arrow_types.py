"""Whatever a vendor's Arrow looks like, ours has one spelling."""

import pyarrow as pa
import pytest

from infra.tables.arrow_types import normalize_batches, normalize_schema, normalize_type


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.large_binary(), pa.binary()),
        (pa.binary_view(), pa.binary()),
        (pa.binary(16), pa.binary()),
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.large_list(pa.string_view()), pa.list_(pa.string())),
        (pa.list_(pa.field("element", pa.string_view())), pa.list_(pa.string())),
        (pa.timestamp("ns", "UTC"), pa.timestamp("us", "UTC")),
        (pa.int16(), pa.int16()),
        (pa.float32(), pa.float32()),
        (pa.bool_(), pa.bool_()),
    ],
    ids=str,
)
def test_a_type_is_made_plain(given: pa.DataType, plain: pa.DataType) -> None:
    assert normalize_type(given) == plain
    assert normalize_type(plain) == plain


def test_a_schema_loses_its_metadata_and_null_checks() -> None:
    given = pa.schema([pa.field("a", pa.string(), nullable=False, metadata={"x": "y"})], metadata={"p": "q"})
    plain = normalize_schema(given)
    assert plain.equals(pa.schema([("a", pa.string())]), check_metadata=True)


def test_batches_come_in_the_wanted_order_and_types() -> None:
    table = pa.table({"b": [b"1", None], "a": ["x", "y"], "rest": [1, 2]})
    fancy = table.cast(pa.schema([("b", pa.binary_view()), ("a", pa.string_view()), ("rest", pa.int8())]))
    wanted = pa.schema([("a", pa.string()), ("b", pa.binary())])
    (batch,) = normalize_batches(fancy.to_batches(), wanted)
    assert batch.schema.equals(wanted)
    assert batch.to_pylist() == [{"a": "x", "b": b"1"}, {"a": "y", "b": None}]
