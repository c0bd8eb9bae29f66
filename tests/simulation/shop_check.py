"""What must hold of an observed shop, in words: the invariants of the promises, and the ends that the model permits."""

from collections.abc import Iterator, Mapping

from .shop_facts import Counts, Expected, Night, Observation, Option, Picture, ShopState, Slot


def violations(shop: ShopState, before: ShopState, expected: Expected, night: Night, seen: Observation) -> list[str]:
    """All violations of an observation.

    Inputs: the model after the event, the model before it, what the event permits, the night, and what was seen.
    """
    return [
        *_counts(seen, expected),
        *_slots(before, expected, seen),
        *_live(shop, seen),
        *_facts(shop, before, expected, seen),
        *_releases(before, seen),
        *_budget(before, night, seen),
    ]


def _counts(seen: Observation, expected: Expected) -> Iterator[str]:
    """Promise 1: nothing is lost. Promise 2: only what changed."""
    for counts in seen.counts:
        rows = counts.accepted + counts.rejected + counts.ignored
        if counts.input != rows:
            yield f"rows are lost: input {counts.input}, accepted + rejected + ignored {rows}"
        wanted, ended = counts.new + counts.changed, _ended(counts)
        if wanted != ended:
            yield f"slots are lost: new + changed {wanted}, published to superseded {ended}"
    if len(seen.counts) != 1 or expected.wanted is None:
        return
    (counts,), (least, most) = seen.counts, expected.wanted
    if expected.rows_input not in (None, counts.input):
        yield f"input is {counts.input} rows, the catalogue has {expected.rows_input}"
    if not least <= counts.new + counts.changed <= most:
        yield f"new + changed is {counts.new + counts.changed}, permitted {least} to {most}"
    if most == 0 and (counts.images or counts.prompts):
        yield f"nothing changed, yet {counts.images} images were made and {counts.prompts} prompts rendered"


def _ended(counts: Counts) -> int:
    refused = counts.review + counts.blocked + counts.failed + counts.deferred
    return counts.published + refused + counts.superseded


def _slots(before: ShopState, expected: Expected, seen: Observation) -> Iterator[str]:
    """Every slot ends as permitted: what it shows, and a named reason where it does not show what is asked for."""
    for slot in sorted(seen.live.keys() | expected.options.keys()):
        ends = expected.options.get(slot, (Option(None),))
        shown = seen.live[slot].picture if slot in seen.live else None
        fitting = [end for end in ends if end.picture == shown]
        if not fitting:
            yield f"{_name(slot)} {_misplaced(before, slot, shown)}; permitted: {_pictures(ends)}"
            continue
        states = {outcome.state for outcome in seen.outcomes.get(slot, ())}
        fitting = [end for end in fitting if not end.states or end.states & states]
        if not fitting:
            wanted = sorted({state for end in ends for state in end.states})
            yield f"{_name(slot)} is neither live as asked nor named: outcomes {sorted(states)}, permitted {wanted}"
        elif not any(end.twin is None or _has_twin(before, slot, end.twin, seen) for end in fitting):
            yield f"{_name(slot)} is refused as a duplicate, and nothing like it is live"
    for slot, outcomes in sorted(seen.outcomes.items()):
        if any(not outcome.reason for outcome in outcomes):
            yield f"{_name(slot)} has an outcome without a reason"


def _misplaced(before: ShopState, slot: Slot, shown: Picture | None) -> str:
    """How a slot came to show what no permitted end shows."""
    old = before.live.get(slot)
    if shown is None:
        return f"lost its good picture {old}" if old is not None else "shows nothing, and its picture passes"
    takedown = before.takedowns.get((slot, shown.content))
    if slot.sku in before.erased:
        return f"shows {shown}, and its SKU was erased"
    if takedown is not None and shown != old:
        return f"shows {shown} again, which {takedown.by} took away"
    return f"still shows {shown}" if shown == old else f"shows {shown}"


