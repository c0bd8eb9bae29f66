"""Ended slots: slots with outcomes that the catalogue no longer asks for, so that their outcomes may be dropped.

Inputs: what a full run found after every row of the source was planned: slots that no row asks for, and reviews that
lapsed. Outputs: a table of the schema ENDED_SLOTS. Without this, the outcomes would grow with every SKU that was ever
refused, and people would be asked what nobody wants to know.

The rules are those of retiring: only a full run over a source read to its end ends anything, a rejected row keeps the
slots of its SKU, and a rejected row without a readable SKU keeps all slots that no row asks for. It keeps no lapsed
review: that one ends because of a row that was read.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.table_schemas import ENDED_SLOTS
from infra.interfaces import TableStore


class EndingOutcomes(NamedTuple):
    """What ends by the rows of the source: whole slots, and single reviews by slot and request key."""

    slots: Sequence[bytes]
    reviews: Sequence[tuple[bytes, bytes]] = ()


def find_ended_slots(
    tables: TableStore, catalogue: str, ending: EndingOutcomes, rejected_skus: Collection[str], now: datetime
) -> pa.Table:
    """Return what ends, as of the plan's time `now`, but for the slots of rejected rows."""
    slots = [*ending.slots, *(slot for slot, _ in ending.reviews)]
    keys = [*[None] * len(ending.slots), *(key for _, key in ending.reviews)]
    ended = pa.table([slots, [now] * len(slots), keys], schema=ENDED_SLOTS)
    if ended.num_rows and rejected_skus:
        ended = ended.filter(pc.invert(pc.is_in(ended["slot_id"], _slots_of_skus(tables, catalogue, rejected_skus))))
    return ended


def _slots_of_skus(tables: TableStore, catalogue: str, skus: Collection[str]) -> pa.Array:
    names, kept = pa.array(sorted(skus), pa.string()), [pa.array([], pa.binary())]
    for batch in tables.batches(layout.outcomes_table(catalogue), ("slot_id", "sku")):
        kept.append(batch.column("slot_id").filter(pc.is_in(batch.column("sku"), names)))
    return pa.concat_arrays(kept)
