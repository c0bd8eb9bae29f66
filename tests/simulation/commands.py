"""Commands of the simulated shop's people and schedules: what each was asked, when, and what disturbs it.

Inputs: a shop and random numbers. Outputs: `Command`s, each a simulated process. A command keeps the catalogue as it
was when it was given, since a run that stood still may end days later.
"""

from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Literal

from catalogs.runs.job import Scope
from catalogs.runs.rollback_selection import RollbackSelection
from infra.testing.disturbances import Disturbance, DisturbanceKind
from infra.testing.simulated_processes import SimulatedProcess

from .shop_facts import Row
from .simulated_shop import Limits, SimulatedShop, Work

Kind = Literal["nightly", "new", "policy", "rollback", "release", "sweep"]
SCOPES: dict[str, Scope] = {"nightly": "full", "new": "partial"}

MOMENTS = (
    "leases/", "open/", "run.json", "plan.json", "write staging", "write scores", "records/", "batch.parquet",
    "published", "ensure manifest", "merge into manifest", "mark manifest", "merge into outcomes",
    "history of manifest", "version of manifest", "closed.json", "delete open/", "open-amendments/", "policies/",
    "report.json", "codes/",
)  # fmt: skip
"""Words in the descriptions of operations at which it matters to be disturbed."""
BEFORE_A_COMMIT = ("history of manifest", "merge into manifest", "policies/", "leases/", "published")
"""Words of the last operations before a commit."""

LATEST_START_SECONDS = 60.0
"""How much later than others beside it a command may begin: about as long as the longest of them works."""
SLEEPS = (20.0, 300.0, 2000.0, None, None, None)
"""How long a process stands still: within its lease's term, past it, or until another day."""


@dataclass
class Command:
    """One command: its process, and the catalogue and circumstances under which it was given."""

    kind: Kind
    number: int
    process: SimulatedProcess
    rows: dict[str, Row]
    templates: dict[str, int]
    given_at: datetime
    source: str = ""
    budget: int | None = None
    scanner_away: bool = False
    engine_down: bool = False
    limits: Limits | None = None
    selection: RollbackSelection | None = None
    run_id: str = ""

    @property
    def is_refresh(self) -> bool:
        """Whether it refreshes the catalogue."""
        return self.kind in SCOPES

    @property
    def report(self) -> dict[str, Any] | None:
        """The report of a refresh or a release that has ended."""
        result = self.process.result
        return result if isinstance(result, dict) and "slots" in result else None

    @property
    def was_disturbed(self) -> bool:
        """Whether anything happened to its process."""
        return bool(self.process.happened) or self.process.killed

    def __str__(self) -> str:
        process = self.process
        end = (
            "parked"
            if process.parked
            else "killed"
            if process.killed
            else repr(process.error)
            if process.error
            else "ended"
        )
        report = {name: count for name, count in (self.report or {}).get("slots", {}).items() if count}
        if self.report and self.report["held"]:
            report["held"] = self.report["held"]
        details = f" {self.selection or self.limits or ''}".rstrip()
        if self.is_refresh:
            details = " (scanner away)" * self.scanner_away + " (engine down)" * self.engine_down
            details += "" if self.budget is None else f" (at most {self.budget} images)"
        return f"{process.name}{details}: {end} {report or ''} {[str(each) for each in process.happened] or ''}".strip()


@dataclass
class CommandDesk:
    """Gives commands: counts them, and decides what disturbs them."""

    shop: SimulatedShop
    dice: Random
    given: list[Command] = field(default_factory=list)

    def refresh(self, kind: Literal["nightly", "new"], disturbed: float, budget: int | None = None) -> Command:
        """Give a refresh of the whole catalogue; `disturbed` is how probable a disturbance is."""
        job = self.shop.job(SCOPES[kind], budget=budget)
        return self._give(kind, self.shop.refresh(job), disturbed, source=job.source, budget=budget)

    def apply_policy(self, limits: Limits, disturbed: float) -> Command:
        """Give the command that puts a policy in force."""
        return self._give("policy", self.shop.apply_policy(limits), disturbed, limits=limits)

    def rollback(self, selection: RollbackSelection, disturbed: float) -> Command:
        """Give a rollback."""
        return self._give("rollback", self.shop.rollback(selection), disturbed, selection=selection)

    def release(self, run_id: str, checks: list[str], disturbed: float) -> Command:
        """Give the command that releases a held batch."""
        return self._give("release", self.shop.release_held(run_id, checks), disturbed, run_id=run_id)

    def sweep(self, keep_releases: int, disturbed: float) -> Command:
        """Give a sweep."""
        return self._give("sweep", self.shop.sweep(keep_releases), disturbed)

    def show_catalogue(self, command: Command) -> None:
        """Let a command that stands still find today's catalogue, unless it has read it already."""
        has_read = any(operation.startswith("open runs/") for operation in command.process.operations)
        if command.is_refresh and not has_read:
            self.shop.write_catalogue(command.source)
            command.rows = dict(self.shop.rows)

    def of_source(self, source: str) -> Command | None:
        """Return the refresh that was given with a catalogue file."""
        return next((command for command in self.given if source and command.source == source), None)

    def _give(self, kind: Kind, work: Work, disturbed: float, **details: Any) -> Command:
        number = len(self.given) + 1
        disturbances = [self._disturbance()] if self.dice.random() < disturbed else []
        host = self.dice.choice(("one", "two"))
        starts_in = self.dice.choice((0.0, self.dice.uniform(0.0, LATEST_START_SECONDS)))
        process = self.shop.processes.add(f"{kind}-{number}", work, host, disturbances, starts_in=starts_in)
        command = Command(
            kind,
            number,
            process,
            dict(self.shop.rows),
            dict(self.shop.templates),
            self.shop.clock.now(),
            scanner_away=self.shop.scanner_is_away,
            engine_down=self.shop.engine_is_down,
            **details,
        )
        self.given.append(command)
        return command

    def _disturbance(self) -> Disturbance:
        kinds: tuple[DisturbanceKind, ...] = ("killed", "sleeps", "fails", "lags")
        kind = self.dice.choices(kinds, (5, 4, 2, 1))[0]
        after = self.dice.random() < 0.5
        seconds = self.dice.choice(SLEEPS) if kind == "sleeps" else 0.0
        if self.dice.random() < 0.6 and kind != "lags":
            word, nth = self.dice.choice(MOMENTS + 3 * BEFORE_A_COMMIT), self.dice.randint(1, 3)
            return Disturbance(kind, word, nth, after, seconds)
        return Disturbance(kind, "", self.dice.randint(1, 150), after and kind != "lags", seconds)
