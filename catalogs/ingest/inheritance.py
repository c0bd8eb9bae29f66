"""Inheritance: what rows take from another row of their product, by the recipe's `inherit`.

Inputs: a source read once, or twice where a row names its parent, before the rows. Outputs: `InheritedValues`, which
answer with a parent's values for the rows of a batch, and tell where rows name parents that the source does not have.

Without `from`, the rows of one product share a value (Shopify's Handle), and the first that fills a field gives it to
the others. With it, a row names its parent by other columns of the parent's row (WooCommerce's Parent: an SKU, or
`id:7`; Akeneo's parent; Magento's parents list their children in configurable_variations); a parent may have one too.
Only rows that are named are kept in memory. A parent may stand anywhere, also after its children.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.field_reader import FieldReader, first_filled
from catalogs.ingest.row_selection import FillDown
from catalogs.ingest.values.text_cleaning import clean_text
from catalogs.recipe.row_settings import InheritRule
from catalogs.recipe.schema import Recipe

MAX_GENERATIONS = 8
"""Parents above a row. More than three were never seen; a circle ends here too."""

_LISTED_NAME = re.compile(r"(?:^|[|,])\s*sku=([^,|]+)")


@dataclass
class InheritedValues:
    """Field, or column of `only` -> parent -> value. Parents go by one text: a shared value, or column and value."""

    rule: InheritRule | None = None
    values: Mapping[str, dict[str, str]] = field(default_factory=dict)
    grandparents: dict[str, str] = field(default_factory=dict)
    """Parent -> the name of its own parent, for each row that others name; empty without `from`."""
    filled_fields: set[str] = field(default_factory=set)
    """The fields that any row of the source fills."""

    def parent_of(self, name: str) -> str | None:
        """Return the parent that a row means by a name, if the source has it."""
        if not name or self.rule is None:
            return None
        if not self.rule.parent:
            return name
        return next((key for key in _readings(self.rule.parent, name) if key in self.grandparents), None)

    def value(self, field_name: str, parent: str | None) -> str:
        """Return what a parent has in a field, or else its own parent; empty where nobody has anything."""
        known = self.values.get(field_name, {})
        for _ in range(MAX_GENERATIONS):
            if parent is None:
                return ""
            if parent in known:
                return known[parent]
            parent = self.parent_of(self.grandparents.get(parent, ""))
        return ""

    def filter_values(self, names: Sequence[str], columns: Sequence[str]) -> dict[str, pa.Array]:
        """Return what the parents that rows name have in columns of `only`, row by row."""
        parents = {name: self.parent_of(name) for name in set(names)}
        return {
            column: pa.array([self.value(filter_name(column), parents[name]) for name in names], pa.string())
            for column in columns
        }


def collect_inherited_values(
    recipe: Recipe, columns: Sequence[str], read: Callable[[], Iterable[pa.RecordBatch]]
) -> InheritedValues:
    """Return what rows inherit. `read` reads the source's needed columns from the beginning."""
    rule = recipe.inherit
    if rule is None:
        return InheritedValues()
    reader = FieldReader(recipe, columns)
    fields = [name for name in rule.fields if name in reader.fields]
    filters = [name for name in recipe.only if name in reader.needed_columns]
    inherited = InheritedValues(rule, {name: {} for name in (*fields, *map(filter_name, filters))})
    named = _named_parents(rule, _texts(recipe, reader, read())) if rule.parent else frozenset()
    for text in _texts(recipe, reader, read()):
        cells = {name: reader.clean(name, reader.raw(name, text)) for name in fields}
        cells |= {filter_name(name): clean_text(text[name]) for name in filters}
        for name in set(fields) - inherited.filled_fields:
            if pc.any(pc.not_equal(cells[name], "")).as_py():
                inherited.filled_fields.add(name)
        names = clean_text(first_filled(rule.by, text)).to_pylist()
        if not rule.parent:
            _keep_first(inherited, cells, list(enumerate(names)))
        for column in rule.parent:
            keys = [
                (position, key)
                for position, cell in enumerate(clean_text(text[column]).to_pylist())
                for name in _listed_names(cell)
                if (key := _key(column, name)) in named
            ]
            _keep_first(inherited, cells, keys)
            for position, key in keys:
                inherited.grandparents.setdefault(key, names[position])
    return inherited


def _keep_first(inherited: InheritedValues, cells: Mapping[str, pa.Array], keys: list[tuple[int, str]]) -> None:
    """Keep the first value of each parent: `keys` are the positions of rows with what they are known by."""
    for name, column in cells.items():
        known, texts = inherited.values[name], column.to_pylist()
        for position, key in keys:
            value = texts[position]
            if value and key and key not in known:
                known[key] = value


def filter_name(column: str) -> str:
    """Return the name of a column of `only` among inherited values; no field has such a name."""
    return f"only {column}"


def _named_parents(rule: InheritRule, texts: Iterable[Mapping[str, pa.Array]]) -> frozenset[str]:
    """Return all parents that rows may mean."""
    names = (name for text in texts for name in clean_text(first_filled(rule.by, text)).unique().to_pylist() if name)
    return frozenset(key for name in names for key in _readings(rule.parent, name))


def _readings(columns: Sequence[str], name: str) -> Iterator[str]:
    """Yield what a row may mean by a name, the likeliest first: a value of each column; `id:7` is 7 in ID."""
    for column in columns:
        yield _key(column, name)
    prefix, colon, rest = name.partition(":")
    for column in columns:
        if colon and column.casefold() == prefix.strip().casefold():
            yield _key(column, rest.strip())


def _key(column: str, value: str) -> str:
    return f"{column}\x1f{value}"  # clean text has no control characters


def _texts(recipe: Recipe, reader: FieldReader, batches: Iterable[pa.RecordBatch]) -> Iterable[dict[str, pa.Array]]:
    fill_down = FillDown(recipe.fill_down)
    for batch in batches:
        yield fill_down.fill(reader.text(batch))


def _listed_names(cell: str) -> Sequence[str]:
    """Return the names in a cell of a parent's column: itself, or those of a list such as `sku=A,size=S|sku=B`."""
    if "sku=" not in cell:
        return (cell,) if cell else ()
    return [name.strip() for name in _LISTED_NAME.findall(cell)] or (cell,)
