"""The simulated shop: its catalogue and rules, its store and tables in memory, and what its people run.

Inputs: a number that names the store, rows, template versions, policies. Outputs: works for simulated processes, one a
command, each with a handle of its own on store and tables. A command is what the command line calls, without Prefect
and without threads.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from catalogs import layout
from catalogs.planning.pricing import load_price_list
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob, Scope
from catalogs.runs.rollback_selection import RollbackSelection
from flows.policy_changes import PolicyProposal, enforce_policy
from flows.refresh import Refresh
from flows.release_held import CheckAcceptance, release_held
from flows.rollbacks import roll_back
from flows.run.job_policy import run_under_policy_in_force
from flows.run.observers import NullObserver
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultyStore
from infra.testing.faulty_tables import FaultyTables
from infra.testing.memory_tables import MemoryTables
from infra.testing.simulated_clock import SimulatedClock
from infra.testing.simulated_processes import SimulatedProcess, SimulatedProcesses
from tasks.maintenance.retention import RetentionRules
from tasks.maintenance.sweep import sweep
from tasks.runs.policy_in_force import PolicyChoice
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.resources import Resources, ScreeningContext

from .pictures import SCORE, PictureBook, SimulatedEngine, SimulatedPool, open_simulated_screener
from .shop_facts import Row, Slot
from .synchronous_executor import SynchronousExecutor

CATALOGUE = "shop"
CATEGORIES = ("kitchen", "table", "garden")
SETTINGS = Settings(shard_size=4, in_flight=2, c2pa=False, lease_seconds=120.0)
PRICES = load_price_list(None, "the built-in prices")
Work = Callable[[SimulatedProcess], Any]


@dataclass(frozen=True)
class Limits:
    """The thresholds of one policy: below the first a picture is blocked, below the second it goes to review."""

    block: float
    review: float

    def policy(self) -> Policy:
        """Return the product's policy."""
        rule = {"score": SCORE, "reason": "blurred", "again": True}
        return Policy.model_validate(
            {
                "version": 1,
                "required": ["words", "pixels", "fingerprint"],
                "words": {},
                "brands": {"listed": False},
                "other_languages": "PASS",
                "image": [rule | {"block_below": self.block, "review_below": self.review}],
                "sample_share": 0.0,
            }
        )


