"""Field reader: the text of a recipe's fields in a batch, cleaned as the recipe says.

Inputs: a recipe, a source's columns, batches. Outputs: the text columns to read, and each field's raw and clean text.

The pass that collects what rows inherit and the pass over the rows read fields through it, so both see the same text.
"""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.column_mapping import (
    as_text,
    field_values,
    holds_records,
    row_columns,
    source_columns,
    usable_alternatives,
)
from catalogs.ingest.named_columns import named_columns
from catalogs.ingest.photo_fields import LIST_BREAK, clean_references, column_choices, photo_fields
from catalogs.ingest.values.placeholder_words import without_placeholders
from catalogs.ingest.values.text_cleaning import clean_text, decode_entities, strip_html
from catalogs.recipe.row_settings import ColumnChoice
from catalogs.recipe.schema import Recipe


class FieldReader:
    """Reads the fields that a source can fill. Raises `CatalogueError` naming the columns that are missing."""

    def __init__(self, recipe: Recipe, columns: Sequence[str]) -> None:
        self._recipe = recipe
        self._field_columns = source_columns(recipe, columns)
        self._choices = column_choices(recipe, columns)
        self._present = frozenset(columns)
        self._photo_fields = frozenset(photo_fields(recipe))
        self._asked = frozenset(named_columns(recipe))
        self._photo_columns = frozenset(self.columns_of(self._photo_fields.intersection(self._field_columns)))

    @property
    def fields(self) -> list[str]:
        """Return the fields that the source can fill, in the recipe's order."""
        return list(self._field_columns)

    @property
    def needed_columns(self) -> list[str]:
        """Return the source columns to read, and no others."""
        columns = self.columns_of(self.fields)
        for choice in row_columns(self._recipe):
            columns += usable_alternatives(choice, self._present)
        columns += [name for name in self._recipe.only if name in self._present]
        return list(dict.fromkeys(columns))

    def columns_of(self, fields: Iterable[str]) -> list[str]:
        """Return the source columns that some fields are read from."""
        return list(dict.fromkeys(column for name in fields for column in self._field_columns[name]))

    def text(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns of a batch, of those that are needed, as text."""
        return {name: self._as_text(batch, name) for name in self.needed_columns if name in batch.schema.names}

    def _as_text(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        column = batch.column(name)
        if name not in self._photo_columns:
            return as_text(column, name)
        if name not in self._asked and holds_records(column.type):
            return pa.nulls(len(column), pa.string())  # nobody said that this column names photos
        return as_text(column, name, LIST_BREAK)

    def raw(self, name: str, text: Mapping[str, pa.Array]) -> pa.Array:
        """Return a field's text as the source has it; of several columns, the first filled one."""
        return first_filled(self._choices[name], text, self._may_not_say_nothing(name))

    def clean(self, name: str, raw: pa.Array) -> pa.Array:
        """Return a field's raw text cleaned; words that stand for no value are empty where they count as that."""
        if name in self._photo_fields:
            return clean_references(raw)
        if name in self._recipe.html:
            raw = strip_html(raw)
        elif name in self._recipe.entities:
            raw = decode_entities(raw)
        array = clean_text(raw)
        return without_placeholders(array) if self._may_not_say_nothing(name) else array

    def _may_not_say_nothing(self, name: str) -> bool:
        return name == "sku" or name in self._recipe.required or name in self._recipe.placeholders


def first_filled(choice: ColumnChoice, text: Mapping[str, pa.Array], placeholders_are_empty: bool = False) -> pa.Array:
    """Return the first of a choice's alternatives that each row fills, among those that `text` has."""
    first, *others = usable_alternatives(choice, text)
    values = field_values(first, text)
    for other in others:
        seen = clean_text(values)
        empty = pc.equal(without_placeholders(seen) if placeholders_are_empty else seen, "")
        if not pc.any(empty).as_py():
            break
        values = pc.if_else(empty, pc.fill_null(field_values(other, text), ""), values)
    return values
