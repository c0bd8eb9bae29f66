"""Types that agree: a value has the same text from each of them, as ingest reads it."""

import pyarrow as pa
import pytest

from catalogs.ingest.column_mapping import as_text
from infra.sources.column_types import storage_independent_type, types_agree

AGREE = [
    (pa.int32(), pa.int64(), 451),
    (pa.uint8(), pa.float64(), 7),
    (pa.int64(), pa.float64(), 4006381333931),
    (pa.decimal128(20, 0), pa.int64(), 12),
    (pa.decimal128(10, 2), pa.decimal128(12, 2), 3),
    (pa.string(), pa.large_string(), "00451"),
    (pa.string(), pa.string_view(), "a"),
    (pa.string(), pa.binary(), b"a"),
    (pa.string(), pa.dictionary(pa.int8(), pa.string()), "a"),
    (pa.date32(), pa.date64(), 86_400_000),
    (pa.list_(pa.int32()), pa.large_list(pa.int64()), [1, 2]),
]


@pytest.mark.parametrize(("first", "second", "value"), AGREE, ids=str)
def test_agreeing_types_give_one_text(first: pa.DataType, second: pa.DataType, value: object) -> None:
    assert types_agree(first, second)
    assert types_agree(second, first)
    if not isinstance(value, int) or not pa.types.is_date(first):
        texts = {as_text(pa.array([value], kind), "x").to_pylist()[0] for kind in (first, second)}
        assert len(texts) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.string(), pa.int64()),
        (pa.decimal128(10, 2), pa.decimal128(10, 3)),
        (pa.decimal128(10, 2), pa.float64()),
        (pa.bool_(), pa.int8()),
        (pa.timestamp("us", "UTC"), pa.timestamp("us")),
        (pa.list_(pa.string()), pa.string()),
        (pa.list_(pa.string()), pa.list_(pa.int8())),
    ],
    ids=str,
)
def test_types_whose_texts_differ_do_not_agree(first: pa.DataType, second: pa.DataType) -> None:
    assert not types_agree(first, second)


def test_a_column_without_values_agrees_with_every_type() -> None:
    assert types_agree(pa.null(), pa.string())


def test_storage_variants_of_text_are_text() -> None:
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.large_string())):
        assert storage_independent_type(kind) == pa.string()
    assert storage_independent_type(pa.large_list(pa.large_string())) == pa.list_(pa.string())