@dataclass
class SimulatedShop:
    """One shop. Its people edit `rows`, `templates` and `limits`; commands take them as they are when they start."""

    name: str
    folder: Path
    dice: Random
    limits: Limits = Limits(4.0, 7.0)
    rows: dict[str, Row] = field(default_factory=dict)
    templates: dict[str, int] = field(default_factory=dict)
    book: PictureBook = field(default_factory=PictureBook)
    scanner_is_away: bool = False
    engine_is_down: bool = False
    all_skus: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.clock = SimulatedClock(datetime(2026, 1, 1, 2, tzinfo=UTC))
        self.processes = SimulatedProcesses(self.dice, self.clock)
        self.store = MemoryStore(self.name, self.clock.now)
        self.tables = MemoryTables(self.store.url, self.clock.now)
        self._catalogues = 0
        self.store.write(f"{layout.manifest_table(CATALOGUE)}/_delta_log/00000000000000000000.json", b"")

    def content_of(self, slot: Slot) -> str | None:
        """Return the prompt that a slot's row asks for now."""
        row = self.rows.get(slot.sku)
        if row is None or slot.view not in row.views:
            return None
        return f"{row.title}|{row.category}#{self.templates.get(row.category, 0)}|{slot.view}"

    @property
    def policy_number(self) -> int:
        """The number of the policy in force; 0 before the first run."""
        return PolicyRecords(self.store, CATALOGUE).latest_number()

    @property
    def url(self) -> str:
        """The store's URL."""
        return self.store.url

    def open(self, process: SimulatedProcess) -> tuple[ObjectStore, TableStore]:
        """Return a process's handles."""
        return FaultyStore(self.store, process), FaultyTables(self.tables, process)

    def job(self, scope: Scope, budget: int | None = None) -> RefreshJob:
        """Write the catalogue down and return what is to be done."""
        self._catalogues += 1
        source = str(self.folder / f"catalogue-{self._catalogues}.csv")
        self.write_catalogue(source)
        max_cost = None if budget is None else budget * _cost_per_second()
        return RefreshJob(source, self.url, CATALOGUE, self._recipe(), self.limits.policy(), scope, max_cost)

    def write_catalogue(self, source: str) -> None:
        """Write today's catalogue to a file."""
        with Path(source).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["sku", "title", "category", "views"])
            writer.writerows([row.sku, row.title, row.category, ";".join(row.views)] for row in self.rows.values())

    def _recipe(self) -> Recipe:
        def template(category: str) -> str:
            return f"{{{{ title }}}}|{category}#{self.templates.get(category, 0)}|{{{{ phrase }}}}"

        return Recipe.model_validate(
            {
                "catalogue": CATALOGUE,
                "columns": {name: name for name in ("sku", "title", "category", "views")},
                "engine": "stub",
                "models": {"stub": {"family": "stub", "precision": "fp32"}},
                "tiers": {"standard": {"width": 64, "height": 64, "attempts": 3}},
                "views": {"front": "front", "side": "side"},
                "defaults": {"template": template(""), "views": ["front"]},
                "categories": {category: {"template": template(category)} for category in CATEGORIES},
                "finish": {"whiten": False},
            }
        )

    # Commands

    def refresh(self, job: RefreshJob) -> Work:
        """Return the work of a refresh, which returns its report."""

        def work(process: SimulatedProcess) -> Any:
            store, tables = self.open(process)
            executor = SynchronousExecutor()

            def run_job(job: RefreshJob, choice: PolicyChoice, warnings: Sequence[str]) -> dict[str, Any]:
                with self._open_resources(job, store, tables) as (resources, screening):
                    run = Refresh(job, resources, screening, executor, SETTINGS, PRICES, NullObserver())
                    run.policy_choice, run.warnings = choice, warnings
                    return run.run()

            # Without `--policy`: the policy in force, and the shop's first one where none is recorded.
            choice = PolicyChoice(job.policy, "policy.yaml", is_named=False)
            return run_under_policy_in_force(store, tables, job, choice, run_job)

        return work

    def release_held(self, run_id: str, checks: Sequence[str]) -> Work:
        """Return the work of releasing a held batch, which returns its report."""
        acceptance = CheckAcceptance(run_id, list(checks), "as meant", "ada")

        def work(process: SimulatedProcess) -> Any:
            store, tables = self.open(process)
            return release_held(
                self.url,
                acceptance,
                SETTINGS,
                SynchronousExecutor(),
                open_store=lambda _: store,
                open_resources=lambda job, _: self._open_resources(job, store, tables),
            )

        return work

    def apply_policy(self, limits: Limits) -> Work:
        """Return the work of applying a policy, whatever share of the shop it withdraws."""
        proposal = PolicyProposal(limits.policy(), "policy.yaml", "ada", "as meant", ("withdrawn-share",))
        return lambda process: enforce_policy(*self.open(process), CATALOGUE, proposal, SETTINGS)

    def rollback(self, selection: RollbackSelection) -> Work:
        """Return the work of a rollback."""
        return lambda process: roll_back(*self.open(process), CATALOGUE, selection, SETTINGS)

    def sweep(self, keep_releases: int) -> Work:
        """Return the work of a sweep that keeps so many releases, and those of a day."""
        rules = RetentionRules(keep_days=1, keep_releases=keep_releases)
        return lambda process: sweep(*self.open(process), rules)

    @contextmanager
    def _open_resources(
        self, job: RefreshJob, store: ObjectStore, tables: TableStore
    ) -> Iterator[tuple[Resources, ScreeningContext]]:
        pool = SimulatedPool(SimulatedEngine(self.book, lambda: self.engine_is_down))
        screener = open_simulated_screener(store, self.book, lambda: self.scanner_is_away)
        rules = (job.policy, job.recipe.finishes_by_digest)
        yield Resources(store, tables, lambda _: pool), ScreeningContext(store, screener, *rules, 60.0)


def _cost_per_second() -> float:
    return PRICES.find_gpu(None)[1].usd_per_hour / 3600
