"""Thrift's compact protocol: footers that pyarrow writes are read as it reads them, and nothing grows unbounded."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sources.thrift_compact import MAX_DEPTH, IncompleteThrift, MalformedThrift, read_struct

SCHEMA, ROWS, ROW_GROUPS, NAME = 2, 3, 4, 4


def footer_of(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    content = sink.getvalue()
    size = int.from_bytes(content[-8:-4], "little")
    return content[-8 - size : -8]


def test_a_footer_is_read_whole() -> None:
    footer = footer_of(pa.table({"sku": ["1", "2", "3"], "price": [1.5, None, -2.0]}), row_group_size=2)
    fields, end = read_struct(footer)
    assert end == len(footer)
    assert [column[NAME] for column in fields[SCHEMA]] == [b"schema", b"sku", b"price"]
    assert (fields[ROWS], len(fields[ROW_GROUPS])) == (3, 2)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_struct_or_a_refusal(data: bytes) -> None:
    try:
        _, end = read_struct(data)
    except MalformedThrift:
        return
    assert end <= len(data)


def test_a_struct_that_goes_on_behind_the_bytes_says_so() -> None:
    footer = footer_of(pa.table({"sku": ["1"]}))
    for cut in range(len(footer)):
        with pytest.raises(IncompleteThrift):
            read_struct(footer[:cut])


def test_depth_lists_and_numbers_are_bounded() -> None:
    with pytest.raises(MalformedThrift, match="nested or long"):
        read_struct(b"\x1c" * (MAX_DEPTH + 1) + b"\0" * 99)
    with pytest.raises(MalformedThrift, match="a list of 1,000,000 values"):
        read_struct(b"\x19\xfc\xc0\x84\x3d" + b"\0" * 1_000_001)
    with pytest.raises(MalformedThrift, match="more than 64 bits"):
        read_struct(b"\x16" + b"\xff" * 20)
