"""Recorded slots: what the runs that judged some slots have kept of them, so that they can be decided again.

Inputs: outcomes, by the runs that wrote them. Outputs: their rows of SLOTS, REQUESTS and RECORDS, as the folders of
those runs hold them, and each run's recipe. A sweep keeps these files for as long as an outcome names their run. A
policy that withdrew an image measured nothing itself: its list of withdrawals names the run that did, whose folder is
read instead.

Each run's folder is read once, and of it only the rows that are asked for stay in memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.recipe.schema import Recipe
from catalogs.runs.attempts import RequestFinishKey
from catalogs.table_rows import OutcomeRow
from catalogs.table_schemas import RECORDS, REPLACED_SLOTS, REQUESTS, SLOTS, WITHDRAWALS
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups, read_table
from infra.stores.stored_documents import reading

Row = dict[str, Any]


@dataclass(frozen=True)
class RecordedRun:
    """The rows that one run has kept of the slots asked for."""

    run_id: str
    recipe: Recipe
    slots: Mapping[bytes, Row]
    """Slot id -> its row of SLOTS."""
    requests: Mapping[RequestFinishKey, Row]
    records: Mapping[RequestFinishKey, Sequence[Row]]
    """Request and finish -> the rows of its attempts, lowest first."""
    replaced: Sequence[Row]
    """Rows of REPLACED_SLOTS of these slots."""


@dataclass
class RecordedSlots:
    """The runs that judged some slots, by slot id."""

    runs: Mapping[bytes, RecordedRun] = field(default_factory=dict)

    def run_of(self, outcome: OutcomeRow) -> RecordedRun | None:
        """Return the run that has kept slot, request and records of an outcome; None where they are gone."""
        run, key = self.runs.get(outcome["slot_id"]), (outcome["request_key"], outcome["finish_digest"])
        if run is None or outcome["slot_id"] not in run.slots or key not in run.requests or key not in run.records:
            return None
        slot = run.slots[outcome["slot_id"]]
        return run if (slot["request_key"], slot["finish_digest"]) == key else None


def read_recorded_slots(store: ObjectStore, outcomes: Iterable[OutcomeRow]) -> RecordedSlots:
    """Read what is kept of these outcomes' slots: each run's folder once, several side by side on a network store."""
    by_run: dict[str, list[OutcomeRow]] = defaultdict(list)
    for outcome in outcomes:
        by_run[outcome["run_id"]].append(outcome)
    measured: dict[str, list[OutcomeRow]] = defaultdict(list)
    for run_id, rows in by_run.items():
        measuring = _find_measuring_runs(store, run_id)
        for row in rows:
            measured[measuring.get(row["slot_id"], run_id)].append(row)
    runs: dict[bytes, RecordedRun] = {}
    read = concurrent_map(store, lambda item: _read_run(store, *item), sorted(measured.items()))
    for run, rows in zip(read, (rows for _, rows in sorted(measured.items())), strict=True):
        if run is not None:
            runs |= {row["slot_id"]: run for row in rows}
    return RecordedSlots(runs)


def _find_measuring_runs(store: ObjectStore, run_id: str) -> Mapping[bytes, str]:
    """Return slot -> the run that measured its image, where this run only withdrew it."""
    rows = read_table(store, layout.RunFiles(run_id).withdrawals, WITHDRAWALS)
    return dict(zip(rows["slot_id"].to_pylist(), rows["run_id"].to_pylist(), strict=True))


def _read_run(store: ObjectStore, run_id: str, outcomes: Sequence[OutcomeRow]) -> RecordedRun | None:
    """Return what a run has kept of these slots; None where its folder has gone."""
    files = layout.RunFiles(run_id)
    try:
        with reading(files.recipe, "a recipe"):
            recipe = Recipe.model_validate(read_json(store, files.recipe))
    except ObjectMissing:
        return None
    slot_ids = {outcome["slot_id"] for outcome in outcomes}
    keys = {outcome["request_key"] for outcome in outcomes}
    slots = {row["slot_id"]: row for row in _select(store, files.slots, SLOTS, "slot_id", slot_ids)}
    records: dict[RequestFinishKey, list[Row]] = defaultdict(list)
    for row in _select(store, files.records_prefix, RECORDS, "request_key", keys):
        records[row["request_key"], row["finish_digest"]].append(row)
    requests: dict[RequestFinishKey, Row] = {}
    for row in _select(store, files.requests_prefix, REQUESTS, "request_key", keys):
        if row["verdict"] == "PASS":  # a request that was refused for its first slots alone has a second row
            requests[row["request_key"], row["finish_digest"]] = row
    in_order = {key: sorted(rows, key=lambda row: row["attempt"]) for key, rows in records.items()}
    replaced = list(_select(store, files.replaced, REPLACED_SLOTS, "slot_id", slot_ids))
    return RecordedRun(run_id, recipe, slots, requests, in_order, replaced)


def _select(store: ObjectStore, prefix: str, schema: pa.Schema, column: str, values: set[bytes]) -> Iterable[Row]:
    """Yield the rows of all tables under a prefix whose column is among the values; older ones lack some columns."""
    chosen = pa.array(sorted(values), pa.binary())
    for rows in read_row_groups(store, prefix):
        selected = rows.filter(pc.is_in(rows[column], chosen))
        names = [name for name in schema.names if name in selected.column_names]
        missing = dict.fromkeys(name for name in schema.names if name not in names)
        yield from (row | missing for row in selected.select(names).to_pylist())
