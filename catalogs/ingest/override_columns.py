"""Override columns: columns that are called like an override of the picture, and hold something else.

Inputs: the columns that a recipe reads `width`, `height` and `views` from, in one pass over the source. Outputs: the
fields of those that many rows fill, often with what no override can mean: a furniture shop's width in centimetres, the
visits of a page. Their odd values are left out; a single wrong size among few is a slip of that row, and rejects it.
"""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.field_reader import FieldReader
from catalogs.ingest.overrides import invalid_texts
from catalogs.recipe.schema import Recipe

MEASURED_FIELDS = ("width", "height", "views")
MIN_FILLED, MIN_ODD = 0.3, 0.25
"""Shares of a source's rows, and of the filled cells, from which a column means something else."""


def find_repurposed_overrides(
    recipe: Recipe, columns: Sequence[str], read: Callable[[Sequence[str]], Iterable[pa.RecordBatch]]
) -> frozenset[str]:
    """Return the fields whose columns mean something else. `read` reads columns; not called where there are none."""
    reader = FieldReader(recipe, columns)
    fields = [name for name in MEASURED_FIELDS if name in reader.fields and name not in recipe.required]
    if not fields:
        return frozenset()
    rows, filled, odd = 0, dict.fromkeys(fields, 0), dict.fromkeys(fields, 0)
    for batch in read(reader.columns_of(fields)):
        rows += batch.num_rows
        text = reader.text(batch)
        for name in fields:
            cells = reader.clean(name, reader.raw(name, text))
            counts = {pair["values"]: pair["counts"] for pair in pc.value_counts(cells).to_pylist()}
            filled[name] += sum(count for value, count in counts.items() if value)
            odd[name] += sum(counts[value] for value in invalid_texts(name, counts, recipe))
    return frozenset(name for name in fields if filled[name] > rows * MIN_FILLED and odd[name] > filled[name] * MIN_ODD)
