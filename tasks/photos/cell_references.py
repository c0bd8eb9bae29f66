"""Cells of photo columns as references, and references' tokens as cells again, by whole columns.

Inputs: an Arrow array of cell texts, the separator of several references in one cell; later a token for each distinct
reference. Outputs: the distinct references; an array of token texts, one a cell, in the cells' order.
A cell that names more than `MAX_REFERENCES` photos has the one reference `TOO_MANY`, which no place can be.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_REFERENCES: Final = 50
"""References that are looked at in one cell."""
TOO_MANY: Final = "\0too many"
_HEX_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


@dataclass(frozen=True)
class SplitCells:
    """Cells taken apart: `references` are distinct, `of_part` tells each part's, `parts` where a text's parts begin."""

    references: pa.Array
    of_part: pa.Array
    parts: pa.Array
    of_cell: pa.Array
    """Which distinct text a cell has."""


def split_cells(cells: Any, separator: str | None) -> SplitCells:
    """Return the references of cells, without the spaces around them; an empty part is none."""
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    encoded = pc.dictionary_encode(pc.fill_null(cells.cast(pa.string()), ""))
    texts, values, parents = encoded.dictionary, encoded.dictionary, np.arange(len(encoded.dictionary))
    if separator:
        lists = pc.split_pattern(texts, separator)
        too_many = pc.greater(pc.list_value_length(lists), MAX_REFERENCES)
        lists = pc.split_pattern(pc.if_else(too_many, TOO_MANY, texts), separator)
        values, parents = pc.list_flatten(lists), np.asarray(pc.list_parent_indices(lists))
    values = pc.utf8_trim_whitespace(values)
    is_named = pc.not_equal(values, "")
    parts = pc.dictionary_encode(values.filter(is_named))
    counts = np.bincount(parents[np.asarray(is_named)], minlength=len(texts))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return SplitCells(parts.dictionary, parts.indices, offsets, encoded.indices)


def join_tokens(split: SplitCells, tokens: pa.Array) -> pa.Array:
    """Return the tokens of each cell, separated by spaces; '' for a cell without a reference."""
    lists = pa.ListArray.from_arrays(split.parts, tokens.take(split.of_part))
    return pc.binary_join(lists, " ").take(split.of_cell)


def hex_texts(digests: Any) -> Any:
    """Return each digest of a column of fixed length in hex; null where there is none."""
    if isinstance(digests, pa.ChunkedArray):
        digests = digests.combine_chunks()
    size, count = digests.type.byte_width, len(digests)
    data = np.frombuffer(digests.buffers()[1] or b"", np.uint8)[size * digests.offset :][: size * count]
    digits = _HEX_DIGITS[np.stack([data >> 4, data & 15], axis=-1)]
    offsets = np.arange(count + 1, dtype=np.int32) * (2 * size)
    texts = pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(digits.tobytes())])
    return pc.if_else(pc.is_valid(digests), texts, pa.scalar(None, pa.string()))
