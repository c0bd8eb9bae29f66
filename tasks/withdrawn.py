"""What people took back by the time of a commit: pictures that no run may publish again by itself.

Comes in: a decided batch, and the manifest version that its commit builds on. Goes out: the pictures among the batch's
slots that a rollback has withdrawn by then. The manifest alone cannot say so: a slot that got a picture and lost it by
a rollback looks as empty as when the batch was planned. A rollback commits first its manifest rows and then its
outcomes; in between, its own commit says what it took away.
"""

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.batch import NOTHING, Batch, Picture, picture_of
from catalogs.reversal import PICTURE, WITHDRAWN
from infra.interfaces import ObjectStore, TableStore

_TAKEN = ("delete", "update_preimage")
_SHOWN = ("insert", "update_postimage")


def withdrawn_pictures(store: ObjectStore, tables: TableStore, batch: Batch, base: int) -> frozenset[Picture]:
    """Return the withdrawn pictures in the batch's slots, as of the manifest's version `base`.

    What was withdrawn after that does not count: a run that is closed after its commit must find the same sums.
    """
    if not batch.decisions.num_rows:
        return NOTHING
    # Open ones first: one that closes after this look has put its outcomes into the table that is read next.
    opened = [info.key for info in store.list(layout.open_amendments(batch.catalogue))]
    outcomes = _outcomes(tables, batch)
    if not opened and not outcomes.num_rows:
        return NOTHING
    history = tables.history(layout.manifest(batch.catalogue))
    versions = {commit.metadata["token"]: commit.version for commit in history if "token" in commit.metadata}
    found = {picture_of(row) for row in outcomes.to_pylist() if versions.get(row["run_id"], base) <= base}
    for key in opened:
        version = versions.get(key.rsplit("/", 1)[1].removesuffix(".json"))
        if version is not None and version <= base:
            found |= _taken(tables, batch, version)
    return frozenset(found)


def _outcomes(tables: TableStore, batch: Batch) -> pa.Table:
    table, names = layout.outcomes(batch.catalogue), [*PICTURE, "state", "run_id"]
    if tables.version(table) is None:
        return pa.table({name: [] for name in names})
    batches = tables.batches(table, names)
    kept = [rows.filter(pc.and_(pc.equal(rows.column("state"), WITHDRAWN), _in(rows, batch))) for rows in batches]
    return pa.Table.from_batches(kept) if kept else pa.table({name: [] for name in names})


def _taken(tables: TableStore, batch: Batch, version: int) -> set[Picture]:
    """Return what one rollback's commit took away in the batch's slots, and did not put back in another file."""
    feed = tables.changes(layout.manifest(batch.catalogue), version).select([*PICTURE, "_change_type"])
    feed = feed.filter(_in(feed, batch))
    kinds: list[set[Picture]] = []
    for names in (_TAKEN, _SHOWN):
        rows = feed.filter(pc.is_in(feed["_change_type"], pa.array(names)))
        kinds.append({picture_of(row) for row in rows.to_pylist()})
    taken, shown = kinds
    return taken - shown


def _in(rows: pa.Table | pa.RecordBatch, batch: Batch) -> pa.Array:
    return pc.is_in(rows.column("slot_id"), batch.decisions["slot_id"].combine_chunks())
