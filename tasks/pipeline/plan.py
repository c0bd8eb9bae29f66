"""Read the catalogue, compare it with what is there, and write down what a run will make.

Comes in: a `Job`, the tables, the terms, and where to put the plan (a run's folder, or nowhere for a dry run). Goes
out: a `Plan`: counts, rejects, shards in the order of work, and what the terms leave out. The big parts go straight to
Parquet, row group by row group, so that a first night of 2,000,000 images is planned in bounded memory.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.errors import CatalogueError
from catalogs.ingest.row_validation import Reject, RowCounts, RowValidator, collect_inherited_values
from catalogs.planning.budget import CostModel
from catalogs.planning.current_state import LIVE_COLUMNS, OUTCOME_COLUMNS, CurrentRelease, OutcomeIndex
from catalogs.planning.plan import MAX_REPORTED_REJECTS, WAITING, Plan, PlanCounts, PlannedBatch, Shard, rows_to_table
from catalogs.planning.planner import Planner
from catalogs.planning.schedule import KEY_PREFIX_BYTES, KeyPrefixes, build_schedule, key_prefixes
from catalogs.planning.sharding import Sharder
from catalogs.policy.prompt_rules import PromptGate
from catalogs.policy.review_expiry import REVIEW_EXPIRED
from catalogs.runs.job import RefreshJob, Run
from catalogs.table_schemas import DEFERRALS, REFRESHED_DIGESTS, REJECTS, RETIRED_SLOTS, SLOTS
from infra.interfaces import ObjectStore, TableStore
from infra.sources import Source, open_source
from infra.stores.json_objects import read_json, write_json
from tasks.gates.prompt_gate import PolicyPromptGate


def make_plan(
    job: RefreshJob,
    store: ObjectStore,
    tables: TableStore,
    run_id: str | None,
    shard_size: int,
    cost_model: CostModel | None = None,
    prompt_gate: PromptGate | None = None,
) -> Plan:
    """Plan `job`, by default without limits; with a `run_id`, write the plan into that run's folder, `plan.json` last.

    `gate` judges the prompts; by default it is the policy's, without a text classifier.

    Raises `CatalogueError` where the source as a whole cannot be used, `infra.errors.UnreadableSource` where it
    cannot be read.
    """
    source = open_source(job.source)
    version = tables.version(layout.manifest_table(job.catalogue))
    live = CurrentRelease(_read_batches(tables, layout.manifest_table(job.catalogue), LIVE_COLUMNS, version))
    refused = OutcomeIndex(_read_batches(tables, layout.outcomes_table(job.catalogue), OUTCOME_COLUMNS, None))
    prompt_gate = prompt_gate or PolicyPromptGate(job.policy, job.recipe.languages)
    planner = Planner(job.recipe, live, refused, job.policy.digest, prompt_gate, job.backfill)
    with ExitStack() as stack:
        writer = _PlanWriter(store, run_id, stack)
        plan = _plan_source(job, source, planner, writer, Sharder(shard_size, cost_model=cost_model or CostModel()))
        plan.base_version, plan.live = version, len(live)
        _expire_reviews(plan, refused, job.policy.review_days)
        _retire_slots(job, tables, planner, writer, plan, version)
    if run_id is not None:
        write_json(store, layout.RunFiles(run_id).plan, plan.document())
    return plan


def load_plan(store: ObjectStore, run_id: str) -> Plan | None:
    """Return the plan in a run's folder, or None where the run was killed before it was whole."""
    if not store.exists(layout.RunFiles(run_id).plan):
        return None
    document = read_json(store, layout.RunFiles(run_id).plan)
    document["rows"] = RowCounts(**document["rows"])
    document["slots"] = PlanCounts(**document["slots"])
    document["shards"] = [Shard(**shard) for shard in document["shards"]]
    document["rejects"] = [Reject(**reject) for reject in document["rejects"]]
    return Plan(**document)


def is_plan_current(store: ObjectStore, tables: TableStore, run: Run) -> bool:
    """Tell whether a run's plan is whole, and was made against the release that is live still.

    Parts of a plan that was never whole would be taken for parts of the next one, and rows planned against an older
    picture end as superseded. A new run costs a plan, and finds all that was staged.
    """
    plan = load_plan(store, run.run_id)
    live = tables.version(layout.manifest_table(run.catalogue))
    return plan is not None and (plan.base_version or 0) == (live or 0)  # 0: a table that was made, and nothing in it


