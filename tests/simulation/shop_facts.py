"""The words of the naive model: rows, slots, pictures, policies, nights, and what may be observed of a shop.

Values only, no rule of refreshes. Written from the promises and the glossary alone, so that the product's own code
can be judged by something that does not share its mistakes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Verdict = Literal["pass", "review", "block"]
State = Literal["review", "blocked", "failed", "deferred", "withdrawn"]
OUR_REASONS = ("scanner-failed", "scanner-missing", "engine-failed", "staged-image-lost", "set-aside")
"""Parts of reason codes that speak of us, as the reference of reason codes lists them."""
Taker = Literal["rollback", "policy", "person"]


class Slot(NamedTuple):
    """One place in the shop that wants a picture."""

    sku: str
    view: str


class Picture(NamedTuple):
    """The identity of a picture: what was asked for, and which seed made it. Says nothing of pixels."""

    content: str
    attempt: int = 0


@dataclass(frozen=True)
class Row:
    """A catalogue row: all of it that reaches a picture."""

    sku: str
    title: str
    category: str
    views: tuple[str, ...] = ("front",)


@dataclass(frozen=True)
class Policy:
    """A rule over one score. A score that is absent, NaN or infinite is `review`, whatever the rule says."""

    name: str
    rule: Callable[[float], Verdict]

    def verdict(self, score: float | None) -> Verdict:
        return "review" if score is None or not math.isfinite(score) else self.rule(score)


@dataclass(frozen=True)
class Night:
    """What is special about one refresh.

    `rejected`: SKUs whose row cannot be used. `unattributable`: rows without a readable SKU. `ignored`: rows left out.
    `budget`: images that may be made. `killed`: it may have committed or not. `may_hold`: an audit check other than
    that of retiring may have held it. `accept_retiring`: a person has accepted that more than the limit retires.
    """

    run: str = ""
    scanner_away: bool = False
    engine_down: bool = False
    budget: int | None = None
    killed: bool = False
    may_hold: bool = False
    accept_retiring: bool = False
    rejected: frozenset[str] = frozenset()
    unattributable: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class Option:
    """One permitted end of a slot: the picture that it shows, and outcomes of which one must be there (none: any).

    `twin`: this end is only permitted while another SKU shows a picture that looks like this.
    """

    picture: Picture | None
    states: frozenset[State] = frozenset()
    twin: str | None = None


@dataclass(frozen=True)
class Takedown:
    """Who took the picture of a (slot, content) away, under which policy, and whether a person readmitted it."""

    by: Taker
    policy: int
    readmitted: bool = False


@dataclass(frozen=True)
class Refusal:
    """What is remembered of a (slot, content) that was not published. `ours`: it speaks of us, not of the picture.

    `day`: on which it was refused. `is_uncertain`: it may be forgotten, or of another policy.
    """

    state: State
    policy: int
    ours: bool = False
    tries: int = 1
    twin: str | None = None
    day: int = 0
    is_uncertain: bool = False


@dataclass(frozen=True)
class Release:
    """One data version: what the shop shows under its number."""

    number: int
    live: Mapping[Slot, Picture]
    run: str = ""


@dataclass(frozen=True)
class Outcome:
    """An observed outcome of a slot."""

    state: State
    reason: str

    @property
    def speaks_of_us(self) -> bool:
        """Whether a scanner, engine or store failed, and nothing is said of the picture."""
        return any(code in self.reason for code in OUR_REASONS)


@dataclass(frozen=True)
class Showing:
    """An observed live slot: its picture, and what the policy in force says of it (`None`: not looked at)."""

    picture: Picture
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Counts:
    """The figures of one run's report. `images` made and `prompts` rendered: `None` where not looked at."""

    input: int = 0
    accepted: int = 0
    rejected: int = 0
    ignored: int = 0
    new: int = 0
    changed: int = 0
    published: int = 0
    review: int = 0
    blocked: int = 0
    failed: int = 0
    deferred: int = 0
    superseded: int = 0
    images: int | None = None
    prompts: int | None = None


@dataclass(frozen=True)
class Observation:
    """What a harness saw of the real shop after an event.

    `outcomes`: of a slot, for what its row asks for now or what was taken from it. `version`: data versions, not Delta
    versions. `counts`: reports of the runs that ended. `releases` and `approvals`: `None` where not looked at.
    """

    live: Mapping[Slot, Showing]
    outcomes: Mapping[Slot, tuple[Outcome, ...]]
    version: int
    policy: int
    counts: tuple[Counts, ...] = ()
    held: bool = False
    releases: Mapping[int, Mapping[Slot, Picture]] | None = None
    approvals: frozenset[tuple[str, Slot, Picture]] | None = None


