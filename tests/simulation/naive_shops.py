"""Small shops for tests of the naive model, and what a faithful product would show of them."""

from dataclasses import replace

from .naive_model import NaiveShop
from .shop_facts import Night, Observation, Outcome, Picture, Policy, Row, Showing, Slot, Verdict

MUG, CUP, PAN = Slot("mug", "front"), Slot("cup", "front"), Slot("pan", "front")
SCORES = {"bad": 0.1, "doubtful": 0.5, "good": 0.9}


def score_by_title(picture: Picture) -> float | None:
    """A picture scores by the first word of its title."""
    return SCORES.get(picture.content.split()[0], 0.9)


def _usual(score: float) -> Verdict:
    return "pass" if score > 0.8 else "review" if score > 0.3 else "block"


USUAL = Policy("usual", _usual)
STRICT = Policy("strict", lambda score: "pass" if score > 0.95 else "block")
LAX = Policy("lax", lambda score: "pass" if score >= 0 else "block")


def small_shop(**titles: str) -> NaiveShop:
    """A shop under the usual policy, with a row a SKU, after its first night."""
    shop = NaiveShop(score=score_by_title, retire_limit=1.0)
    shop.apply_policy(USUAL)
    for sku, title in titles.items():
        shop.put(Row(sku, title, "kitchen"))
    shop.refresh(Night(run="first"))
    return shop


def faithful(shop: NaiveShop) -> Observation:
    """What a faithful product would show after the model's last event."""
    outcomes = {
        slot: (Outcome(sorted(states)[0], "some reason"),)
        for slot, states in shop.settled.items()
        if states and (slot not in shop.live or shop.live[slot].content != shop.content_of(slot))
    }
    live = {slot: Showing(picture, shop.verdict(picture)) for slot, picture in shop.live.items()}
    return Observation(live, outcomes, shop.releases[-1].number if shop.releases else 0, shop.policy_number)


def but_showing(seen: Observation, slot: Slot, picture: Picture | None) -> Observation:
    """An observation in which a slot shows something else, in a later version."""
    live = {other: shown for other, shown in seen.live.items() if other != slot}
    return replace(seen, live=live if picture is None else {**live, slot: Showing(picture)}, version=seen.version + 1)