def _plan_source(job: RefreshJob, source: Source, planner: Planner, writer: "_PlanWriter", sharder: Sharder) -> Plan:
    ingest = RowValidator(job.recipe, source.columns)
    if job.recipe.inherit is not None:
        passes = (batch for _, batch in source.batches(ingest.needed_columns))
        ingest.inherited = collect_inherited_values(job.recipe, source.columns, passes)
    plan = Plan(base_version=None, live=0, rows=ingest.counts, slots=planner.counts)
    kept_skus: set[str] = set()
    unreadable = 0
    urgency = _SchedulingInputs()
    for first_row, raw in source.batches(ingest.needed_columns):
        ingested = ingest.validate_batch(first_row, raw)
        planned = planner.plan_batch(ingested.table)
        late = len(planned.rejects)  # rows whose template failed: accepted a moment ago, rejected now
        ingest.counts.accepted -= late
        ingest.counts.rejected += late
        rejects = sorted([*ingested.rejects, *planned.rejects], key=lambda reject: reject.row)
        for reject in rejects:
            if reject.sku is None:
                unreadable += 1
            elif reject.column != "sku":
                kept_skus.add(reject.sku)
        plan.rejects += rejects[: MAX_REPORTED_REJECTS - len(plan.rejects)]
        urgency.add_batch(planned)
        _write_batch(planned, rejects, writer, sharder, plan)
    for part, table in sharder.flush():
        writer.write_request_group(part, table)
    if ingest.counts.input == 0:
        raise CatalogueError(f"The catalogue {job.source!r} has no rows; nothing was planned and nothing is retired")
    _apply_schedule(plan, sharder, urgency, writer)
    plan.warnings += [f"{count} × {reason}" for reason, count in ingest.warnings.items()]
    if unreadable:
        plan.warnings.append(f"{unreadable} rejected rows have no readable SKU: nothing is retired in this run")
    writer.protected_skus = None if unreadable else kept_skus
    return plan


def _write_batch(
    planned: PlannedBatch, rejects: list[Reject], writer: "_PlanWriter", sharder: Sharder, plan: Plan
) -> None:
    if planned.slots:
        writer.write_table(writer.files.slots, rows_to_table(planned.slots, SLOTS))
    if rejects:
        writer.write_table(writer.files.rejects, rows_to_table(rejects, REJECTS))
    if planned.refreshed:
        columns = [list(column) for column in zip(*planned.refreshed, strict=True)]
        writer.write_table(writer.files.refreshed, pa.table(columns, schema=REFRESHED_DIGESTS))
        plan.refreshed += len(planned.refreshed)
    for reason, count in planned.prompt_gate_reasons.items():
        plan.reasons[reason] = plan.reasons.get(reason, 0) + count
    for request in planned.requests:
        for part, table in sharder.add(request):
            writer.write_request_group(part, table)


def _apply_schedule(
    plan: Plan, sharder: Sharder, scheduling_inputs: "_SchedulingInputs", writer: "_PlanWriter"
) -> None:
    """Draw up the agenda: the most urgent first, and what the terms leave out for another night."""
    agenda = build_schedule(
        sharder.shards,
        sharder.summaries,
        scheduling_inputs.priority_raises,
        sharder.cost_model.budget,
        datetime.now(UTC),
    )
    plan.shards, plan.gpu_seconds = agenda.shards, agenda.gpu_seconds
    plan.images = sum(shard.requests for shard in plan.shards)
    if agenda.overdue:
        plan.warnings.append(f"{agenda.overdue} images are late already: their deadline has passed, so they come first")
    if agenda.deferral_codes:
        plan.deferred = agenda.count_deferred(np.concatenate(scheduling_inputs.slot_key_prefixes))
        columns = [list(agenda.deferral_codes), list(agenda.deferral_codes.values())]
        writer.write_table(writer.files.deferrals, pa.table(columns, schema=DEFERRALS))


