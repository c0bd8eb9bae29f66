"""Row validation: raw rows become accepted, rejected or ignored rows.

Inputs: record batches of a source with the number of their first row. Outputs: for each batch an `IngestedBatch`: a
table of clean text fields with checked overrides, and the rejects with row, column and reason.

Every input row is counted exactly once, and no single row ends a run. A row whose cell holds several SKUs (`split`)
counts once for each of them. Memory grows with the number of SKUs (one entry each, to find duplicates), not with their
text.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from catalogs.ingest.field_reader import FieldReader, first_filled
from catalogs.ingest.inheritance import InheritedValues
from catalogs.ingest.inherited_fields import InheritanceFindings, inherit_fields
from catalogs.ingest.overrides import InvalidOverride, apply_overrides
from catalogs.ingest.row_rejects import BatchRejects, Reject
from catalogs.ingest.row_selection import FillDown, cells_of_several, product_rows, split_skus
from catalogs.ingest.row_warnings import RowWarnings
from catalogs.ingest.values.damaged_values import warn_of_damaged_skus, warn_of_lost_digits
from catalogs.ingest.values.text_cleaning import clean_text
from catalogs.recipe.schema import Recipe

_TWINS = "SKUs that differ from another one by upper and lower case only; they are kept apart"

_GIVEN_BEFORE = (
    "SKUs were given by an earlier row; where a product has a row for each store view or language, keep one of them"
    " with `only: {column: [value]}`"
)


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
    inherited: InheritedValues = field(default_factory=InheritedValues)
    repurposed: Collection[str] = ()
    counts: RowCounts = field(default_factory=RowCounts)
    warnings: RowWarnings = field(default_factory=RowWarnings)

    def __post_init__(self) -> None:
        self._reader = FieldReader(self.recipe, self.columns)
        self._fill_down = FillDown(self.recipe.fill_down)
        self._findings = InheritanceFindings(self.recipe.inherit)
        self._left_out = RowWarnings()
        self._first_rows: dict[str, int] = {}
        self._folded: set[int] = set()

    @property
    def needed_columns(self) -> list[str]:
        """Return the source columns to read, and no others."""
        return self._reader.needed_columns

    def warning_sentences(self) -> list[str]:
        """Return what is doubtful in the rows so far, each kind with its count and the first values."""
        return [*self.warnings.sentences(), *self._findings.sentences(), *self._filter_sentences()]

    def _filter_sentences(self) -> list[str]:
        """Return what left out every row, if `only` did."""
        if self.counts.ignored < self.counts.input or not self.counts.input:
            return []
        wanted = {name: ", ".join(map(repr, values)) for name, values in self.recipe.only.items()}
        return [
            f"`only` left out every row: compare its values with the source's. {found}; wanted {wanted[name]}"
            for name, found in self._left_out.sentences_by_reason().items()
        ]

    def validate_batch(self, numbers: pa.Array, raw: pa.RecordBatch) -> IngestedBatch:
        """Validate one batch; `numbers` are those of its rows."""
        for name in self._reader.needed_columns:
            warn_of_lost_digits(name, raw.column(name), numbers, self.warnings)
        text, rows = self._products(self._fill_down.fill(self._reader.text(raw)), numbers)
        ignored = raw.num_rows - len(rows)
        raw_fields = {name: self._reader.raw(name, text) for name in self._reader.fields}
        parents = self._parent_names(text)
        if self.recipe.split:
            several = cells_of_several(self.recipe, text, raw_fields["sku"])
            raw_fields["sku"], places = split_skus(raw_fields["sku"], self.recipe.split["sku"], several)
            others = {name: array.take(places) for name, array in raw_fields.items() if name != "sku"}
            raw_fields, rows, parents = raw_fields | others, rows.take(places), parents and parents.take(places)
        fields = {name: self._reader.clean(name, array) for name, array in raw_fields.items()}
        if parents is not None:
            fields = inherit_fields(fields, parents.to_pylist(), rows, self.inherited, self._findings)
        table, invalid = apply_overrides(pa.table({"row": rows, **fields}), self.recipe, self.warnings, self.repurposed)
        rejects = self._reject(table, raw_fields, invalid)
        table = rejects.accepted(table)
        self.counts.input += len(rows) + ignored
        self.counts.ignored += ignored
        self.counts.rejected += len(rejects.by_position)
        self.counts.accepted += table.num_rows
        return IngestedBatch(table, rejects.in_order(), ignored)

    def _products(self, text: dict[str, pa.Array], rows: pa.Array) -> tuple[dict[str, pa.Array], pa.Array]:
        """Return the rows that are products."""
        chosen = product_rows(self.recipe, text, self._parents_filters(text), rows, self._left_out)
        if chosen.all():
            return text, rows
        mask = pa.array(chosen)
        return {name: array.filter(mask) for name, array in text.items()}, rows.filter(mask)

    def _parent_names(self, text: Mapping[str, pa.Array]) -> pa.Array | None:
        rule = self.recipe.inherit
        return clean_text(first_filled(rule.by, text)) if rule else None

    def _parents_filters(self, text: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """Return what the rows' parents have in the columns of `only`."""
        if not self.recipe.only or self.recipe.inherit is None:
            return {}
        names = clean_text(first_filled(self.recipe.inherit.by, text)).to_pylist()
        return self.inherited.filter_values(names, [name for name in self.recipe.only if name in text])

    def _reject(
        self, table: pa.Table, raw_fields: Mapping[str, pa.Array], invalid: Sequence[InvalidOverride]
    ) -> BatchRejects:
        """Find the wrong rows, and warn of what is doubtful in the others' SKUs."""
        rejects = BatchRejects(table)
        rejects.add_unreadable(self.recipe, raw_fields)
        for override in invalid:
            rejects.add(*override)
        for sku, row in rejects.add_duplicates(self._first_rows):
            folded = hash(sku.casefold())
            if folded in self._folded:
                self.warnings.add(_TWINS, [(sku, row)])
            self._folded.add(folded)
        self.warnings.add(_GIVEN_BEFORE, rejects.given_before())
        warn_of_damaged_skus(table["sku"], table["row"], self.warnings)
        return rejects
