"""What a refresh may do with each slot: the promises on planning, gates, waiting and retiring, as plain rules.

Functions of the shop's state and of the night; nothing here changes either.
"""

from dataclasses import dataclass, field

from .shop_facts import Night, Option, Picture, Refusal, ShopState, Slot, State

OURS: frozenset[State] = frozenset({"review", "failed", "deferred"})
BLOCKED: frozenset[State] = frozenset({"blocked", "failed"})


@dataclass
class Plan:
    """The permitted ends of an event; the slots it must and may count as new or changed; whether a scanner or engine
    was away."""

    options: dict[Slot, tuple[Option, ...]] = field(default_factory=dict)
    must: set[Slot] = field(default_factory=set)
    may: set[Slot] = field(default_factory=set)
    held: bool = False
    away: bool = False


def plan_refresh(shop: ShopState, night: Night, skus: frozenset[str] | None, full: bool) -> Plan:
    """Permitted ends of every slot that is live or asked for. `skus`: those that a partial run looks at (none: all)."""
    plan = Plan(away=night.scanner_away or night.engine_down)
    asked = [slot for slot in shop.asked() if slot.sku not in night.rejected and (skus is None or slot.sku in skus)]
    for slot in shop.live.keys() | set(shop.asked()):
        plan.options[slot] = (Option(shop.live.get(slot)),)
    if full and not night.unattributable:
        gone = [slot for slot in shop.live if shop.content_of(slot) is None and slot.sku not in night.rejected]
        plan.held = len(gone) > shop.retire_limit * len(shop.live) and not night.accept_retiring
        plan.options.update({slot: (Option(None),) for slot in gone})
    for slot in asked:
        plan.options[slot] = _slot_options(shop, night, slot, plan)
    if plan.held:
        plan.options = {slot: (Option(shop.live.get(slot)),) for slot in plan.options}
    elif night.killed or night.may_hold:
        plan.options = {slot: (*ends, Option(shop.live.get(slot))) for slot, ends in plan.options.items()}
    return plan


def _slot_options(shop: ShopState, night: Night, slot: Slot, plan: Plan) -> tuple[Option, ...]:
    """Permitted ends of one asked slot: erased, unchanged, taken down, waiting, or decided this night."""
    content, shown = shop.content_of(slot), shop.live.get(slot)
    assert content is not None
    takedown = shop.takedowns.get((slot, content))
    if slot.sku in shop.erased:
        return (Option(None),)
    if takedown is not None and takedown.by == "person" and not takedown.readmitted:
        kept = None if shown is not None and shown.content == content else shown
        return (Option(kept, frozenset({"withdrawn", "blocked", "review"})),)
    if shown is not None and shown.content == content:
        return (Option(shown),)
    if takedown is not None and not (takedown.readmitted and takedown.by == "rollback"):
        return _taken_options(shop, night, slot, content, plan)
    refusal = shop.refusals.get((slot, content))
    decided = _decide(shop, night, slot, content)
    if any((slot, Picture(content, attempt)) in shop.accepted for attempt in shop.seeds(content)):
        plan.may.add(slot)
        return decided
    if refusal is None or refusal.state == "deferred" or _retry_is_due(shop, refusal):
        (plan.must if takedown is None else plan.may).add(slot)
        return decided
    plan.may.add(slot)
    again = refusal.state == "failed" or refusal.ours or refusal.is_uncertain
    waits = Option(shown, frozenset({refusal.state, "failed"} if again else {refusal.state}))
    if again:
        return (*decided, waits)
    if refusal.policy != shop.policy_number or refusal.twin is not None:
        return decided
    return (waits,)


def _retry_is_due(shop: ShopState, refusal: Refusal) -> bool:
    """Whether the night has come by which what speaks of us must have been tried again."""
    return (
        refusal.ours
        and refusal.tries == 1
        and not refusal.is_uncertain
        and shop.day - refusal.day >= shop.nights_until_retry
    )


