"""Inherited fields: the fields of a batch filled from the parents of its rows, and what is odd about those parents.

Inputs: clean fields, the names of the rows' parents, `InheritedValues`. Outputs: the fields, and warnings: a rule that
fills nothing, or rows that name parents which are not there, make prompts poorer without a word.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.inheritance import InheritedValues
from catalogs.ingest.row_warnings import RowWarnings
from catalogs.recipe.row_settings import InheritRule, alternatives

_REMEMBERED_PARENTS = 10_000


class InheritanceFindings:
    """Counts what a rule fills, and the rows whose parents are not there."""

    def __init__(self, rule: InheritRule | None) -> None:
        self.rule = rule
        self._warnings = RowWarnings()
        self._filled = 0
        self._wanting: set[str] = set()
        self._siblings_want = False

    def add_orphans(self, names_and_rows: Sequence[tuple[str, int]]) -> None:
        """Count rows that lack a field and name a parent that the source does not have."""
        if names_and_rows and self.rule is not None:
            columns = " or ".join(map(repr, self.rule.parent))
            self._warnings.add(f"{self._by} names a row that is not there (by {columns})", names_and_rows)

    def add_filled(self, count: int) -> None:
        """Count fields that were filled."""
        self._filled += count

    def add_wanting(self, names: Sequence[str]) -> None:
        """Note rows with a parent that still lack a field: two of one parent, of which none has anything, are odd."""
        if self._filled or self._siblings_want:
            return
        for name in names:
            self._siblings_want |= name in self._wanting
            if len(self._wanting) < _REMEMBERED_PARENTS:
                self._wanting.add(name)

    def sentences(self) -> list[str]:
        """Return the warnings."""
        sentences = self._warnings.sentences()
        if self.rule is not None and not self._filled and (self._siblings_want or sentences):
            sentences.append(
                f"`inherit` filled nothing: rows with the same value in {self._by} lack the same fields. Where that"
                " column names another row, say by which column of that row: `from: SKU`"
                if not self.rule.parent
                else "`inherit` filled nothing: no row's parent has what the row lacks"
            )
        return sentences

    @property
    def _by(self) -> str:
        return "/".join(map(repr, alternatives(self.rule.by))) if self.rule else ""


def inherit_fields(
    fields: dict[str, pa.Array],
    names: Sequence[str],
    rows: pa.Array,
    inherited: InheritedValues,
    findings: InheritanceFindings,
) -> dict[str, pa.Array]:
    """Return the fields with the empty ones filled from the parents that rows name."""
    rule = findings.rule
    if rule is None or not names:
        return fields
    parents = {name: inherited.parent_of(name) for name in set(names)}
    has_name, wanting = np.array([bool(name) for name in names]), np.zeros(len(names), bool)
    filled_fields = dict(fields)
    for field in rule.fields:
        if field not in fields:
            continue
        empty = np.asarray(pc.equal(fields[field], "")) & has_name
        if not empty.any():
            continue
        texts = fields[field].to_pylist()
        for position in np.flatnonzero(empty).tolist():
            texts[position] = inherited.value(field, parents[names[position]])
        filled_fields[field] = pa.array(texts, pa.string())
        still_empty = empty & np.asarray(pc.equal(filled_fields[field], ""))
        findings.add_filled(int(np.count_nonzero(empty) - np.count_nonzero(still_empty)))
        if field in inherited.filled_fields:
            wanting |= still_empty
    lacking = np.flatnonzero(wanting).tolist()
    findings.add_wanting([names[position] for position in lacking if parents[names[position]] is not None])
    orphans = [position for position in lacking if parents[names[position]] is None]
    findings.add_orphans([(names[position], rows[position].as_py()) for position in orphans])
    return filled_fields
