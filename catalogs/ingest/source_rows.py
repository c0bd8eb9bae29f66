"""Source rows: the accepted rows that a plan decides slots of, as they were read, so that a person can be told later.

Inputs: a batch's table of texts and the positions of rows. Outputs: a table of SOURCE_ROWS. Only the columns that the
recipe reads are in it. Rows of which no slot is decided are not written: an unchanged catalogue costs nothing.
"""

import re
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalogs.table_schemas import SOURCE_ROWS

_NAMED_COLUMNS = ("row", "sku")


_SECRET_PARTS = ((r"//[^/\s@]*@", "//"), (r"[?#][^\s\x1e]*", ""), (r"\x1e", " "))
"""What an address may hold beside its place: a user, a query, a fragment; and what stands between two addresses."""


def select_source_rows(table: pa.Table, positions: Collection[int], addresses: Collection[str] = ()) -> pa.Table:
    """Return these rows of a batch in their order, each column but row number and SKU as an entry of `fields`.

    Of the columns `addresses` no credential is kept: an address may be signed.
    """
    chosen = table.take(pa.array(sorted(positions), pa.int64())).combine_chunks()
    names = [name for name in chosen.column_names if name not in _NAMED_COLUMNS]
    rows, columns = chosen.num_rows, len(names)
    cells = [_without_secrets(chosen[name]) if name in addresses else chosen[name].cast(pa.string()) for name in names]
    values = pa.chunked_array([chunk for cell in cells for chunk in cell.chunks], pa.string()).combine_chunks()
    by_row = np.arange(rows * columns).reshape(columns, rows).T.ravel()
    fields = pa.MapArray.from_arrays(
        pa.array(np.arange(rows + 1) * columns, pa.int32()),
        pa.array(names, pa.string()).take(pa.array(np.tile(np.arange(columns), rows), pa.int64())),
        values.take(pa.array(by_row, pa.int64())),
    )
    return pa.table([chosen["row"], chosen["sku"], fields], schema=SOURCE_ROWS)


def without_secrets(address: str) -> str:
    """Return a cell of addresses without what may be secret in them, as `select_source_rows` keeps it."""
    for pattern, replacement in _SECRET_PARTS:
        address = re.sub(pattern, replacement, address)
    return address


def _without_secrets(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    for pattern, replacement in _SECRET_PARTS:
        cells = pc.replace_substring_regex(cells, pattern, replacement)
    return cells
