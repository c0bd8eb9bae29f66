"""Run context: what the tasks of one run share in this process, above all its shards in flight.

Inputs: resources that were opened once, the run, its rules. Outputs: the same, to each task of the run. The context
never leaves the process, so Prefect records names and counts, not images or clients.
"""

from collections.abc import Callable

from catalogs import layout
from catalogs.planning.plan import Shard
from catalogs.runs.attempts import attempt_histories
from catalogs.runs.work_items import (
    GeneratedImage,
    ShardScreening,
    ShardWork,
    WorkItem,
    requests_from_table,
    retry_shard_name,
)
from catalogs.table_schemas import RECORDS, REQUESTS
from infra.stores.parquet_objects import read_row_group, read_row_groups
from tasks.runs.budget_meter import BudgetMeter
from tasks.runs.resources import Resources, ScreeningContext


class RunContext:
    """One run's shards in flight."""

    def __init__(
        self,
        resources: Resources,
        screening: ScreeningContext,
        run_id: str,
        check_lease: Callable[[], None] = lambda: None,
        meter: BudgetMeter | None = None,
    ) -> None:
        self.resources, self.screening, self.run_id = resources, screening, run_id
        self.meter = meter or BudgetMeter()
        self._check_lease = check_lease
        self._shard_work: dict[str, ShardWork] = {}
        self._planned: dict[str, Shard] = {}
        self._generated: dict[str, list[GeneratedImage]] = {}
        self._screened: dict[str, ShardScreening] = {}

    def add_planned_shards(self, shards: list[Shard]) -> list[str]:
        """Take the planned shards that have no record yet, and return their names in order."""
        records = self.resources.store.list(layout.RunFiles(self.run_id).records_prefix)
        done = {info.key.rsplit("/", 1)[1].removesuffix(".parquet") for info in records}
        self._planned = {shard.name: shard for shard in shards}
        return [shard.name for shard in shards if shard.name not in done]

    def add_retry_shard(self, items: list[WorkItem]) -> str:
        """Take new attempts as a shard of their own, and return its name."""
        name = retry_shard_name(items)
        self._shard_work[name] = ShardWork(name, tuple(items))
        return name

    def find_pending_items(self) -> list[WorkItem]:
        """Return the attempts that a killed process left pending: those after a last attempt that needs a retry."""
        files = layout.RunFiles(self.run_id)
        histories = attempt_histories(read_row_groups(self.resources.store, files.records_prefix, schema=RECORDS))
        pending = {key: history for key, history in histories.items() if history.last_attempt.needs_retry}
        if not pending:
            return []
        items = []
        for part in {shard.part for shard in self._planned.values()}:
            for table in read_row_groups(self.resources.store, files.requests(part), schema=REQUESTS):
                for request in requests_from_table(table):
                    history = pending.get((request.key, request.finish_digest))
                    if history is not None:
                        items.append(WorkItem(request, history.last_attempt.attempt + 1))
        return items

    def load_shard_work(self, name: str) -> ShardWork:
        """Return a shard's work items, read from the plan where they are not in memory.

        Raises `LeaseLost` where another process has taken the run: a process that was suspended must not go on.
        """
        self._check_lease()
        if name not in self._shard_work:
            shard = self._planned[name]
            key = layout.RunFiles(self.run_id).requests(shard.part)
            table = read_row_group(self.resources.store, key, shard.row_group, REQUESTS)
            requests = requests_from_table(table if shard.rows is None else table.take(shard.rows))
            self._shard_work[name] = ShardWork(
                name, tuple(WorkItem(request, request.first_attempt) for request in requests)
            )
        return self._shard_work[name]

    def put_generated(self, name: str, images: list[GeneratedImage]) -> None:
        """Keep the images of a shard until they are screened."""
        self._generated[name] = images
        self._shard_work.pop(name, None)

    def take_generated(self, name: str) -> list[GeneratedImage]:
        """Return the images of a shard, and forget them."""
        return self._generated.pop(name)

    def put_screened(self, name: str, screening: ShardScreening) -> None:
        """Keep the counts of a shard until the flow reads them."""
        self._screened[name] = screening

    def take_screened(self, name: str) -> ShardScreening:
        """Return the counts of a shard, and forget them."""
        return self._screened.pop(name)
