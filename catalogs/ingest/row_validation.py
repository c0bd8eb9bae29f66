"""Row validation: raw rows become accepted, rejected or ignored rows.

Inputs: record batches of a source with the number of their first row. Outputs: for each batch an `IngestedBatch`: a
table of clean text fields with checked overrides, and the rejects with row, column and reason.

Every input row is counted exactly once, and no single row ends a run. Memory grows with the number of SKUs (one entry
each, to find duplicates), not with their text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.column_mapping import as_text, clean_text, field_values, source_columns, strip_html
from catalogs.ingest.overrides import check_overrides
from catalogs.recipe.schema import Recipe

MAX_FIELD_CHARACTERS = 20_000
"""Longest field, in characters. The longest descriptions stay below it; a megabyte in a title is a broken export."""
MAX_SKU_CHARACTERS = 200
_INVISIBLE = r"[\x00-\x1f\x7f-\x9f\x{200b}\x{200c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}]"


@dataclass(frozen=True)
class Reject:
    """A rejected row. `row` is 1-based over the source; `sku` is None if it cannot be read."""

    row: int
    sku: str | None
    column: str
    reason: str


@dataclass(frozen=True)
class IngestedBatch:
    """One batch: its accepted rows (`row`, then one string column for each field, empty for missing), its rejects."""

    table: pa.Table
    rejects: Sequence[Reject]
    ignored: int


@dataclass
class RowCounts:
    """Row counts; `input` is always the sum of the others."""

    input: int = 0
    accepted: int = 0
    rejected: int = 0
    ignored: int = 0


@dataclass
class RowValidator:
    """Validates batches in the source's order; it keeps every SKU that it has seen."""

    recipe: Recipe
    columns: Sequence[str]
    inherited: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    counts: RowCounts = field(default_factory=RowCounts)
    warnings: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._field_columns = source_columns(self.recipe, self.columns)
        self._seen: dict[str, int] = {}
        self._folded: set[int] = set()

    @property
    def needed_columns(self) -> list[str]:
        """Return the source columns to read, and no others."""
        columns = [column for columns in self._field_columns.values() for column in columns]
        columns += list(self.recipe.ignore_when_empty)
        if self.recipe.inherit:
            columns.append(self.recipe.inherit.by)
        return list(dict.fromkeys(columns))

    def validate_batch(self, numbers: pa.Array, raw: pa.RecordBatch) -> IngestedBatch:
        """Validate one batch; `numbers` are those of its rows."""
        text = {name: as_text(raw.column(name), name) for name in self.needed_columns}
        rows = numbers
        product = self._product_mask(text, raw.num_rows)
        ignored = raw.num_rows - (product.true_count if product is not None else raw.num_rows)
        if product is not None and ignored:
            text = {name: array.filter(product) for name, array in text.items()}
            rows = rows.filter(product)
        fields = {name: field_values(self.recipe.columns[name], text) for name in self._field_columns}
        raw_sku = pc.fill_null(fields["sku"], "")
        fields = {name: self._cleaned(name, array) for name, array in fields.items()}
        if self.recipe.inherit:
            fields = self._inherit(fields, clean_text(text[self.recipe.inherit.by]).to_pylist())
        table = pa.table({"row": rows, **fields})
        rejects = self._find_rejects(table, raw_sku)
        if rejects:
            keep = pc.invert(pc.is_in(table["row"], pa.array(rejects.keys(), pa.int64())))
            table = table.filter(keep)
        self.counts.input += raw.num_rows
        self.counts.ignored += ignored
        self.counts.rejected += len(rejects)
        self.counts.accepted += table.num_rows
        return IngestedBatch(table, [rejects[row] for row in sorted(rejects)], ignored)

    def _product_mask(self, text: Mapping[str, pa.Array], length: int) -> pa.Array | None:
        if not self.recipe.ignore_when_empty:
            return None
        filled = pa.array([False] * length)
        for name in self.recipe.ignore_when_empty:
            filled = pc.or_(filled, pc.not_equal(pc.utf8_trim_whitespace(pc.fill_null(text[name], "")), ""))
        return filled

    def _cleaned(self, name: str, array: pa.Array) -> pa.Array:
        if name in self.recipe.html:
            array = strip_html(array)
        return clean_text(array)

    def _inherit(self, fields: dict[str, pa.Array], parents: Sequence[str]) -> dict[str, pa.Array]:
        assert self.recipe.inherit is not None  # noqa: S101 - the caller's condition, for the type checker
        for name in self.recipe.inherit.fields:
            if name not in fields:
                continue
            known = self.inherited.get(name, {})
            own = fields[name].to_pylist()
            filled = [value or known.get(parent, "") for value, parent in zip(own, parents, strict=True)]
            fields[name] = pa.array(filled, pa.string())
        return fields

    def _find_rejects(self, table: pa.Table, raw_sku: pa.Array) -> dict[int, Reject]:
        rejects: dict[int, Reject] = {}
        rows = table["row"].to_pylist()
        skus = table["sku"].to_pylist()

        def reject(position: int, column: str, reason: str) -> None:
            row = rows[position]
            sku = skus[position]
            readable = sku if sku and len(sku) <= MAX_SKU_CHARACTERS and column != "sku" else None
            rejects.setdefault(row, Reject(row, readable, column, reason))

        for position in _true_positions(pc.match_substring_regex(raw_sku, _INVISIBLE)):
            reject(position, "sku", f"the SKU {raw_sku[position].as_py()[:60]!r} holds invisible control characters")
        for position in _true_positions(pc.greater(pc.utf8_length(table["sku"]), MAX_SKU_CHARACTERS)):
            reject(position, "sku", f"the SKU is longer than {MAX_SKU_CHARACTERS} characters")
        for name in dict.fromkeys(("sku", *self.recipe.required)):
            if name not in table.column_names:
                continue
            for position in _true_positions(pc.equal(table[name], "")):
                reject(position, name, f"{name} is missing")
        for name in table.column_names[1:]:
            for position in _true_positions(pc.greater(pc.utf8_length(table[name]), MAX_FIELD_CHARACTERS)):
                length = len(table[name][position].as_py())
                reject(position, name, f"{name} is {length:,} characters long; the limit is {MAX_FIELD_CHARACTERS:,}")
        for position, column, reason in check_overrides(table, self.recipe):
            reject(position, column, reason)
        self._find_duplicates(rows, skus, rejects)
        return rejects

    def _find_duplicates(self, rows: list[int], skus: list[str], rejects: dict[int, Reject]) -> None:
        unreadable = {row for row, reject in rejects.items() if reject.column == "sku"}
        for row, sku in zip(rows, skus, strict=True):
            if not sku or row in unreadable:
                continue
            first = self._seen.setdefault(sku, row)
            if first != row and row not in rejects:
                # The first row may have been rejected for another reason; its SKU is still given twice.
                rejects[row] = Reject(row, sku, "sku", f"the SKU {sku!r} was given before, in row {first}")
            elif first == row:
                folded = hash(sku.casefold())
                if folded in self._folded:
                    reason = "SKUs that differ from another one by upper and lower case only; they are kept apart"
                    self.warnings[reason] = self.warnings.get(reason, 0) + 1
                self._folded.add(folded)


def collect_inherited_values(
    recipe: Recipe, columns: Sequence[str], batches: Iterable[pa.RecordBatch]
) -> dict[str, dict[str, str]]:
    """Return inherited field -> parent -> first filled value, in one pass over the source before the rows.

    A parent row may stand anywhere, also after its variants.
    """
    if recipe.inherit is None:
        return {}
    columns_by_field = source_columns(recipe, columns)
    names = [name for name in recipe.inherit.fields if name in columns_by_field]
    values: dict[str, dict[str, str]] = {name: {} for name in names}
    for batch in batches:
        parents = clean_text(as_text(batch.column(recipe.inherit.by), recipe.inherit.by)).to_pylist()
        for name in names:
            text = {column: as_text(batch.column(column), column) for column in columns_by_field[name]}
            array = field_values(recipe.columns[name], text)
            array = clean_text(strip_html(array) if name in recipe.html else array)
            known = values[name]
            for parent, value in zip(parents, array.to_pylist(), strict=True):
                if value and parent and parent not in known:
                    known[parent] = value
    return values


def _true_positions(mask: pa.Array | pa.ChunkedArray) -> list[int]:
    if not pc.any(mask).as_py():
        return []
    return [int(position) for position in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()]
