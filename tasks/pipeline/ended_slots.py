"""Ended slots: slots with outcomes that the catalogue no longer asks for, so that their outcomes may be dropped.

Inputs: a full run's outcomes and live rows after every row of the source was planned. Outputs: a table of the schema
ENDED_SLOTS, in batches. Without this, the outcomes would grow with every SKU that was ever refused.

The rules are those of retiring: only a full run over a source read to its end ends a slot, a rejected row keeps the
slots of its SKU, and a rejected row without a readable SKU keeps all of them.
"""

from collections.abc import Collection
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.planning.current_state import CurrentRelease, OutcomeIndex
from catalogs.table_schemas import ENDED_SLOTS
from infra.interfaces import TableStore


def find_ended_slots(
    tables: TableStore,
    catalogue: str,
    outcomes: OutcomeIndex,
    live: CurrentRelease,
    rejected_skus: Collection[str],
    now: datetime,
) -> pa.Table:
    """Return the slots whose outcomes end, as of the plan's time `now`."""
    ended = pa.array(outcomes.unrequested_slots(live), pa.binary())
    if len(ended) and rejected_skus:
        ended = ended.filter(pc.invert(pc.is_in(ended, _slots_of_skus(tables, catalogue, rejected_skus))))
    return pa.table([ended, pa.array([now] * len(ended), ENDED_SLOTS.field("planned_at").type)], schema=ENDED_SLOTS)


def _slots_of_skus(tables: TableStore, catalogue: str, skus: Collection[str]) -> pa.Array:
    names, kept = pa.array(sorted(skus), pa.string()), [pa.array([], pa.binary())]
    for batch in tables.batches(layout.outcomes_table(catalogue), ("slot_id", "sku")):
        kept.append(batch.column("slot_id").filter(pc.is_in(batch.column("sku"), names)))
    return pa.concat_arrays(kept)
