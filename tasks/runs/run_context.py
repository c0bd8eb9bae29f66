"""What the verbs of one run share in this process: open places, frozen rules, and the shards in flight.

Comes in: places that were opened once, the run, its rules. Goes out: the same, to each task of the run. It never leaves
the process, so Prefect records names and counts, not pictures or clients.
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
        """Return the next attempts that a killed process owed: chains whose last attempt asked for another."""
        chains = attempt_histories(read_row_groups(self.resources.store, layout.RunFiles(self.run_id).records_prefix))
        owing = {key: chain for key, chain in chains.items() if chain.last_attempt.needs_retry}
        if not owing:
            return []
        found = []
        for part in {shard.part for shard in self._planned.values()}:
            for table in read_row_groups(self.resources.store, layout.RunFiles(self.run_id).requests(part)):
                for request in requests_from_table(table):
                    chain = owing.get((request.key, request.finish_digest))
                    if chain is not None:
                        found.append(WorkItem(request, chain.last_attempt.attempt + 1))
        return found

    def load_shard_work(self, name: str) -> ShardWork:
        """Return a shard's orders, read from the plan where they are not in memory.

        Raises `LeaseLost` where the run is somebody else's by now: a process that slept must not paint on for nobody.
        """
        self._check_lease()
        if name not in self._shard_work:
            shard = self._planned[name]
            key = layout.RunFiles(self.run_id).requests(shard.part)
            table = read_row_group(self.resources.store, key, shard.row_group)
            requests = requests_from_table(table if shard.rows is None else table.take(shard.rows))
            self._shard_work[name] = ShardWork(
                name, tuple(WorkItem(request, request.first_attempt) for request in requests)
            )
        return self._shard_work[name]

    def put_generated(self, name: str, images: list[GeneratedImage]) -> None:
        """Keep what was made until it is screened."""
        self._generated[name] = images
        self._shard_work.pop(name, None)

    def take_generated(self, name: str) -> list[GeneratedImage]:
        """Hand over what was made."""
        return self._generated.pop(name)

    def put_screened(self, name: str, screening: ShardScreening) -> None:
        """Keep a shard's sums until the flow reads them."""
        self._screened[name] = screening

    def take_screened(self, name: str) -> ShardScreening:
        """Hand over a shard's sums."""
        return self._screened.pop(name)
