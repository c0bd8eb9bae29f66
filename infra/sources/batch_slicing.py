"""Cut a batch whose text is still in dictionaries into slices that decode to a bounded size.

Inputs: a record batch. Outputs: slices of it in order, each with the bytes that it decodes to.
A dictionary of one megabyte and 16,384 rows that name it are 1 MB until they are decoded, and then 16 GB.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]

_CELL_BYTES = 8  # a number, or the offset of a text


def slices_by_size(batch: pa.RecordBatch, limit: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield slices of at most `limit` decoded bytes (but at least one row), and their bytes."""
    sizes = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        sizes += decoded_sizes(column)
    ends = np.cumsum(sizes)
    start = taken = 0
    while start < batch.num_rows:
        stop = max(start + 1, int(np.searchsorted(ends, taken + limit, "right")))
        size = int(ends[stop - 1]) - taken
        yield batch.slice(start, stop - start), size
        start, taken = stop, taken + size


def decoded_sizes(array: Any) -> Int64s:
    """Return the bytes that each value of an array has, once it is decoded."""
    kind = array.type
    sizes = np.full(len(array), _CELL_BYTES, np.int64)
    if isinstance(kind, pa.DictionaryType):
        of_values = np.append(decoded_sizes(array.dictionary), _CELL_BYTES)
        places = pc.fill_null(array.indices, len(array.dictionary)).to_numpy(zero_copy_only=False)
        sizes = of_values[np.clip(places, 0, len(array.dictionary))]
    elif pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            sizes += decoded_sizes(array.field(number))
    elif pa.types.is_map(kind):
        ends = np.append(0, np.cumsum(decoded_sizes(array.keys) + decoded_sizes(array.items)))
        offsets = array.offsets.to_numpy(zero_copy_only=False)
        sizes += ends[offsets[1:]] - ends[offsets[:-1]]
    elif is_list(kind):
        ends = np.append(0, np.cumsum(decoded_sizes(array.flatten())))
        stops = np.cumsum(list_lengths(array))
        sizes += np.diff(ends[np.append(0, stops)])
    elif pa.types.is_fixed_size_binary(kind):
        sizes += kind.byte_width
    elif pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        sizes += pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
    return sizes


def list_lengths(array: Any) -> Int64s:
    """Return the number of values in each list of an array; a null has none."""
    if pa.types.is_map(array.type):
        lengths = pc.if_else(array.is_valid(), pa.array(np.diff(array.offsets.to_numpy(zero_copy_only=False))), 0)
    else:
        lengths = pc.fill_null(pc.list_value_length(array), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)


def is_list(kind: Any) -> bool:
    """Tell whether a type is a list of any kind."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def longest_list(array: Any) -> int:
    """Return the length of the longest list or map in an array, those inside of others included."""
    kind = array.type
    if pa.types.is_struct(kind):
        return max((longest_list(array.field(number)) for number in range(kind.num_fields)), default=0)
    if pa.types.is_map(kind):
        longest = max(longest_list(array.keys), longest_list(array.items))
    elif is_list(kind):
        longest = longest_list(array.flatten())
    else:
        return 0
    return max(longest, int(list_lengths(array).max(initial=0)))