def _taken_options(shop: ShopState, night: Night, slot: Slot, content: str, plan: Plan) -> tuple[Option, ...]:
    """A slot whose request was withdrawn waits; one that a policy took may return by a picture that passes now.

    Under the same policy that is another seed's picture: what was taken does not pass.
    """
    takedown = shop.takedowns[(slot, content)]
    if takedown.by == "rollback":
        return (Option(shop.live.get(slot), frozenset({"withdrawn"})),)
    plan.may.add(slot)
    waits = Option(shop.live.get(slot), frozenset({"withdrawn", "review", "blocked"}))
    return (waits, *_decide(shop, night, slot, content))


def _decide(shop: ShopState, night: Night, slot: Slot, content: str) -> tuple[Option, ...]:
    """Permitted ends of a slot that a run decides: a picture that passes, or a refusal beside what is shown now."""
    shown = shop.live.get(slot)
    pictures = [Picture(content, attempt) for attempt in shop.seeds(content)]
    accepted = [picture for picture in pictures if (slot, picture) in shop.accepted]
    good = accepted or _usable(shop, slot, pictures)
    refused = _refusals(shop, slot, pictures)
    if accepted:
        by_twin: frozenset[State] = frozenset({"blocked", "review"})
        refused = [(by_twin, shop.looks(picture)) for picture in accepted if _possible_twin(shop, slot, picture)]
    ends = [Option(picture) for picture in good] + [Option(shown, states, twin) for states, twin in refused]
    if night.scanner_away or night.engine_down:
        # A picture whose score is stored needs neither engine nor scanner; nothing else may pass.
        ours = OURS if night.scanner_away else frozenset[State]({"failed", "deferred"})
        ends = [Option(shown, ours), *[end for end in ends if end.picture == shown or end.picture in shop.scored]]
    if night.budget is not None:
        ends.append(Option(shown, frozenset({"deferred"})))
    return tuple(ends)


def _usable(shop: ShopState, slot: Slot, pictures: list[Picture]) -> list[Picture]:
    """Pictures that may be published: the first that passes, or any where attempts of this content were made before."""
    passing = [
        picture for picture in pictures if shop.verdict(picture) == "pass" and not _surely_twin(shop, slot, picture)
    ]
    made_before = pictures[0].content in shop.failed or any(
        known.content == pictures[0].content for known in shop.scored
    )
    possible_twin = bool(passing) and _possible_twin(shop, slot, passing[0])
    return passing if made_before or possible_twin else passing[:1]


def _refusals(shop: ShopState, slot: Slot, pictures: list[Picture]) -> list[tuple[frozenset[State], str | None]]:
    """States by which a slot may be refused: by a picture up to the first that surely passes (seeds run in order)."""
    ends: list[tuple[frozenset[State], str | None]] = []
    for picture in pictures:
        verdict = shop.verdict(picture)
        if verdict == "review":
            ends.append((frozenset({"review"}), None))
        elif verdict == "block":
            ends.append((BLOCKED, None))
        elif _surely_twin(shop, slot, picture) or _possible_twin(shop, slot, picture):
            ends.append((frozenset({"blocked", "review"}), shop.looks(picture)))
        elif picture.content not in shop.failed:
            break
    return ends


def _surely_twin(shop: ShopState, slot: Slot, picture: Picture) -> bool:
    """Whether another SKU shows the same and goes on showing it, since its own row asks for just that."""
    twins = [other for other in shop.twins(slot, picture, shop.live) if not shop.is_heard(shop.live[other])]
    return any(shop.content_of(other) == shop.live[other].content for other in twins)


def _possible_twin(shop: ShopState, slot: Slot, picture: Picture) -> bool:
    """Whether another SKU shows the same now, or may come to show it in the same night."""
    coming = {
        other: Picture(content, attempt)
        for other in shop.asked()
        if (content := shop.content_of(other)) is not None
        for attempt in shop.seeds(content)
        if shop.looks(Picture(content, attempt)) == shop.looks(picture)
    }
    return bool(shop.twins(slot, picture, shop.live) or shop.twins(slot, picture, coming))
