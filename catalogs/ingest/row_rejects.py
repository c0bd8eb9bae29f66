"""Row rejects: which rows of a batch cannot become pictures, and why.

Inputs: a batch's clean fields. Outputs: a `Reject` for each wrong row: its number in the source, the column, a reason
that names the value. A row has one reject, for its first fault; SKUs are looked at first, since a row whose SKU cannot
be read may be any product's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

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


class BatchRejects:
    """The rejects of one batch, by the positions of their rows. `table` holds `row` and the clean fields."""

    def __init__(self, table: pa.Table) -> None:
        self.by_position: dict[int, Reject] = {}
        self._table = table
        self._rows = table["row"].to_pylist()
        self._skus = table["sku"].to_pylist()

    def add(self, position: int, column: str, reason: str) -> None:
        """Reject a row, unless it is rejected already."""
        sku = self._skus[position]
        readable = sku if sku and len(sku) <= MAX_SKU_CHARACTERS and column != "sku" else None
        self.by_position.setdefault(position, Reject(self._rows[position], readable, column, reason))

    def add_unreadable(self, recipe: Recipe, raw: Mapping[str, pa.Array]) -> None:
        """Reject rows by what their fields hold; `raw` holds the fields' text as the source has it."""
        table, raw_sku = self._table, pc.fill_null(raw["sku"], "")
        for position in _true_positions(pc.match_substring_regex(raw_sku, _INVISIBLE)):
            self.add(position, "sku", f"the SKU {raw_sku[position].as_py()[:60]!r} holds invisible control characters")
        for position in _true_positions(pc.greater(pc.utf8_length(table["sku"]), MAX_SKU_CHARACTERS)):
            self.add(position, "sku", f"the SKU is longer than {MAX_SKU_CHARACTERS} characters")
        for name in dict.fromkeys(("sku", *recipe.required)):
            if name in table.column_names:
                for position in _true_positions(pc.equal(table[name], "")):
                    self.add(position, name, _missing(name, raw[name][position].as_py()))
        for name in table.column_names[1:]:
            for position in _true_positions(pc.greater(pc.utf8_length(table[name]), MAX_FIELD_CHARACTERS)):
                length = len(table[name][position].as_py())
                limit = f"the limit is {MAX_FIELD_CHARACTERS:,}"
                self.add(position, name, f"{name} is {length:,} characters long; {limit}")

    def given_before(self) -> list[tuple[str, int]]:
        """Return the SKUs of the rows that `add_duplicates` rejected, with their rows."""
        return [(reject.sku, reject.row) for reject in self.in_order() if reject.column == "sku" and reject.sku]

    def add_duplicates(self, first_rows: dict[str, int]) -> list[tuple[str, int]]:
        """Reject rows whose SKU an earlier row gave; return the new SKUs with their rows. `first_rows` learns them.

        The first row may have been rejected for another reason; its SKU is still given twice.
        """
        unreadable = {position for position, reject in self.by_position.items() if reject.column == "sku"}
        new = []
        for position, (row, sku) in enumerate(zip(self._rows, self._skus, strict=True)):
            if not sku or position in unreadable:
                continue
            first = first_rows.setdefault(sku, row)
            if first == row:
                new.append((sku, row))
            elif position not in self.by_position:
                reason = f"the SKU {sku!r} was given before, in row {first}"
                self.by_position[position] = Reject(row, sku, "sku", reason)
        return new

    def accepted(self, table: pa.Table) -> pa.Table:
        """Return the rows of a table, of this batch's rows, that are not rejected."""
        if not self.by_position:
            return table
        keep = pc.invert(pc.is_in(pa.array(range(table.num_rows)), pa.array(self.by_position.keys(), pa.int64())))
        return table.filter(keep)

    def in_order(self) -> list[Reject]:
        """Return the rejects in the order of the rows."""
        return [self.by_position[position] for position in sorted(self.by_position)]


def _missing(name: str, raw: str | None) -> str:
    text = (raw or "").strip()
    return f"{name} is missing" + (f": {text[:40]!r} stands for no value" if text.isprintable() and text else "")


def _true_positions(mask: pa.Array | pa.ChunkedArray) -> Iterable[int]:
    if not pc.any(mask).as_py():
        return []
    return [int(position) for position in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()]
