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
from catalogs.ingest.row_validation import Counts, Ingest, Reject, collect_inherited
from catalogs.planning.budget import Terms
from catalogs.planning.current_state import LIVE_COLUMNS, REFUSED_COLUMNS, Live, Refused
from catalogs.planning.plan import FIRST_REJECTS, WAITING, Plan, PlanCounts, PlannedBatch, Shard, as_table
from catalogs.planning.planner import Planner
from catalogs.planning.schedule import MARK_BYTES, Marks, draw_up, marks_of
from catalogs.planning.sharding import Sharder
from catalogs.policy.prompt_rules import PromptGate
from catalogs.policy.review_expiry import EXPIRED
from catalogs.runs.job import Job, Run
from catalogs.table_schemas import LEFT_OUT, REFRESHED, REJECTS, RETIRED, SLOTS
from infra.interfaces import ObjectStore, TableStore
from infra.sources import Source, open_source
from infra.stores.json_objects import read_json, write_json
from tasks.gates.prompt_gate import PromptGates


def make_plan(
    job: Job,
    store: ObjectStore,
    tables: TableStore,
    run_id: str | None,
    shard_size: int,
    terms: Terms | None = None,
    gate: PromptGate | None = None,
) -> Plan:
    """Plan `job`, by default without limits; with a `run_id`, write the plan into that run's folder, `plan.json` last.

    `gate` judges the prompts; by default it is the policy's, without a text classifier.

    Raises `CatalogueError` where the source as a whole cannot be used, `infra.errors.UnreadableSource` where it
    cannot be read.
    """
    source = open_source(job.source)
    version = tables.version(layout.manifest(job.catalogue))
    live = Live(_batches(tables, layout.manifest(job.catalogue), LIVE_COLUMNS, version))
    refused = Refused(_batches(tables, layout.outcomes(job.catalogue), REFUSED_COLUMNS, None))
    gate = gate or PromptGates(job.policy, job.recipe.languages)
    planner = Planner(job.recipe, live, refused, job.policy.digest, gate, job.backfill)
    with ExitStack() as stack:
        writer = _Writer(store, run_id, stack)
        plan = _read_through(job, source, planner, writer, Sharder(shard_size, terms=terms or Terms()))
        plan.base_version, plan.live = version, len(live)
        _close_questions(plan, refused, job.policy.review_days)
        _retire(job, tables, planner, writer, plan, version)
    if run_id is not None:
        write_json(store, layout.run_file(run_id, "plan.json"), plan.document())
    return plan


def load_plan(store: ObjectStore, run_id: str) -> Plan | None:
    """Return the plan in a run's folder, or None where the run was killed before it was whole."""
    if not store.exists(layout.run_file(run_id, "plan.json")):
        return None
    document = read_json(store, layout.run_file(run_id, "plan.json"))
    document["rows"] = Counts(**document["rows"])
    document["slots"] = PlanCounts(**document["slots"])
    document["shards"] = [Shard(**shard) for shard in document["shards"]]
    document["rejects"] = [Reject(**reject) for reject in document["rejects"]]
    return Plan(**document)


def plan_holds(store: ObjectStore, tables: TableStore, run: Run) -> bool:
    """Tell whether a run's plan is whole, and was made against the release that is live still.

    Parts of a plan that was never whole would be taken for parts of the next one, and rows planned against an older
    picture end as superseded. A new run costs a plan, and finds all that was staged.
    """
    plan = load_plan(store, run.run_id)
    live = tables.version(layout.manifest(run.catalogue))
    return plan is not None and (plan.base_version or 0) == (live or 0)  # 0: a table that was made, and nothing in it


def _read_through(job: Job, source: Source, planner: Planner, writer: "_Writer", sharder: Sharder) -> Plan:
    ingest = Ingest(job.recipe, source.columns)
    if job.recipe.inherit is not None:
        passes = (batch for _, batch in source.batches(ingest.needed))
        ingest.inherited = collect_inherited(job.recipe, source.columns, passes)
    plan = Plan(base_version=None, live=0, rows=ingest.counts, slots=planner.counts)
    kept_skus: set[str] = set()
    unreadable = 0
    urgency = _Urgency()
    for first_row, raw in source.batches(ingest.needed):
        ingested = ingest.batch(first_row, raw)
        planned = planner.batch(ingested.table)
        late = len(planned.rejects)  # rows whose template failed: accepted a moment ago, rejected now
        ingest.counts.accepted -= late
        ingest.counts.rejected += late
        rejects = sorted([*ingested.rejects, *planned.rejects], key=lambda reject: reject.row)
        for reject in rejects:
            if reject.sku is None:
                unreadable += 1
            elif reject.column != "sku":
                kept_skus.add(reject.sku)
        plan.rejects += rejects[: FIRST_REJECTS - len(plan.rejects)]
        urgency.add(planned)
        _write_batch(planned, rejects, writer, sharder, plan)
    for part, table in sharder.flush():
        writer.request_group(part, table)
    if ingest.counts.input == 0:
        raise CatalogueError(f"The catalogue {job.source!r} has no rows; nothing was planned and nothing is retired")
    _put_in_order(plan, sharder, urgency, writer)
    plan.warnings += [f"{count} × {reason}" for reason, count in ingest.warnings.items()]
    if unreadable:
        plan.warnings.append(f"{unreadable} rejected rows have no readable SKU: nothing is retired in this run")
    writer.protected = None if unreadable else kept_skus
    return plan