@dataclass
class Expected:
    """What the model permits after an event.

    `live`: the plainest permitted shop. `options`: every permitted end by slot. `not_live`: the states by which an
    asked slot may be named that does not show what its row asks for. `wanted`: least and most of new + changed.
    """

    live: dict[Slot, Picture]
    options: dict[Slot, tuple[Option, ...]]
    not_live: dict[Slot, frozenset[State]]
    rows_input: int | None
    wanted: tuple[int, int] | None
    held: bool
    approvals: frozenset[tuple[str, Slot, Picture]]


@dataclass
class ShopState:
    """All that the model remembers, and plain questions about it.

    `score`: of a picture, the same on every night. `looks`: pictures that look alike have equal text (none: each its
    own). `sharing`: slots with equal content share a picture and are no duplicates of each other. `attempts`: seeds
    tried for a content at most. `nights_until_retry`: days (which a harness counts) after which a refusal that speaks
    of us must have been tried again. `failed`: content -> how often an engine has failed of it: its seeds may have
    been skipped, and others come after them. `review_is_refusal`: an applied policy also takes what it would send to
    review. `heard`: content of which people have said something in a console -> the prompts that they put in its place.
    `retries`: content -> how many attempts they have asked for beyond the budget.
    """

    score: Callable[[Picture], float | None]
    looks: Callable[[Picture], str] = str
    sharing: bool = True
    attempts: int = 3
    review_is_refusal: bool = True
    retire_limit: float = 0.05
    rows: dict[str, Row] = field(default_factory=dict)
    templates: dict[str, int] = field(default_factory=dict)
    policies: list[Policy] = field(default_factory=list)
    live: dict[Slot, Picture] = field(default_factory=dict)
    takedowns: dict[tuple[Slot, str], Takedown] = field(default_factory=dict)
    refusals: dict[tuple[Slot, str], Refusal] = field(default_factory=dict)
    accepted: set[tuple[Slot, Picture]] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    approvals: set[tuple[str, Slot, Picture]] = field(default_factory=set)
    scored: set[Picture] = field(default_factory=set)
    failed: dict[str, int] = field(default_factory=dict)
    heard: dict[str, set[str]] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)
    releases: list[Release] = field(default_factory=list)
    day: int = 0
    nights_until_retry: int = 0

    @property
    def policy_number(self) -> int:
        """The number of the policy in force, from 1."""
        return len(self.policies)

    def content_of(self, slot: Slot) -> str | None:
        """What the catalogue asks for in a slot now; `None` where it asks for nothing."""
        row = self.rows.get(slot.sku)
        if row is None or slot.view not in row.views:
            return None
        return f"{row.title}|{row.category}#{self.templates.get(row.category, 0)}|{slot.view}"

    def seeds(self, content: str) -> range:
        """The seeds that may have been tried for a content."""
        return range(self.attempts * (1 + self.failed.get(content, 0)) + self.retries.get(content, 0))

    def is_heard(self, picture: Picture | None) -> bool:
        """Whether people have said something of a picture's content, or put it in another one's place."""
        return picture is not None and (
            picture.content in self.heard or any(picture.content in edits for edits in self.heard.values())
        )

    def heard_pictures(self, content: str) -> list[Picture]:
        """Pictures of a content and of all prompts that people put in its place, or in theirs."""
        contents = [content]
        for each in contents:
            contents += sorted(self.heard.get(each, set()) - set(contents))
        return [Picture(each, attempt) for each in contents for attempt in self.seeds(each)]

    def asked(self) -> list[Slot]:
        """Every slot that the catalogue asks for, in order."""
        return sorted(Slot(row.sku, view) for row in self.rows.values() for view in row.views)

    def verdict(self, picture: Picture) -> Verdict:
        """What the policy in force says of a picture."""
        return self.policies[-1].verdict(self.score(picture))

    def refuses(self, slot: Slot, picture: Picture) -> bool:
        """Whether the policy in force forbids a slot to show a picture. What a person accepted is never forbidden."""
        refused = ("review", "block") if self.review_is_refusal else ("block",)
        return self.verdict(picture) in refused and (slot, picture) not in self.accepted

    def taken(self, slot: Slot, picture: Picture) -> bool:
        """Whether a policy, a person or an erasure took a slot's picture: no rollback may bring it back.

        What an older policy took away and the one in force passes may come back.
        """
        takedown = self.takedowns.get((slot, picture.content))
        by_person = takedown is not None and takedown.by == "person" and not takedown.readmitted
        return slot.sku in self.erased or by_person or self.refuses(slot, picture)

    def twins(self, slot: Slot, picture: Picture, live: Mapping[Slot, Picture]) -> list[Slot]:
        """Slots of other SKUs in `live` whose picture is a duplicate of this one."""
        look = self.looks(picture)
        return [
            other
            for other, shown in live.items()
            if other.sku != slot.sku
            and self.looks(shown) == look
            and not (self.sharing and shown.content == picture.content)
        ]
