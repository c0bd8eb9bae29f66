"""The judge of a simulated shop: lets the naive model do what each commit did, and compares.

Inputs: the events of a timeline, commands that have ended. Outputs: nothing, or `SimulationFailed` with the story so
far. Commits are judged in their order. One that was disturbed or had others beside it is judged leniently: each slot
may also have stayed as it was. A quiet refresh is judged to the letter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .commands import Command, CommandDesk
from .invariants import Invariants
from .naive_model import NaiveShop
from .people_check import PeopleCheck
from .shop_facts import Night, Observation, Policy, Slot, Verdict
from .simulated_people import SimulatedPeople
from .simulated_shop import Limits, SimulatedShop
from .timeline import CommitEvent, Timeline

NOT_NAMED = "neither live as asked nor named"
"""How the model says that a slot has no outcome."""


class SimulationFailed(Exception):
    """The shop broke a promise; the message says on which day, after which operations, and how to replay it."""


@dataclass
class Judge:
    """Compares a shop with the naive model beside it, commit by commit."""

    seed: int
    shop: SimulatedShop
    model: NaiveShop
    desk: CommandDesk
    people: SimulatedPeople
    day: int = 0
    commits: int = 0
    story: list[str] = field(default_factory=list)
    policy_under_way: Command | None = None

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.shop)
        self.invariants = Invariants(self.shop, self.timeline)
        self.people_check = PeopleCheck(self.people, self.timeline)

    def commits_beside_each_other(self) -> None:
        """Judge each new commit leniently.

        What comes before a policy that is applied beside it is only believed: a run may have taken the policy already,
        while the pictures that it refuses are still live.
        """
        events = self.timeline.new_events()
        policy = next((place for place, event in enumerate(events) if event.kind == "policy"), None)
        if policy is None and self.shop.policy_number > len(self.model.policies):
            policy = len(events)
        for place, event in enumerate(events):
            self._take_event(event, checked=policy is None or place >= policy)

    def quiet_refresh(self, command: Command) -> None:
        """Judge a full refresh that nothing disturbed, and what it settled of others before."""
        report = command.report
        assert report is not None
        events = self.timeline.new_events()
        for event in events:
            if event.run_id != report["run_id"]:
                self._take_event(event, checked=True)
        # The run may be one that a killed process had begun, on a night on which something was away.
        source = self.timeline.run_document(report["run_id"])["source"]
        origin = self.desk.of_source(source) or command
        own = next((event for event in events if event.run_id == report["run_id"]), None)
        self.model.scored |= self.shop.book.measured
        self.model.refresh(Night(report["run_id"], scanner_away=origin.scanner_away, engine_down=origin.engine_down))
        if own is not None:
            self._fail_if(list(self.people_check.commit(own)))
        seen = self._observe(own, [report])
        self._judge(seen, f"the quiet refresh {report['run_id']}")
        if origin is command and not report["held"]:
            live = {slot: showing.picture for slot, showing in seen.live.items()}
            reasons = {slot: " ".join(each.reason for each in outcomes) for slot, outcomes in seen.outcomes.items()}
            self._fail_if(list(self.people_check.quiet_night(report["run_id"], live, reasons)))

    def policy_in_force(self, command: Command) -> None:
        """Judge a policy that was applied and took nothing away, if its commit was not judged before."""
        assert command.limits is not None
        if self.model.policies[-1].name != str(command.limits):
            self.model.apply_policy(model_policy(command.limits))
            self._judge(self._observe(None), "a policy that takes nothing away")

    def errors(self, commands: Sequence[Command], *, alone: bool) -> None:
        """Judge how commands that worked beside each other ended."""
        self._fail_if([problem for command in commands for problem in self.invariants.errors(command, alone=alone)])
        self._fail_if(list(self.invariants.paid_twice(commands)))

    def store(self) -> None:
        """Judge what lies in the store."""
        self._fail_if(list(self.invariants.violations()))
        self._fail_if(list(self.people_check.lost()))

    def tell(self, line: str) -> None:
        """Add a line to the story."""
        self.story.append(line)

    def _take_event(self, event: CommitEvent, *, checked: bool) -> None:
        """Let the model do what a commit did, and compare."""
        self.commits += 1
        self._fail_if(list(self.people_check.commit(event)))
        document = self.timeline.run_document(event.run_id)
        if event.kind == "policy":
            assert self.policy_under_way is not None
            assert self.policy_under_way.limits is not None
            if self.model.policies[-1].name != str(self.policy_under_way.limits):
                self.model.apply_policy(model_policy(self.policy_under_way.limits))
            self._compare(event, checked)
        elif event.kind == "answers":
            self.model.take_back()
            self._compare(event, checked)
        elif event.kind == "rollback":
            self._roll_back(document["selection"], document["seen"])
            self._compare(event, checked)
        elif "kind" not in document:  # otherwise the outcomes of a change whose rows were judged
            command = self.desk.of_source(document["source"])
            assert command is not None
            with self._as_of(command, event):
                self._refresh_leniently(event, command)
                self._compare(event, checked)
            if not self.timeline.was_decided_by_policy_in_force(event):
                self.model.doubt_refusals()  # recorded after another policy came into force: decided again next

    def _roll_back(self, asked: Mapping[str, Any], seen: int) -> None:
        """Let the model go back as a person asked, in view of the release that was current then."""
        if asked["run_id"] is not None:
            self.model.rollback_run(asked["run_id"], seen)
        elif asked["to"] is None and asked["skus"]:
            self.model.rollback_sku(asked["skus"][0], seen)
        else:
            self.model.rollback_to(asked["to"], asked["drop_new"], (asked["skus"] or [None])[0], seen)

    def _refresh_leniently(self, event: CommitEvent, command: Command) -> None:
        night = Night(
            run=event.run_id,
            killed=True,
            accept_retiring=True,
            scanner_away=command.scanner_away,
            engine_down=command.engine_down,
            budget=command.budget,
        )
        self.model.scored |= self.shop.book.measured
        (self.model.refresh if command.kind == "nightly" else self.model.refresh_new)(night)

    @contextmanager
    def _as_of(self, command: Command, event: CommitEvent) -> Iterator[None]:
        """Let the model see the catalogue as a run did, unless it is a full one and a later full one came before it."""
        reports = [other.report for other in self.desk.given if other.kind == "nightly"]
        ended = [report["run_id"] for report in reports if report is not None and not report["held"]]
        later = [run_id for run_id in ended if run_id > event.run_id]  # ids sort by the start
        overtaken = command.kind == "nightly" and any(self.timeline.came_before(run_id, event) for run_id in later)
        rows, templates = self.model.rows, self.model.templates
        if not overtaken:
            self.model.rows, self.model.templates = dict(command.rows), dict(command.templates)
        try:
            yield
        finally:
            self.model.rows, self.model.templates = rows, templates

    def _compare(self, event: CommitEvent, checked: bool) -> None:
        seen, what = self._observe(event), f"{event.kind or 'outcomes'} {event.run_id} at version {event.version}"
        if checked:
            self._judge(seen, what, named=self.timeline.has_outcomes(event))
        else:
            self.model.adopt(seen)
            self.model.doubt_refusals()

    def _observe(self, event: CommitEvent | None, reports: Sequence[dict[str, Any]] = ()) -> Observation:
        policy = self.shop.policy_number or len(self.model.policies)
        return self.timeline.observe(event, self._contents_of, policy, reports)

    def _contents_of(self, slot: Slot) -> tuple[str | None, ...]:
        """Return what a slot's row asks for, and what the last event of the model may have taken from it."""
        before = self.model.before
        taken = before.live.get(slot) if before is not None and self.model.night is None else None
        return self.model.content_of(slot), None if taken is None else taken.content

    def _judge(self, seen: Observation, what: str, *, named: bool = True) -> None:
        """Compare; without `named` slots need no outcome: those of a killed process are written by another one."""
        problems = [problem for problem in self.model.check(seen) if named or NOT_NAMED not in problem]
        if any("new + changed" in problem for problem in problems):
            problems += [f"it must count {_names(self.model.plan.must)}", f"it may count {_names(self.model.plan.may)}"]
            problems += [f"it planned {_names(self.timeline.planned_slots(self.model.night))}"]
        self._fail_if([f"after {what}: {problem}" for problem in problems])
        self.model.adopt(seen)

    def _fail_if(self, problems: Sequence[str]) -> None:
        if not problems:
            return
        lines = [f"Seed {self.seed}, day {self.day}:", *(f"  * {problem}" for problem in problems)]
        lines += ["The last days:", *self.story[-40:], "The last operations:"]
        lines += [f"  {line}" for line in self.shop.processes.last_operations]
        lines.append(f"Replay: .venv/bin/python -m tests.simulation --seed {self.seed} --days {self.day}")
        raise SimulationFailed("\n".join(lines))


def _names(slots: Iterable[Slot]) -> str:
    return ", ".join("/".join(slot) for slot in sorted(slots)) or "nothing"


def model_policy(limits: Limits) -> Policy:
    """Return the naive model's policy of these limits."""

    def rule(value: float) -> Verdict:
        return "block" if value < limits.block else "review" if value < limits.review else "pass"

    return Policy(str(limits), rule)