def _retire_slots(
    job: RefreshJob, tables: TableStore, planner: Planner, writer: "_PlanWriter", plan: Plan, version: int | None
) -> None:
    """Retire what a full run no longer asks for, unless a rejected row might be its SKU."""
    live = planner.live
    if job.scope != "full" or version is None or writer.protected_skus is None or live.requested.all():
        return
    kept = pa.array(sorted(writer.protected_skus), pa.string())
    for batch in tables.batches(layout.manifest_table(job.catalogue), ("slot_id", "sku", "file_sha"), version=version):
        table = pa.Table.from_batches([batch]).filter(pa.array(live.unrequested_mask(batch.column("slot_id"))))
        table = table.filter(pc.invert(pc.is_in(table["sku"], kept)))
        if table.num_rows:
            writer.write_table(
                writer.files.retired, table.rename_columns(["slot_id", "sku", "live_file_sha"]).cast(RETIRED_SLOTS)
            )
            plan.retired += table.num_rows


def _expire_reviews(plan: Plan, outcomes: OutcomeIndex, review_days: int) -> None:
    plan.expired = outcomes.count_waiting_since(datetime.now(UTC) - timedelta(days=review_days))
    if plan.expired:
        plan.reasons[REVIEW_EXPIRED] = plan.expired
        plan.warnings.append(
            f"{plan.expired} × no answer from a person in {review_days} days: blocked, {REVIEW_EXPIRED}"
        )


def _read_batches(
    tables: TableStore, table: str, columns: tuple[str, ...], version: int | None
) -> Iterator[pa.RecordBatch]:
    if version is None and tables.version(table) is None:
        return
    yield from tables.batches(table, columns, version=version)


class _SchedulingInputs:
    """What the batches say that can only be weighed when all are read."""

    def __init__(self) -> None:
        self.priority_raises: dict[bytes, tuple[int, int]] = {}  # mark of a request -> (rank, deadline)
        self.slot_key_prefixes: list[
            KeyPrefixes
        ] = []  # marks of the requests of all slots that count as new or changed

    def add_batch(self, planned: PlannedBatch) -> None:
        """Take in one batch."""
        for key, *urgency in planned.priority_raises:
            known = self.priority_raises.get(key[:KEY_PREFIX_BYTES], urgency)
            self.priority_raises[key[:KEY_PREFIX_BYTES]] = (min(known[0], urgency[0]), min(known[1], urgency[1]))
        self.slot_key_prefixes.append(
            key_prefixes([slot.request_key for slot in planned.slots if slot.kind != WAITING])
        )


class _PlanWriter:
    """A run's Parquet files, each opened when its first rows come; nothing at all in a dry run."""

    def __init__(self, store: ObjectStore, run_id: str | None, stack: ExitStack) -> None:
        self._store, self._run_id, self._stack = store, run_id, stack
        self.files = layout.RunFiles(run_id or "")
        self._open_writers: dict[str, tuple[pq.ParquetWriter, ExitStack]] = {}
        self._open_parts: dict[str, str] = {}  # priority -> the part that is being filled
        self.protected_skus: set[str] | None = set()

    def write_table(self, key: str, table: pa.Table) -> None:
        if self._run_id is not None:
            self._open_writer(key, table.schema).write_table(table)

    def write_request_group(self, part: str, table: pa.Table) -> None:
        """Write one shard as one row group. Parts of one priority come in order, so a new one ends the one before."""
        if self._run_id is None:
            return
        key, priority = self.files.requests(part), part.partition("-")[0]
        if self._open_parts.get(priority, key) != key:
            _, files = self._open_writers.pop(self._open_parts[priority])
            files.close()
        self._open_parts[priority] = key
        # Row groups this small are made in a third of the time without dictionaries and zstd's set-up, and grow by 9 %.
        writer = self._open_writer(key, table.schema, compression="lz4", use_dictionary=False)
        writer.write_table(table, row_group_size=max(table.num_rows, 1))

    def _open_writer(
        self, key: str, schema: pa.Schema, *, compression: str = "zstd", use_dictionary: bool = True
    ) -> pq.ParquetWriter:
        if key not in self._open_writers:
            files = self._stack.enter_context(ExitStack())
            output: IO[bytes] = files.enter_context(self._store.open_output(key))
            writer = pq.ParquetWriter(
                output, schema, compression=compression, use_dictionary=use_dictionary, write_statistics=False
            )
            self._open_writers[key] = (files.enter_context(writer), files)
        return self._open_writers[key][0]
