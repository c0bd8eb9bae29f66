"""Related slots: live slots that stand for a slot of the catalogue under another id.

Inputs: the current release, and the slots of a batch's rows that share a view, a variant and an index. Outputs: the
slots that are live under a SKU that was read as an exponent (they get their name), and live images of another variant
(they go once the variant that the SKU has now is live). Neither counts as retired.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalogs.indexes.digest_index import split_halves
from catalogs.ingest.rows import BatchRows
from catalogs.keys import slot_id_of_bytes, slot_suffix
from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.plan import PlannedBatch, RenamedSlot, ReplacedSlot

LivePositions = npt.NDArray[np.int64]
"""Where slots are in the current release; -1 where they are not live."""


@dataclass(frozen=True)
class RelatedSlots:
    """Finds the related slots of some rows of a batch, and adds them to its plan. `positions` are the rows'."""

    release: CurrentRelease
    rows: BatchRows
    planned: PlannedBatch
    positions: Sequence[int]
    slot_ids: Sequence[bytes]

    def find_renamed(self, suffix: bytes, live: LivePositions) -> LivePositions:
        """Return the slots' live positions, with the row under an exponent for a slot that is live only there."""
        if not self.release.exponent_names:
            return live
        skus, live = self.rows.column("sku"), live.copy()
        for index, row in enumerate(self.positions):
            old_name = self.release.exponent_names.get(skus[row])
            if old_name is None:
                continue
            old_id = slot_id_of_bytes(old_name.encode("utf-8", "surrogatepass"), suffix)
            position = int(self.release.index.find(*split_halves([old_id]))[0])
            if position >= 0:
                self.release.renamed[position] = True
                file_sha = self.release.file_sha(position)
                self.planned.renamed.append(RenamedSlot(self.slot_ids[index], skus[row], old_id, file_sha))
                live[index] = position if live[index] < 0 else live[index]
        return live

    def find_replaced(self, view: str, variant: str, image_index: int) -> list[int]:
        """Find live images of other variants than the rows' own; return the positions of the rows that have one."""
        found: list[int] = []
        names, skus = self.rows.joined_bytes(("sku",)), self.rows.column("sku")
        for other in sorted(self.release.variants - {variant}):
            suffix = slot_suffix(view, other, image_index)
            other_ids = [slot_id_of_bytes(names[position], suffix) for position in self.positions]
            live = self.release.index.find(*split_halves(other_ids))
            for index in np.flatnonzero(live >= 0).tolist():
                row, live_position = self.positions[index], int(live[index])
                self.release.requested[live_position] = True
                file_sha = self.release.file_sha(live_position)
                self.planned.replaced.append(ReplacedSlot(self.slot_ids[index], skus[row], other_ids[index], file_sha))
                found.append(row)
        return found
