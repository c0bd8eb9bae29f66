"""How the naive model goes from what is permitted to what happened: the plainest end, or the one that was seen."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .night_rules import Plan, plan_refresh
from .shop_facts import Night, Option, Picture, Refusal, Release, ShopState, Slot, State, Takedown

PREFERENCE: tuple[State, ...] = ("withdrawn", "review", "blocked", "failed", "deferred")


@dataclass
class SettlingShop(ShopState):
    """A state, the state before the last event of the store, and the ends which that event permits.

    `settled`: the states that name each slot in the plainest end.
    """

    plan: Plan = field(default_factory=Plan)
    night: Night | None = None
    held_plan: Plan | None = None
    before: ShopState | None = None
    settled: dict[Slot, frozenset[State]] = field(default_factory=dict)
    event_takedowns: dict[tuple[Slot, str], Takedown] = field(default_factory=dict)

    def _state(self) -> ShopState:
        """A copy of the state that later events cannot change."""
        copied = copy.copy(self)
        copied.before = None
        for name in (
            "takedowns",
            "refusals",
            "accepted",
            "erased",
            "scored",
            "failed",
            "releases",
            "live",
            "rows",
            "templates",
        ):
            setattr(copied, name, copy.copy(getattr(self, name)))
        return copied

    def _leave_to_people(self, plan: Plan) -> None:
        """Permit whatever people's answers may do: what they must do is judged beside the model (`people_check`).

        A slot whose prompt was answered may show any picture of it, or none; a picture that was answered may go.
        """
        if not self.heard:
            return
        for slot, ends in plan.options.items():
            content, shown = self.content_of(slot), self.live.get(slot)
            if content in self.heard:
                pictures = (None, shown, *self.heard_pictures(content))
                plan.options[slot] = (*ends, *map(Option, pictures))
                if slot in plan.must:
                    plan.must.remove(slot)
                    plan.may.add(slot)
                if self.night is not None and not plan.held:
                    plan.may.add(slot)
            elif self.is_heard(shown) or any(self.is_heard(end.picture) for end in ends):
                plan.options[slot] = (*ends, Option(None), Option(shown))

    def _still(self) -> Plan:
        """A plan in which nothing moves."""
        return Plan(options={slot: (Option(self.live.get(slot)),) for slot in self.live.keys() | set(self.asked())})

    def _happen(self, plan: Plan, night: Night | None, before: ShopState | None = None) -> None:
        """An event of the store: keep what was before and what is permitted, and settle on the plainest end."""
        self.before, self.night = before or self._state(), night
        if plan.held and night is not None:
            self.held_plan = plan_refresh(self, replace(night, accept_retiring=True), None, full=True)
        self._leave_to_people(plan)
        self.plan, self.event_takedowns = plan, dict(self.takedowns)
        live, self.settled = self._plainest(plan, night)
        self._conclude(live, self.settled, None)

    def _forget_end(self) -> None:
        """Undo the end that the last event settled on, not the event."""
        if self.before is not None:
            self.releases = list(self.before.releases)
            self.refusals = dict(self.before.refusals)
            self.scored = set(self.before.scored)
            self.failed = dict(self.before.failed)
            self.takedowns = dict(self.event_takedowns)

    def _plainest(self, plan: Plan, night: Night | None) -> tuple[dict[Slot, Picture], dict[Slot, frozenset[State]]]:
        """The first permitted end of each slot that makes no duplicate and keeps the budget."""
        live, states = dict(self.live), dict[Slot, frozenset[State]]()
        left = None if night is None else night.budget
        order = sorted(plan.options, key=lambda slot: (plan.options[slot][0].picture is not None, slot))
        for slot in order:
            end = self._first_end(slot, plan.options[slot], live, left)
            if left is not None and end.picture is not None and end.picture != self.live.get(slot):
                left -= 1
            states[slot] = end.states
            live.pop(slot, None)
            if end.picture is not None:
                live[slot] = end.picture
        return live, states

    def _first_end(
        self, slot: Slot, ends: tuple[Option, ...], live: Mapping[Slot, Picture], left: int | None
    ) -> Option:
        """The first end that is no duplicate, whose twin (if it needs one) is live, and that the budget allows."""
        for end in ends:
            fresh = end.picture is not None and end.picture != self.live.get(slot)
            if fresh and (left == 0 or (end.picture is not None and self.twins(slot, end.picture, live))):
                continue
            if end.twin is None or any(
                self.looks(shown) == end.twin for other, shown in live.items() if other.sku != slot.sku
            ):
                return end
        return ends[-1]

    def _conclude(
        self,
        live: dict[Slot, Picture],
        states: Mapping[Slot, frozenset[State]],
        version: int | None,
        ours: frozenset[Slot] | None = None,
    ) -> None:
        """Take an end as what happened: pictures, refusals, takedowns without effect, and the release.

        `ours`: slots whose refusal speaks of us (unknown: all of a night on which a scanner or engine was away).
        """
        old = self.before.live if self.before is not None else {}
        self.live = live
        self.scored |= {Picture(p.content, attempt) for p in live.values() for attempt in range(p.attempt + 1)}
        for slot in () if self.plan.held else self.plan.must | self.plan.may:  # a held batch leaves no outcome
            away = self.plan.away if ours is None else slot in ours
            self._remember(slot, states.get(slot, frozenset()), away)
        for key, refusal in self.refusals.items():
            if self.content_of(key[0]) is None:
                self.refusals[key] = replace(refusal, is_uncertain=True)
        for slot, picture in live.items():
            takedown = self.takedowns.get((slot, picture.content))
            if takedown is not None and takedown.by != "person":
                del self.takedowns[slot, picture.content]
        last = self.releases[-1].number if self.releases else 0
        if live != old or (version is not None and version > last):
            number = last + 1 if version is None else version
            self.releases.append(Release(number, dict(live), self.night.run if self.night else ""))

    def _remember(self, slot: Slot, seen: frozenset[State], away: bool) -> None:
        """Remember, or forget, the refusal of a slot that the last refresh decided; `away`: it speaks of us."""
        content = self.content_of(slot)
        if content is None:
            return
        shown, old = self.live.get(slot), self.refusals.pop((slot, content), None)
        allowed = {state for end in self.plan.options[slot] for state in end.states}
        lenient = self.night is not None and self.night.killed
        named = seen if lenient else seen & allowed
        state = next((state for state in PREFERENCE if state in named and state != "withdrawn"), None)
        if (shown is not None and shown.content == content) or state is None:
            return
        kept = old if lenient and old is not None and old.state == state else None
        """The old word, where it may stand still: the slot was left to another run, or the run was killed."""
        if kept is not None and state not in allowed:
            self.refusals[slot, content] = kept
            return
        twins = [end.twin for end in self.plan.options[slot] if end.twin is not None and state in end.states]
        tries = old.tries + 1 if old is not None and away else 1
        if state == "failed":
            self.failed[content] = self.failed.get(content, 0) + 1
        twin = twins[0] if twins else kept.twin if kept is not None else None
        doubt = kept is not None and (kept.is_uncertain or kept.policy != self.policy_number)
        self.refusals[slot, content] = Refusal(state, self.policy_number, away, tries, twin, self.day, doubt)
        if not away and state != "deferred":
            self.scored |= {Picture(content, attempt) for attempt in self.seeds(content)}
