"""What only a whole source tells: who may retire, and what later rows made more urgent."""

from catalogs.ingest.row_rejects import Reject
from catalogs.planning.plan import PlannedBatch, Urgency
from tasks.pipeline.source_totals import SourceTotals


def test_a_rejected_row_protects_its_sku_and_one_without_a_sku_protects_all() -> None:
    totals = SourceTotals()
    rejects = [Reject(1, "A", "title", "title is missing"), Reject(2, "B", "sku", "the SKU 'B' was given before")]
    totals.add_batch(PlannedBatch(), rejects)
    assert (totals.rejected_skus, totals.unidentified_rejects) == ({"A"}, 0)
    totals.add_batch(PlannedBatch(), [Reject(3, None, "sku", "sku is missing")])
    assert (totals.rejected_skus, totals.unidentified_rejects) == ({"A"}, 1)


def test_the_most_urgent_of_all_batches_counts() -> None:
    totals, key = SourceTotals(), bytes(range(32))
    for urgency in (Urgency(1, 50, 1), Urgency(2, 10, 0)):
        totals.add_batch(PlannedBatch(priority_raises=[(key, urgency)]), [])
    assert list(totals.priority_raises.values()) == [Urgency(1, 10, 0)]