def _write_batch(planned: PlannedBatch, rejects: list[Reject], writer: "_Writer", sharder: Sharder, plan: Plan) -> None:
    if planned.slots:
        writer.table("slots.parquet", as_table(planned.slots, SLOTS))
    if rejects:
        writer.table("rejects.parquet", as_table(rejects, REJECTS))
    if planned.refreshed:
        columns = [list(column) for column in zip(*planned.refreshed, strict=True)]
        writer.table("refreshed.parquet", pa.table(columns, schema=REFRESHED))
        plan.refreshed += len(planned.refreshed)
    for reason, count in planned.reasons.items():
        plan.reasons[reason] = plan.reasons.get(reason, 0) + count
    for request in planned.requests:
        for part, table in sharder.add(request):
            writer.request_group(part, table)


def _put_in_order(plan: Plan, sharder: Sharder, urgency: "_Urgency", writer: "_Writer") -> None:
    """Draw up the agenda: the most urgent first, and what the terms leave out for another night."""
    agenda = draw_up(sharder.shards, sharder.filled, urgency.raised, sharder.terms.allowance, datetime.now(UTC))
    plan.shards, plan.gpu_seconds = agenda.shards, agenda.gpu_seconds
    plan.images = sum(shard.requests for shard in plan.shards)
    if agenda.overdue:
        plan.warnings.append(f"{agenda.overdue} images are late already: their deadline has passed, so they come first")
    if agenda.left_out:
        plan.deferred = agenda.deferred(np.concatenate(urgency.slots))
        columns = [list(agenda.left_out), list(agenda.left_out.values())]
        writer.table("left_out.parquet", pa.table(columns, schema=LEFT_OUT))


def _retire(job: Job, tables: TableStore, planner: Planner, writer: "_Writer", plan: Plan, version: int | None) -> None:
    """Retire what a full run no longer asks for, unless a rejected row might be its SKU."""
    live = planner.live
    if job.scope != "full" or version is None or writer.protected is None or live.seen.all():
        return
    kept = pa.array(sorted(writer.protected), pa.string())
    for batch in tables.batches(layout.manifest(job.catalogue), ("slot_id", "sku", "file_sha"), version=version):
        table = pa.Table.from_batches([batch]).filter(pa.array(live.unseen(batch.column("slot_id"))))
        table = table.filter(pc.invert(pc.is_in(table["sku"], kept)))
        if table.num_rows:
            writer.table("retired.parquet", table.rename_columns(["slot_id", "sku", "live_file_sha"]).cast(RETIRED))
            plan.retired += table.num_rows


def _close_questions(plan: Plan, refused: Refused, days: int) -> None:
    plan.expired = refused.asked_before(datetime.now(UTC) - timedelta(days=days))
    if plan.expired:
        plan.reasons[EXPIRED] = plan.expired
        plan.warnings.append(f"{plan.expired} × no answer from a person in {days} days: blocked, {EXPIRED}")


def _batches(tables: TableStore, table: str, columns: tuple[str, ...], version: int | None) -> Iterator[pa.RecordBatch]:
    if version is None and tables.version(table) is None:
        return
    yield from tables.batches(table, columns, version=version)


class _Urgency:
    """What the batches say that can only be weighed when all are read."""

    def __init__(self) -> None:
        self.raised: dict[bytes, tuple[int, int]] = {}  # mark of a request -> (rank, deadline)
        self.slots: list[Marks] = []  # marks of the requests of all slots that count as new or changed

    def add(self, planned: PlannedBatch) -> None:
        """Take in one batch."""
        for key, *urgency in planned.raised:
            known = self.raised.get(key[:MARK_BYTES], urgency)
            self.raised[key[:MARK_BYTES]] = (min(known[0], urgency[0]), min(known[1], urgency[1]))
        self.slots.append(marks_of([slot.request_key for slot in planned.slots if slot.kind != WAITING]))


class _Writer:
    """A run's Parquet files, each opened when its first rows come; nothing at all in a dry run."""

    def __init__(self, store: ObjectStore, run_id: str | None, stack: ExitStack) -> None:
        self._store, self._run_id, self._stack = store, run_id, stack
        self._open: dict[str, tuple[pq.ParquetWriter, ExitStack]] = {}
        self._parts: dict[str, str] = {}  # priority -> the part that is being filled
        self.protected: set[str] | None = set()

    def table(self, name: str, table: pa.Table) -> None:
        if self._run_id is not None:
            self._writer(layout.run_file(self._run_id, name), table.schema).write_table(table)

    def request_group(self, part: str, table: pa.Table) -> None:
        """Write one shard as one row group. Parts of one priority come in order, so a new one ends the one before."""
        if self._run_id is None:
            return
        key, priority = layout.run_requests(self._run_id, part), part.partition("-")[0]
        if self._parts.get(priority, key) != key:
            _, files = self._open.pop(self._parts[priority])
            files.close()
        self._parts[priority] = key
        # Row groups this small are made in a third of the time without dictionaries and zstd's set-up, and grow by 9 %.
        writer = self._writer(key, table.schema, compression="lz4", use_dictionary=False)
        writer.write_table(table, row_group_size=max(table.num_rows, 1))

    def _writer(
        self, key: str, schema: pa.Schema, *, compression: str = "zstd", use_dictionary: bool = True
    ) -> pq.ParquetWriter:
        if key not in self._open:
            files = self._stack.enter_context(ExitStack())
            output: IO[bytes] = files.enter_context(self._store.open_output(key))
            writer = pq.ParquetWriter(
                output, schema, compression=compression, use_dictionary=use_dictionary, write_statistics=False
            )
            self._open[key] = (files.enter_context(writer), files)
        return self._open[key][0]
