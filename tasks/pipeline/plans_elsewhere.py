"""What other runs of a catalogue are making, so that a plan leaves it out and each image is painted once.

Inputs: the markers of open runs, their leases, and their plans. Outputs: a `PlannedElsewhere`.
Only a run that lives counts: once its lease has lapsed, the next plan takes its slots over, and finds what it staged.
What the other run's own limits deferred does not count either. It is read before the manifest: a run that is closed by
then has committed, and its images are seen there.

Of two runs that start together the one whose marker is younger, by the store's clock, waits for the other's plan; a run
that has not planned after `MAX_WAIT_SECONDS` is planned around no longer, and what both make, both paint.
"""

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.planning.planned_elsewhere import ELSEWHERE_COLUMNS, PlannedElsewhere
from catalogs.table_schemas import DEFERRALS
from infra.coordination.running_process import running_process
from infra.interfaces import ObjectStore
from infra.stores.parquet_objects import read_row_groups, read_table
from tasks.runs.run_state import has_live_lease

POLL_SECONDS = 1.0
MAX_WAIT_SECONDS = 600.0
"""A catalogue of 2,000,000 rows is planned in about two minutes."""


def read_planned_elsewhere(store: ObjectStore, catalogue: str, run_id: str | None) -> PlannedElsewhere:
    """Return the slots that other living runs have planned; with a `run_id`, after waiting for plans in progress."""
    prefix = layout.open_runs_prefix(catalogue)
    markers = sorted((info.modified, info.key) for info in store.list(prefix))
    run_ids = [key.removeprefix(prefix).removesuffix(".json") for _, key in markers]
    older = set(run_ids[: run_ids.index(run_id)]) if run_id in run_ids else set()
    waits_until = store.now() + timedelta(seconds=MAX_WAIT_SECONDS)
    living = []
    for other in run_ids:
        if other == run_id:
            continue
        while (lives := has_live_lease(store, catalogue, other)) and not _has_plan(store, other):
            if other not in older or store.now() > waits_until:
                break
            running_process().sleep(POLL_SECONDS)
        if lives and _has_plan(store, other):
            living.append(other)
    return PlannedElsewhere(table for other in living for table in _planned_slots(store, other))


def _has_plan(store: ObjectStore, run_id: str) -> bool:
    return store.exists(layout.RunFiles(run_id).plan)


def _planned_slots(store: ObjectStore, run_id: str) -> Iterator[pa.Table]:
    """Yield the slots of a run's plan, without those whose request its limits deferred."""
    deferred = _deferred_requests(store, run_id)
    for table in read_row_groups(store, layout.RunFiles(run_id).slots, list(ELSEWHERE_COLUMNS)):
        yield table.filter(pc.invert(pc.is_in(table["request_key"], deferred))) if len(deferred) else table


def _deferred_requests(store: ObjectStore, run_id: str) -> pa.Array:
    files = layout.RunFiles(run_id)
    codes = {row["shard"]: iter(row["codes"]) for row in read_table(store, files.deferrals, DEFERRALS).to_pylist()}
    keys: list[bytes] = []
    for table in read_row_groups(store, files.requests_prefix, ["request_key", "shard"]) if codes else ():
        for key, shard in zip(table["request_key"].to_pylist(), table["shard"].to_pylist(), strict=True):
            if next(codes.get(shard, iter(())), 0):
                keys.append(key)
    return pa.array(keys, pa.binary())
