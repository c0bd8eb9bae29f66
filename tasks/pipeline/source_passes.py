"""Passes over a source before its rows are validated, for what only the whole source can tell.

Inputs: a validator, its source. Outputs: the validator knows what rows inherit, and which columns only look like
overrides. Each takes a pass of its own, and only where the recipe and the columns ask for it.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from catalogs.ingest.inheritance import collect_inherited_values
from catalogs.ingest.override_columns import find_repurposed_overrides
from catalogs.ingest.row_validation import RowValidator
from infra.sources import Source


def run_source_passes(validator: RowValidator, source: Source) -> None:
    """Read the source as often as the validator's recipe needs, and tell the validator what was found."""

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return (batch.rows for batch in source.batches(columns))

    recipe, columns = validator.recipe, validator.columns
    validator.inherited = collect_inherited_values(recipe, columns, lambda: read(validator.needed_columns))
    validator.repurposed = find_repurposed_overrides(recipe, columns, read)
