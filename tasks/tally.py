"""Add up what a run made, from its records: also what an earlier, killed process of the same run made.

Comes in: a run's folder and its batch. Goes out: image counts, reasons over slots, the SKUs that a person should know
of, and prompts by request key for the contact sheet.
"""

from collections import Counter
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.batch import Batch
from catalogs.report import Images
from infra.interfaces import ObjectStore, TableStore
from infra.parquet import read_records


def tally(store: ObjectStore, run_id: str, batch: Batch) -> tuple[Images, dict[str, int]]:
    """Return the run's image counts, and how many slots each reason stands against."""
    images = Images()
    for record in read_records(store, layout.run_records(run_id)):
        made = Counter(record["made"].to_pylist())
        images.generated += made["generated"]
        images.reused += made["reused"]
        images.failed += made["failed"]
        images.attempts += record.num_rows
        images.gpu_seconds += float(pc.sum(record["engine_seconds"]).as_py() or 0.0)
    pairs = pa.table({"key": batch.decisions["request_key"], "finish": batch.decisions["finish_digest"]})
    images.shared = batch.decisions.num_rows - pairs.group_by(["key", "finish"]).aggregate([]).num_rows
    reasons: Counter[str] = Counter()
    for found in batch.decisions["reasons"].to_pylist():
        reasons.update(found or ())
    return images, dict(reasons)


def standing(tables: TableStore, batch: Batch) -> dict[str, list[str]]:
    """Return the SKUs that show an old picture beside a new one, and those with nothing live, after the batch."""
    columns = (batch.decisions[name].to_pylist() for name in ("sku", "state", "live_file_sha"))
    published: set[str] = set()
    kept: set[str] = set()
    without: set[str] = set()
    for sku, state, live in zip(*columns, strict=True):
        (published if state == "publish" else without if live is None else kept).add(sku)
    bare = without - published - kept
    table = layout.manifest(batch.catalogue)
    if bare and tables.version(table) is not None:
        wanted = pa.array(sorted(bare), pa.string())
        for rows in tables.batches(table, ("sku",)):
            bare -= set(rows.column("sku").filter(pc.is_in(rows.column("sku"), wanted)).to_pylist())
    return {"old_beside_new": sorted(kept & published), "nothing_live": sorted(bare)}


def prompts_of(store: ObjectStore, run_id: str, wanted: Iterable[bytes]) -> dict[bytes, str]:
    """Return the prompts of some requests of a run."""
    keys = pa.array(sorted(set(wanted)), pa.binary())
    found: dict[bytes, str] = {}
    for table in read_records(store, layout.run_file(run_id, "requests/")):
        rows = table.select(["request_key", "prompt"]).filter(pc.is_in(table["request_key"], keys))
        found.update(zip(rows["request_key"].to_pylist(), rows["prompt"].to_pylist(), strict=True))
    return found
