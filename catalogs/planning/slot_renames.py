"""Slot renames of a plan: the slots that are live under a SKU that was read as an exponent.

Inputs: the renamed slots of each batch, then the current release when every row was read. Outputs: rows of
RENAMED_SLOTS, and the sentence that the report says about them. Kept in Arrow, at 90 bytes a slot: a shop whose every
SKU is a number renames its whole catalogue once.
"""

from dataclasses import dataclass, field

import pyarrow as pa

from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.plan import RenamedSlot
from catalogs.table_schemas import RENAMED_SLOTS

_WITHOUT_KEPT = pa.schema(list(RENAMED_SLOTS)[:-1])


@dataclass
class SlotRenames:
    """The renames that a plan has found so far."""

    _batches: list[pa.Table] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(batch.num_rows for batch in self._batches)

    def add(self, renamed: list[RenamedSlot]) -> None:
        """Add the renames of one batch."""
        if renamed:
            columns = [list(column) for column in zip(*renamed, strict=True)]
            self._batches.append(pa.table(columns, schema=_WITHOUT_KEPT))

    def table(self, live: CurrentRelease) -> pa.Table:
        """Return the rows; an old name that the catalogue has a row of its own for is kept beside the new one."""
        rows = pa.concat_tables(self._batches)
        kept = live.requested_mask(rows["live_slot_id"].combine_chunks())
        return rows.append_column(RENAMED_SLOTS.field("kept"), pa.array(kept))

    def warning(self, live: CurrentRelease) -> str:
        """Return what the report says about them."""
        sku = self._batches[0]["sku"][0].as_py()
        return (
            f"{len(self)} × live under a SKU that was read as an exponent ({live.exponent_names[sku]!r}): renamed to"
            f" what the catalogue says ({sku!r}); the image stays"
        )
