"""A sorted array finds what a dict would find, also where ids repeat or agree in half their bits."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.indexes.digest_index import DigestIndex, column_halves, fixed_bytes, split_halves

HALF = st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])  # few values, so that halves and whole ids collide
IDS = st.tuples(HALF, HALF).map(lambda pair: pair[0].to_bytes(8, "big") + pair[1].to_bytes(8, "big"))


@given(given_ids=st.lists(IDS, max_size=30), queries=st.lists(IDS, max_size=30))
def test_it_finds_what_a_dict_finds(given_ids: list[bytes], queries: list[bytes]) -> None:
    index = DigestIndex(*split_halves(given_ids))
    first: dict[bytes, int] = {}
    for position, one in enumerate(given_ids):
        first.setdefault(one, position)
    assert len(index) == len(given_ids)
    assert index.find(*split_halves(queries)).tolist() == [first.get(one, -1) for one in queries]
    for one in queries:
        high, low = (int(half[0]) for half in split_halves(one))
        assert sorted(index.find_all(high, low)) == [place for place, known in enumerate(given_ids) if known == one]


@given(ids=st.lists(st.binary(min_size=16, max_size=16), max_size=20))
def test_halves_are_read_big_endian(ids: list[bytes]) -> None:
    high, low = split_halves(ids)
    assert [int(one) << 64 | int(other) for one, other in zip(high, low, strict=True)] == [
        int.from_bytes(one, "big") for one in ids
    ]


@settings(deadline=None)  # pyarrow imports pandas at its first array
@given(
    values=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=9),
    start=st.integers(0, 8),
    length=st.integers(0, 9),
)
def test_a_slice_of_a_column_gives_its_own_rows(values: list[bytes], start: int, length: int) -> None:
    column, expected = pa.array(values, pa.binary())[start : start + length], values[start : start + length]
    high, low = column_halves(column)
    assert [one.tobytes() for one in fixed_bytes(column)] == expected if expected else len(column) == 0
    assert np.array_equal(high, split_halves([one[:16] for one in expected])[0])
    assert np.array_equal(low, split_halves([one[:16] for one in expected])[1])


@pytest.mark.parametrize("queries", [[], [bytes(16)]])
def test_an_empty_index_finds_nothing(queries: list[bytes]) -> None:
    assert DigestIndex(*split_halves([])).find(*split_halves(queries)).tolist() == [-1] * len(queries)
    assert DigestIndex(*split_halves([])).find_all(0, 0) == []
