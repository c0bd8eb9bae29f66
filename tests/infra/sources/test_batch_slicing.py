"""Batches are cut by the size that they decode to, without a row lost or moved."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sources.batch_slicing import decoded_sizes, is_list, list_lengths, slices_by_size

TEXTS = st.lists(st.none() | st.text(max_size=30), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(1, 200), st.booleans())
def test_slices_hold_all_rows_in_order_and_stay_below_the_limit(
    texts: list[str | None], limit: int, encoded: bool
) -> None:
    array = pa.array(texts, pa.string())
    batch = pa.record_batch({"title": array.dictionary_encode() if encoded else array})
    slices = list(slices_by_size(batch, limit))
    assert [row for part, _ in slices for row in part.to_pylist()] == batch.to_pylist()
    for part, size in slices:
        assert size == 8 * part.num_rows + sum(len((text or "").encode()) for text in part["title"].to_pylist())
        assert part.num_rows == 1 or size <= limit


@pytest.mark.parametrize(
    ("array", "sizes"),
    [
        (pa.array([1, None]), [8, 8]),
        (pa.array([b"abc", None], pa.binary()), [11, 8]),
        (pa.array([b"abc", None], pa.binary(3)), [11, 11]),
        (pa.array([["a", "bc"], None, []], pa.list_(pa.string())), [27, 8, 8]),
        (pa.array([["a", "bc"], ["bc"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))), [27, 18]),
        (pa.array([["a"], ["b"], ["cd"]]).slice(1), [17, 18]),
        (pa.DictionaryArray.from_arrays(pa.array([0, None, 1]), pa.array(["long text", None])), [17, 8, 8]),
    ],
)
def test_sizes_are_those_of_the_decoded_values(array: pa.Array, sizes: list[int]) -> None:
    assert decoded_sizes(array).tolist() == sizes


def test_lists_are_known_and_counted() -> None:
    array = pa.array([["a", "b"], None, []])
    assert list_lengths(array).tolist() == [2, 0, 0]
    assert is_list(array.type)
    assert is_list(pa.large_list(pa.string()))
    assert not is_list(pa.string())
