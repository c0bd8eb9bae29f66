"""Slots that other runs are making: planned by a run that lives, and therefore left out of this plan.

Inputs: the slots of those plans, batch by batch. Outputs: whether a slot with its request and finish is among them.
Without it two runs that overlap paint the same images twice, and all of one of them end as superseded. A slot whose
row has changed since is not among them: its request has another key. Kept in arrays, at 45 bytes a slot, since the
other run may be a nightly one of millions.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from catalogs.indexes.dictionary_encoder import DictionaryEncoder
from catalogs.indexes.digest_index import DigestIndex, column_halves, split_halves
from catalogs.planning.plan import Slot

ELSEWHERE_COLUMNS = ("slot_id", "request_key", "finish_digest")
_KEY_BYTES = 16


class PlannedElsewhere:
    """An index of the slots that other runs make."""

    def __init__(self, batches: Iterable[pa.RecordBatch | pa.Table] = ()) -> None:
        """Take batches of `ELSEWHERE_COLUMNS`."""
        empty = np.empty(0, np.uint64)
        slots, keys, finishes = [(empty, empty)], [(empty, empty)], [np.empty(0, np.int32)]
        self._finishes = DictionaryEncoder()
        for batch in batches:
            for part in batch.to_batches() if isinstance(batch, pa.Table) else [batch]:
                slots.append(column_halves(part.column("slot_id")))
                keys.append(column_halves(part.column("request_key")))
                finishes.append(self._finishes.encode(part.column("finish_digest")))
        self._slots = DigestIndex(*(np.concatenate(halves) for halves in zip(*slots, strict=True)))
        self._key_high, self._key_low = (np.concatenate(halves) for halves in zip(*keys, strict=True))
        self._finish_codes = np.concatenate(finishes)

    def __len__(self) -> int:
        return len(self._slots)

    def has(self, slot: Slot) -> bool:
        """Tell whether another run makes this slot's very request and finish."""
        if not len(self):
            return False
        (slot_high,), (slot_low,) = split_halves(slot.slot_id[:_KEY_BYTES])
        (key_high,), (key_low,) = split_halves(slot.request_key[:_KEY_BYTES])
        return any(
            self._key_high[row] == key_high
            and self._key_low[row] == key_low
            and self._finishes.names[int(self._finish_codes[row])] == slot.finish_digest
            for row in self._slots.find_all(int(slot_high), int(slot_low))
        )
