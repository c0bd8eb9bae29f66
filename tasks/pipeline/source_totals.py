"""Source totals: what of a plan can only be used when every batch of its source has been read.

Inputs: each batch's plan and rejects. Outputs: urgencies that later rows raised, the keys of the slots to decide, the
SKUs of rejected rows, and how many of these have none.
"""

from dataclasses import dataclass, field

from catalogs.ingest.row_rejects import Reject
from catalogs.planning.plan import WAITING, PlannedBatch, Urgency
from catalogs.planning.schedule import KEY_PREFIX_BYTES, KeyPrefixes, key_prefixes
from catalogs.planning.slot_renames import SlotRenames


@dataclass
class SourceTotals:
    """What can only be used when every batch of the source has been read."""

    priority_raises: dict[bytes, Urgency] = field(default_factory=dict)
    """Prefix of a request key -> the most urgent of the slots that share the request."""
    slot_key_prefixes: list[KeyPrefixes] = field(default_factory=list)
    """Prefixes of the request keys of all slots that count as new or changed."""
    renames: SlotRenames = field(default_factory=SlotRenames)
    rejected_skus: set[str] = field(default_factory=set)
    """SKUs of rejected rows. Their live slots are not retired: the row may be about to be mended."""
    unidentified_rejects: int = 0
    """Rejected rows without a readable SKU. Any live slot may be theirs, so nothing is retired."""

    def add_batch(self, planned: PlannedBatch, rejects: list[Reject]) -> None:
        """Add one batch."""
        for key, urgency in planned.priority_raises:
            prefix = key[:KEY_PREFIX_BYTES]
            self.priority_raises[prefix] = urgency.combine(self.priority_raises.get(prefix, urgency))
        self.renames.add(planned.renamed)
        request_keys = [slot.request_key for slot in planned.slots if slot.kind != WAITING]
        self.slot_key_prefixes.append(key_prefixes(request_keys))
        for reject in rejects:
            if reject.sku is None:
                self.unidentified_rejects += 1
            elif reject.column != "sku":
                self.rejected_skus.add(reject.sku)
