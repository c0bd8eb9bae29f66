"""A shop's year: days of drift, commands beside each other, disturbances, and a quiet night that must set all right.

Inputs: a seed and a number of days. Outputs: how many days, runs, kills and images there were, or `SimulationFailed` at
the first violation. Everything that happens is drawn from generators of the seed: for events, turns and answers.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from catalogs.runs.rollback_selection import RollbackSelection

from .commands import Command, CommandDesk
from .drift import Drift
from .judge import Judge, SimulationFailed, model_policy
from .light_audit import RETIRE_LIMIT
from .naive_model import NaiveShop
from .pictures import looks, score
from .simulated_people import SimulatedPeople
from .simulated_shop import Limits, SimulatedShop

USUAL = Limits(4.0, 7.0)
POLICIES = (USUAL, Limits(4.0, 8.5), Limits(8.0, 8.0), Limits(3.0, 4.0))
SECONDS_OF_A_DAY = 86_400
FIRST_SKUS = 12
PAIRS = (
    ("policy", "new"), ("policy", "nightly"), ("rollback", "sweep"), ("nightly", "new"), ("nightly", "nightly"),
    ("release", "new"), ("rollback", "new"), ("rollback", "sweep"),
)  # fmt: skip
PAIRED = 0.4
"""How often one of these pairs works beside each other; otherwise one to three commands of any kind do."""
SLOWNESS = (0.0, 0.1, 0.3)
"""How often a write waits, in a group of commands; a quiet night has a quick store."""
AWAY = 0.05
"""How often the scanner, and how often the engine, is away for a group of commands."""


@dataclass
class Figures:
    """What a simulation did."""

    days: int = 0
    runs: int = 0
    kills: int = 0
    disturbances: int = 0
    commits: int = 0
    images: int = 0
    operations: int = 0
    answers: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{value} {name}" for name, value in vars(self).items())


@dataclass
class Year:
    """One simulation. Commands in `without` are left out, to find out which of them a violation needs."""

    seed: int
    folder: Path
    without: frozenset[str] = frozenset()
    figures: Figures = field(default_factory=Figures)

    def __post_init__(self) -> None:
        self.dice = Random(f"events {self.seed}")
        self.shop = SimulatedShop(f"year-{self.seed}", self.folder, Random(f"turns {self.seed}"), USUAL)
        self.model = NaiveShop(score=score, looks=looks, retire_limit=RETIRE_LIMIT, nights_until_retry=2)
        self.drift = Drift(self.shop, self.model, self.dice)
        self.desk = CommandDesk(self.shop, self.dice)
        self.people = SimulatedPeople(self.shop, self.model, Random(f"answers {self.seed}"))
        self.judge = Judge(self.seed, self.shop, self.model, self.desk, self.people)
        self.parked: list[Command] = []
        self.held: tuple[str, list[str]] | None = None
        self.model.apply_policy(model_policy(USUAL))
        self.drift.open_shop(FIRST_SKUS)

    def run(self, days: int) -> Figures:
        """Let so many days pass. Raises `SimulationFailed` at the first violation."""
        try:
            for _ in range(days):
                self._day()
        finally:
            self.shop.processes.kill_parked()
            self.figures.images, self.figures.operations = self.shop.book.painted, self.shop.processes.operations
            self.figures.commits, self.figures.answers = self.judge.commits, len(self.people.written)
        return self.figures

    def _day(self) -> None:
        self.figures.days = self.judge.day = self.model.day = self.figures.days + 1
        began = self.shop.clock.now()
        self.judge.tell(f"day {self.figures.days}, {began:%Y-%m-%d}")
        for _ in range(self.dice.randint(1, 3)):
            self._drift()
            self._group(self._daytime_commands())
            self.shop.clock.advance(self.dice.uniform(600, 4 * 3600))
        self._drift()
        self._quiet_night()
        if "answers" not in self.without:
            for told in self.people.answer_some():
                self.judge.tell(f"  {told}")
        spent = (self.shop.clock.now() - began).total_seconds()
        self.shop.clock.advance(max(0.0, SECONDS_OF_A_DAY - spent))

    def _drift(self) -> None:
        for _ in range(self.dice.choice((0, 1, 1, 2, 3))):
            self.judge.tell(f"  {self.drift.happen()}")
        for command in self.parked:
            self.desk.show_catalogue(command)

    def _daytime_commands(self) -> list[Command]:
        """Give one to three commands that work beside each other, and wake some that stood still."""
        shop, dice = self.shop, self.dice
        shop.scanner_is_away, shop.engine_is_down = dice.random() < AWAY, dice.random() < AWAY
        disturbed = dice.choice((0.0, 0.3, 0.8))
        kinds = dice.choice(PAIRS) if dice.random() < PAIRED else [""] * dice.choice((1, 1, 2, 2, 3))
        commands = [self._some_command(kind, disturbed) for kind in kinds]
        for parked in list(self.parked):
            if dice.random() < 0.5:
                shop.processes.wake(parked.process)
                self.parked.remove(parked)
                commands.append(parked)
        return commands

    def _some_command(self, wished: str, disturbed: float) -> Command:
        """Give a command of a kind, or of any; a refresh/new where it cannot be given now."""
        kinds = {"new": 8, "nightly": 4}
        if self.model.releases:
            kinds |= {"sweep": 2} if self.judge.policy_under_way else {"sweep": 2, "policy": 2}
        if len(self.model.releases) > 2:
            kinds["rollback"] = 2
        if self.held is not None:
            kinds["release"] = 2
        kind = wished or self.dice.choices(list(kinds), list(kinds.values()))[0]
        kind = "new" if kind in self.without or kind not in kinds else kind
        if kind == "policy":
            others = [limits for limits in POLICIES if limits != self.shop.limits]
            self.judge.policy_under_way = self.desk.apply_policy(self.dice.choice(others), disturbed)
            return self.judge.policy_under_way
        if kind == "rollback":
            return self.desk.rollback(self._some_selection(), disturbed)
        if kind == "release":
            assert self.held is not None
            return self.desk.release(*self.held, disturbed)
        if kind == "sweep":
            return self.desk.sweep(self.dice.randint(2, 8), disturbed)
        budget = self.dice.randint(0, 4) if self.dice.random() < 0.15 else None
        return self.desk.refresh("nightly" if kind == "nightly" else "new", disturbed, budget)

    def _some_selection(self) -> RollbackSelection:
        release = self.dice.choice(self.model.releases[-10:-1])
        sku = (self.dice.choice(sorted(self.shop.rows)),)
        choices = [
            RollbackSelection(release.number),
            RollbackSelection(release.number, drop_new=True),
            RollbackSelection(release.number, skus=sku),
            RollbackSelection(skus=sku),
        ]
        if release.run:
            choices.append(RollbackSelection(run_id=release.run))
        return self.dice.choice(choices)

    def _group(self, commands: list[Command]) -> None:
        """Let commands work beside each other, and judge what they committed."""
        self.shop.processes.slowness = self.dice.choice(SLOWNESS)
        self._work(commands, alone=False)
        self.shop.processes.slowness = 0.0
        self.parked += [command for command in commands if command.process.parked]
        self._finish_policy()
        self.judge.store()

    def _finish_policy(self) -> None:
        """The person whose policy did not come into force gives the command again, until it has."""
        while (command := self.judge.policy_under_way) is not None and not command.process.parked:
            assert command.limits is not None
            if command.process.error is None and not command.process.killed:
                self.judge.policy_in_force(command)
                self.shop.limits, self.judge.policy_under_way = command.limits, None
                return
            self.judge.policy_under_way = self.desk.apply_policy(command.limits, 0.0)
            self._work([self.judge.policy_under_way], alone=True)

    def _work(self, commands: list[Command], *, alone: bool) -> None:
        self._run(commands, alone=alone)
        self.shop.scanner_is_away = self.shop.engine_is_down = False
        self.judge.commits_beside_each_other()

    def _quiet_night(self) -> None:
        """A full refresh that nothing disturbs: after it every slot is as the naive model says, or named."""
        command = self.desk.refresh("nightly", 0.0)
        self._run([command], alone=True)
        self.judge.quiet_refresh(command)
        self.judge.store()
        report = command.report
        self.held = (report["run_id"], report["held"]) if report is not None and report["held"] else None
        if self.held is not None and self.dice.random() < 0.5:
            self._work([self.desk.release(*self.held, 0.0)], alone=True)
            self.held = None

    def _run(self, commands: list[Command], *, alone: bool) -> None:
        self.shop.processes.run()
        for command in commands:
            self.judge.tell(f"  {command}")
        self.figures.runs += sum(command.is_refresh for command in commands)
        self.figures.kills += sum(command.process.killed for command in commands)
        self.figures.disturbances += sum(len(command.process.happened) for command in commands)
        self.judge.errors(commands, alone=alone)


__all__ = ["Figures", "SimulationFailed", "Year"]
