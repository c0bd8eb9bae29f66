"""A naive model of a shop's catalogue over many nights, written from the promises alone.

How a harness drives it:

    shop = NaiveShop(score=..., looks=..., attempts=3)     # pure functions of a Picture; see ShopState for all settings
    shop.apply_policy(Policy("first", rule))               # number 1; each later one takes the next number
    shop.put(Row("mug", "Mug", "kitchen"))                 # the shop's drift: put, remove, edit_template
    shop.refresh(Night(run="r1"))                          # full; refresh_new(...) is partial and never retires
    problems = shop.check(observation)                     # violations in words; empty when all is permitted
    shop.expected()                                        # what is permitted, by slot, and the report's figures
    shop.adopt(observation)                                # go on from what was seen, since promises leave freedom

Events of the store: refresh, refresh_new, together (several beside each other), release_held, apply_policy,
rollback_to, rollback_run, rollback_sku, erase. Each computes what is permitted and settles on the plainest end, so the
model also runs alone. Answers of people: accept, reject, readmit, approve, unapprove. They act at the next refresh.

Apply a policy before the first refresh. `check` judges the last event of the store; call it, and then `adopt`, after
each one and before anything else. Release numbers are the observed data versions once `adopt` was called. A picture is
Picture(content_of(slot), attempt); a harness maps the image keys that it sees to that.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .night_rules import Plan, plan_refresh
from .settling import SettlingShop
from .shop_check import violations
from .shop_facts import (
    Expected,
    Night,
    Observation,
    Option,
    Picture,
    Policy,
    Release,
    Row,
    Slot,
    Takedown,
)


@dataclass
class NaiveShop(SettlingShop):
    """The model: one method for each event, and what is permitted after the last one."""

    # The shop's drift: seen by the next refresh.

    def put(self, row: Row) -> None:
        """Add a row, edit it, or bring it back."""
        self.rows[row.sku] = row

    def remove(self, sku: str) -> None:
        """Take a row out of the catalogue."""
        self.rows.pop(sku, None)

    def edit_template(self, category: str, version: int | None = None) -> None:
        """Change a category's template to a new version, or back to a named one."""
        self.templates[category] = self.templates.get(category, 0) + 1 if version is None else version

    # What people say: it acts at the next refresh.

    def accept(self, slot: Slot, picture: Picture) -> None:
        """A person accepts one picture for a slot, whatever the policies say."""
        self.accepted.add((slot, picture))
        takedown = self.takedowns.get((slot, picture.content))
        if takedown is not None and takedown.by != "rollback":
            del self.takedowns[slot, picture.content]

    def reject(self, slot: Slot) -> None:
        """A person rejects what a slot's row asks for. If it is live, it must be gone after the next full refresh."""
        content = self.content_of(slot)
        if content is not None:
            self.takedowns[slot, content] = Takedown("person", self.policy_number)
            self.accepted = {(s, p) for s, p in self.accepted if (s, p.content) != (slot, content)}

    def readmit(self, sku: str) -> None:
        """A person lets a SKU's withdrawn requests be decided again."""
        for slot, content in [key for key in self.takedowns if key[0].sku == sku]:
            self.takedowns[slot, content] = replace(self.takedowns[slot, content], readmitted=True)
            self.refusals.pop((slot, content), None)

    def hear(self, picture: Picture, prompt: str = "", *, is_retry: bool = False) -> None:
        """People say something of a picture in a console, bound to it: what its slots show is up to them from now on.

        `prompt`: what they put in the place of its own.
        """
        self.heard.setdefault(picture.content, set()).update({prompt} - {""})
        self.retries[picture.content] = self.retries.get(picture.content, 0) + is_retry

    def approve(self, channel: str, slot: Slot) -> None:
        """A person approves the live picture of a slot for a channel."""
        self.approvals.add((channel, slot, self.live[slot]))

    def unapprove(self, channel: str, slot: Slot) -> None:
        """A person takes an approval back."""
        self.approvals = {(c, s, p) for c, s, p in self.approvals if (c, s) != (channel, slot)}

    # Events of the store.

    def refresh(self, night: Night | None = None) -> None:
        """A full refresh: decides what is new or changed, and retires what is no longer asked for."""
        night = night or Night()
        self._happen(plan_refresh(self, night, None, full=True), night)

    def refresh_new(self, night: Night | None = None, skus: frozenset[str] | None = None) -> None:
        """A partial refresh of some SKUs (none named: all). Never retires."""
        night = night or Night()
        self._happen(plan_refresh(self, night, skus, full=False), night)

    def together(self, *refreshes: tuple[Night, frozenset[str] | None, bool]) -> None:
        """Refreshes beside each other, each (night, SKUs, full): what any of them may do to a slot is permitted."""
        plans = [plan_refresh(self, night, skus, full) for night, skus, full in refreshes]
        union = Plan(held=any(plan.held for plan in plans), away=any(plan.away for plan in plans))
        union.may = set().union(*(plan.must | plan.may for plan in plans))
        for slot in set().union(*(plan.options for plan in plans)):
            union.options[slot] = tuple(end for plan in plans for end in plan.options.get(slot, ()))
        self._happen(union, None)

    def release_held(self) -> None:
        """A person releases the batch that the last refresh held; slots that moved since may stay as they are."""
        if self.held_plan is None:
            raise ValueError("no batch is held")
        plan = copy.copy(self.held_plan)
        plan.options = {slot: (*ends, Option(self.live.get(slot))) for slot, ends in plan.options.items()}
        self._happen(plan, None)

    def take_back(self) -> None:
        """Live pictures that people took back go, before a full refresh plans."""
        before = self._state()
        self._happen(self._still(), None, before)

    def apply_policy(self, policy: Policy) -> None:
        """Put the next policy in force; it takes every live picture that it refuses and that no person accepted."""
        before = self._state()
        self.policies = [*self.policies, policy]
        plan = self._still()
        for slot, picture in self.live.items():
            if self.refuses(slot, picture):
                asked = self.content_of(slot) is not None
                plan.options[slot] = (Option(None, frozenset({"withdrawn", "review", "blocked"} if asked else ())),)
                self.takedowns[slot, picture.content] = Takedown("policy", self.policy_number)
        self._happen(plan, None, before)

    def erase(self, sku: str) -> None:
        """Erase a SKU for good: nothing of it is live again."""
        before = self._state()
        self.erased.add(sku)
        self.accepted = {(slot, picture) for slot, picture in self.accepted if slot.sku != sku}
        plan = self._still()
        plan.options.update({slot: (Option(None),) for slot in self.live if slot.sku == sku})
        self._happen(plan, None, before)

    def rollback_to(self, number: int, drop_new: bool = False, sku: str | None = None, seen: int | None = None) -> None:
        """Go back to a release for what changed since. What is new since stays unless `drop_new`."""
        target = self._release(number).live
        slots = {slot for slot in target.keys() | self.live.keys() if sku is None or slot.sku == sku}
        wishes = {slot: target.get(slot) for slot in slots if slot in target or drop_new}
        self._go_back({slot: (picture,) for slot, picture in wishes.items()}, seen)

    def rollback_run(self, run: str, seen: int | None = None) -> None:
        """Take back what one run published and retired, where that is still so."""
        at = next(index for index, release in enumerate(self.releases) if release.run == run)
        self._take_back(self._changed_slots(at), at, seen)

    def rollback_sku(self, sku: str, seen: int | None = None) -> None:
        """Take back the last release that changed what a SKU shows, of those up to release `seen` (none: of all)."""
        for at in reversed(range(len(self.releases))):
            changed = {slot: earlier for slot, earlier in self._changed_slots(at).items() if slot.sku == sku}
            if changed and (seen is None or self.releases[at].number <= seen):
                self._take_back(changed, at, seen)
                return
        self._go_back({})

    # What is permitted, and what was seen.

    def expected(self) -> Expected:
        """What the last event of the store permits."""
        states = {
            slot: frozenset(state for end in self.plan.options.get(slot, ()) for state in end.states)
            for slot in self.asked()
        }
        night, must = self.night, len(self.plan.must)
        return Expected(
            live=dict(self.live),
            options=dict(self.plan.options),
            not_live=states,
            rows_input=None if night is None else len(self.rows) + night.unattributable + night.ignored,
            wanted=None if night is None or night.killed else (must, len(self.plan.must | self.plan.may)),
            held=self.plan.held,
            approvals=frozenset(given for given in self.approvals if self.live.get(given[1]) == given[2]),
        )

    def check(self, observed: Observation) -> list[str]:
        """Violations, in words, of what was observed after the last event of the store."""
        return violations(self, self.before or self, self.expected(), self.night or Night(), observed)

    def adopt(self, observed: Observation) -> None:
        """Go on from what was observed, not from the plainest end. Call it right after the event and `check`."""
        self._forget_end()
        states = {slot: frozenset(o.state for o in outcomes) for slot, outcomes in observed.outcomes.items()}
        live = {slot: shown.picture for slot, shown in observed.live.items()}
        ours = {slot for slot, outcomes in observed.outcomes.items() if any(o.speaks_of_us for o in outcomes)}
        self._conclude(live, states, observed.version, frozenset(ours))

    def doubt_refusals(self) -> None:
        """Let the refusals of the last refresh be of another policy than the one in force then."""
        for key, refusal in self.refusals.items():
            if key[0] in self.plan.must | self.plan.may:
                self.refusals[key] = replace(refusal, is_uncertain=True)

    # Mechanics.

    def _release(self, number: int) -> Release:
        return next(release for release in self.releases if release.number == number)

    def _changed_slots(self, at: int) -> dict[Slot, Picture | None]:
        """What each slot showed before a release that changed it."""
        made, earlier = self.releases[at].live, self.releases[at - 1].live if at else {}
        return {slot: earlier.get(slot) for slot in made.keys() | earlier.keys() if made.get(slot) != earlier.get(slot)}

    def _take_back(self, changed: Mapping[Slot, Picture | None], at: int, seen: int | None) -> None:
        """Go back in the slots that are still as a release made them; a slot that has changed since stays."""
        made = self.releases[at].live
        self._go_back({s: (earlier,) for s, earlier in changed.items() if self.live.get(s) == made.get(s)}, seen)

    def _go_back(self, wishes: Mapping[Slot, tuple[Picture | None, ...]], seen: int | None = None) -> None:
        """A rollback: each slot goes to one of its wishes, or to none or nowhere where others took the wish away.

        One that saw release `seen` and stood still may leave out what resembled anything that was live since.
        """
        shown_since = [self.live, *(each.live for each in self.releases if seen is not None and each.number >= seen)]
        before, plan = self._state(), self._still()
        for slot, pictures in wishes.items():
            shown = self.live.get(slot)
            if pictures == (shown,):
                continue
            ends = [Option(w) for w in pictures if w is None or not self.taken(slot, w) or self.is_heard(w)]
            if len(ends) < len(pictures) or any(
                wish and self.twins(slot, wish, live) for wish in pictures for live in shown_since
            ):
                ends += [Option(None), Option(shown)]
            if any(wish and (slot, wish.content) in self.takedowns for wish in pictures):
                ends.append(Option(shown))
            plan.options[slot] = tuple(ends)
            if shown is not None and any(wish is None or wish.content != shown.content for wish in pictures):
                # Forgotten again where the end shows this content nevertheless.
                self.takedowns[slot, shown.content] = Takedown("rollback", self.policy_number)
        self._happen(plan, None, before)
