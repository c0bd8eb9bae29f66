"""Retired slots: live slots that a full run no longer asks for.

Inputs: a job, the live release with what the catalogue asked for, the totals of its source. Outputs: rows of
RETIRED_SLOTS, and their count in the plan. A slot of an SKU whose row was rejected stays: the row may be mended.
"""

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.plan import Plan
from catalogs.runs.job import RefreshJob
from catalogs.table_schemas import RETIRED_SLOTS
from infra.interfaces import TableStore
from tasks.pipeline.source_totals import SourceTotals
from tasks.runs.plan_writer import PlanWriter


def retire_slots(
    job: RefreshJob, tables: TableStore, live: CurrentRelease, writer: PlanWriter, plan: Plan, totals: SourceTotals
) -> None:
    """Retire live slots that a full run no longer asks for, unless a rejected row may be about their SKU."""
    version = plan.base_version
    if job.scope != "full" or version is None or totals.unidentified_rejects or live.requested.all():
        return
    old_names = {live.exponent_names[sku] for sku in totals.rejected_skus & live.exponent_names.keys()}
    rejected = pa.array(sorted(totals.rejected_skus | old_names), pa.string())
    for batch in tables.batches(layout.manifest_table(job.catalogue), ("slot_id", "sku", "file_sha"), version=version):
        rows = pa.Table.from_batches([batch]).filter(pa.array(live.unrequested_mask(batch.column("slot_id"))))
        rows = rows.filter(pc.invert(pc.is_in(rows["sku"], rejected)))
        if rows.num_rows:
            retired = rows.rename_columns(["slot_id", "sku", "live_file_sha"]).cast(RETIRED_SLOTS)
            writer.write_table(writer.files.retired, retired)
            plan.retired += rows.num_rows