def _has_twin(before: ShopState, slot: Slot, look: str, seen: Observation) -> bool:
    """Whether another SKU shows what looks like this, or showed it when the event began."""
    shown = [*before.live.items(), *((other, showing.picture) for other, showing in seen.live.items())]
    return any(other.sku != slot.sku and before.looks(picture) == look for other, picture in shown)


def _live(shop: ShopState, seen: Observation) -> Iterator[str]:
    """No duplicate is live, and nothing that the policy in force refuses, save what people have said something of."""
    live = {slot: shown.picture for slot, shown in seen.live.items()}
    by_look: dict[str, dict[Slot, Picture]] = {}
    for slot, picture in live.items():
        by_look.setdefault(shop.looks(picture), {})[slot] = picture
    for slot, picture in sorted(live.items()):
        for other in shop.twins(slot, picture, by_look[shop.looks(picture)]):
            if slot < other and not (shop.is_heard(picture) or shop.is_heard(live[other])):
                yield f"{_name(slot)} and {_name(other)} show duplicates"
        refused = ("review", "block") if shop.review_is_refusal else ("block",)
        told = seen.live[slot].verdict in refused and (slot, picture) not in shop.accepted
        takedown = shop.takedowns.get((slot, picture.content))
        goes_next = (takedown is not None and takedown.by == "person") or shop.is_heard(picture)
        if (told or shop.refuses(slot, picture)) and not goes_next:
            yield f"{_name(slot)} shows {picture}, which the policy in force refuses and no person accepted"


def _facts(shop: ShopState, before: ShopState, expected: Expected, seen: Observation) -> Iterator[str]:
    """The policy in force, a held batch, and approvals."""
    if seen.policy != shop.policy_number:
        yield f"policy {seen.policy} is in force, and {shop.policy_number} was applied last"
    if expected.held and not seen.held and _moved(before.live, seen):
        yield "more retires than the limit, and the batch was not held"
    if seen.held and _moved(before.live, seen):
        yield "the batch is held, and the shop changed"
    if seen.approvals is not None:
        for channel, slot, picture in sorted(seen.approvals - shop.approvals):
            yield f"{_name(slot)} is approved for {channel} with {picture}, which nobody said or somebody took back"
        live = {(slot, shown.picture) for slot, shown in seen.live.items()}
        for channel, slot, picture in sorted(shop.approvals - seen.approvals):
            if (slot, picture) in live:
                yield f"{_name(slot)} lost its approval for {channel}"


def _releases(before: ShopState, seen: Observation) -> Iterator[str]:
    """A data version shows one thing for ever, and versions only grow."""
    last = before.releases[-1].number if before.releases else 0
    if seen.version < last:
        yield f"the version went back from {last} to {seen.version}"
    if seen.version == last and _moved(before.live, seen):
        yield f"the shop changed within version {last}"
    for release in before.releases:
        if seen.releases is not None and seen.releases.get(release.number, release.live) != release.live:
            yield f"release {release.number} shows something else than it did"


def _budget(before: ShopState, night: Night, seen: Observation) -> Iterator[str]:
    """No more images than the night's budget are made; beside other runs, theirs are found too."""
    made = {shown.picture for shown in seen.live.values()} - before.scored
    if night.budget is not None and not night.killed and len(made) > night.budget:
        yield f"{len(made)} images were made with a budget of {night.budget}"
    if night.budget is not None and any((counts.images or 0) > night.budget for counts in seen.counts):
        yield f"a report names more images than the budget of {night.budget}"


def _moved(live: Mapping[Slot, Picture], seen: Observation) -> bool:
    return live != {slot: shown.picture for slot, shown in seen.live.items()}


def _name(slot: Slot) -> str:
    return f"{slot.sku}/{slot.view}"


def _pictures(ends: tuple[Option, ...]) -> str:
    return ", ".join(sorted({"nothing" if end.picture is None else str(tuple(end.picture)) for end in ends}))
