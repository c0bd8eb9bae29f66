"""The naive model does what the promises say, and its check finds what breaks them."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from .naive_model import NaiveShop
from .shop_facts import Counts, Night, Observation, Outcome, Picture, Policy, Row, Showing, Slot, Verdict

MUG, CUP, PAN = Slot("mug", "front"), Slot("cup", "front"), Slot("pan", "front")
SCORES = {"bad": 0.1, "doubtful": 0.5, "good": 0.9}


def _score(picture: Picture) -> float | None:
    """A picture scores by the first word of its title."""
    return SCORES.get(picture.content.split()[0], 0.9)


def _usual(score: float) -> Verdict:
    return "pass" if score > 0.8 else "review" if score > 0.3 else "block"


USUAL = Policy("usual", _usual)
STRICT = Policy("strict", lambda score: "pass" if score > 0.95 else "block")
LAX = Policy("lax", lambda score: "pass" if score >= 0 else "block")


def _shop(**titles: str) -> NaiveShop:
    """A shop under the usual policy, with a row a SKU, after its first night."""
    shop = NaiveShop(score=_score, retire_limit=1.0)
    shop.apply_policy(USUAL)
    for sku, title in titles.items():
        shop.put(Row(sku, title, "kitchen"))
    shop.refresh(Night(run="first"))
    return shop


def _seen(shop: NaiveShop) -> Observation:
    """What a faithful product would show after the model's last event."""
    outcomes = {
        slot: (Outcome(sorted(states)[0], "some reason"),)
        for slot, states in shop.settled.items()
        if states and (slot not in shop.live or shop.live[slot].content != shop.content_of(slot))
    }
    live = {slot: Showing(picture, shop.verdict(picture)) for slot, picture in shop.live.items()}
    return Observation(live, outcomes, shop.releases[-1].number if shop.releases else 0, shop.policy_number)


def _showing(seen: Observation, slot: Slot, picture: Picture | None) -> Observation:
    """An observation in which a slot shows something else, in a later version."""
    live = {other: shown for other, shown in seen.live.items() if other != slot}
    return replace(seen, live=live if picture is None else {**live, slot: Showing(picture)}, version=seen.version + 1)


def test_what_passes_is_live_and_what_is_refused_is_named() -> None:
    shop = _shop(mug="good mug", cup="doubtful cup", pan="bad pan")
    assert shop.live == {MUG: Picture("good mug|kitchen#0|front")}
    assert shop.expected().not_live[CUP] == {"review"}
    assert "blocked" in shop.expected().not_live[PAN]
    assert shop.expected().wanted == (3, 3)
    assert shop.check(_seen(shop)) == []


def test_an_unchanged_catalogue_changes_nothing() -> None:
    shop = _shop(mug="good mug")
    shop.refresh()
    assert shop.expected().wanted == (0, 0)
    assert len(shop.releases) == 1
    made = replace(_seen(shop), counts=(Counts(input=1, accepted=1, images=1),))
    assert any("nothing changed" in problem for problem in shop.check(made))


def test_a_template_touches_its_own_category_only() -> None:
    shop = _shop(mug="good mug")
    shop.put(Row("cup", "good cup", "table"))
    shop.refresh()
    shop.edit_template("table")
    shop.refresh()
    assert shop.live[CUP].content == "good cup|table#1|front"
    assert shop.live[MUG].content == "good mug|kitchen#0|front"
    assert shop.expected().wanted == (1, 1)


def test_a_refused_change_leaves_the_old_picture_live() -> None:
    shop = _shop(mug="good mug")
    shop.put(Row("mug", "bad mug", "kitchen"))
    shop.refresh()
    assert shop.live[MUG].content.startswith("good mug")
    lost = _showing(_seen(shop), MUG, None)
    assert any("lost its good picture" in problem for problem in shop.check(lost))


def test_a_full_refresh_retires_and_a_partial_one_does_not() -> None:
    shop = _shop(mug="good mug", cup="good cup")
    shop.remove("mug")
    shop.refresh_new()
    assert MUG in shop.live
    shop.refresh(Night(unattributable=1))
    assert MUG in shop.live
    shop.refresh()
    assert MUG not in shop.live
    shop.put(Row("mug", "good mug", "kitchen"))
    shop.refresh_new()
    assert MUG in shop.live


def test_a_rejected_row_keeps_its_pictures() -> None:
    shop = _shop(mug="good mug")
    shop.remove("mug")
    shop.refresh(Night(rejected=frozenset({"mug"})))
    assert MUG in shop.live


def test_too_much_retiring_holds_the_batch_until_it_is_released() -> None:
    shop = _shop(mug="good mug", cup="good cup")
    shop.retire_limit = 0.05
    shop.remove("mug")
    shop.refresh()
    assert shop.expected().held
    assert MUG in shop.live
    shop.release_held()
    assert MUG not in shop.live


def test_an_applied_policy_takes_what_it_refuses_save_what_a_person_accepted() -> None:
    shop = _shop(mug="good mug", cup="good cup")
    shop.accept(MUG, shop.live[MUG])
    shop.apply_policy(STRICT)
    assert set(shop.live) == {MUG}
    shop.refresh()
    assert set(shop.live) == {MUG}
    shop.rollback_to(1)
    assert set(shop.live) == {MUG}
    back = _showing(_seen(shop), CUP, Picture("good cup|kitchen#0|front"))
    assert any("refuses" in problem for problem in shop.check(back))


def test_a_waiting_slot_is_decided_again_under_another_policy() -> None:
    shop = _shop(cup="doubtful cup")
    shop.refresh()
    assert CUP not in shop.live
    shop.apply_policy(LAX)
    assert CUP not in shop.live
    shop.refresh()
    assert CUP in shop.live


def test_what_a_person_accepts_is_published_and_what_one_rejects_goes_for_good() -> None:
    shop = _shop(cup="doubtful cup", mug="good mug")
    shop.accept(CUP, Picture("doubtful cup|kitchen#0|front"))
    shop.reject(MUG)
    shop.refresh()
    assert set(shop.live) == {CUP}
    shop.apply_policy(LAX)
    shop.refresh()
    assert set(shop.live) == {CUP}


def test_a_scanner_that_was_away_is_asked_again_the_next_night() -> None:
    shop = NaiveShop(score=_score)
    shop.apply_policy(USUAL)
    shop.put(Row("mug", "good mug", "kitchen"))
    shop.refresh(Night(scanner_away=True))
    assert shop.live == {}
    assert shop.check(_seen(shop)) == []
    passed = _showing(_seen(shop), MUG, Picture("good mug|kitchen#0|front"))
    assert shop.check(passed)
    shop.refresh()
    assert MUG in shop.live
    forgotten = replace(_seen(shop), live={}, outcomes={MUG: (Outcome("review", "scanner_failed"),)})
    assert shop.check(forgotten)


def test_an_engine_that_fails_leaves_slots_failed_and_they_are_tried_again() -> None:
    shop = NaiveShop(score=_score)
    shop.apply_policy(USUAL)
    shop.put(Row("mug", "good mug", "kitchen"))
    shop.refresh(Night(engine_down=True))
    assert shop.expected().not_live[MUG] == {"failed", "deferred"}
    shop.refresh()
    assert MUG in shop.live


def test_a_budget_defers_and_the_next_night_makes_the_rest() -> None:
    shop = NaiveShop(score=_score)
    shop.apply_policy(USUAL)
    for sku in ("mug", "cup"):
        shop.put(Row(sku, f"good {sku}", "kitchen"))
    shop.refresh(Night(budget=1))
    assert len(shop.live) == 1
    assert shop.check(_seen(shop)) == []
    shop.refresh()
    assert len(shop.live) == 2


def test_a_rollback_goes_back_for_what_changed_and_keeps_what_is_new() -> None:
    shop = _shop(mug="good mug")
    shop.put(Row("mug", "good new mug", "kitchen"))
    shop.put(Row("cup", "good cup", "kitchen"))
    shop.refresh(Night(run="second"))
    shop.rollback_to(1)
    assert shop.live[MUG].content.startswith("good mug")
    assert CUP in shop.live
    shop.refresh()
    assert shop.live[MUG].content.startswith("good mug")
    undone = _showing(_seen(shop), MUG, Picture("good new mug|kitchen#0|front"))
    assert any("rollback took away" in problem for problem in shop.check(undone))
    shop.rollback_to(1, drop_new=True)
    assert CUP not in shop.live
    shop.readmit("mug")
    shop.refresh()
    assert shop.live[MUG].content.startswith("good new mug")
    assert CUP not in shop.live


def test_one_run_or_one_sku_is_taken_back_alone() -> None:
    shop = _shop(mug="good mug")
    shop.put(Row("mug", "good new mug", "kitchen"))
    shop.refresh(Night(run="second"))
    shop.put(Row("cup", "good cup", "kitchen"))
    shop.refresh(Night(run="third"))
    shop.rollback_run("second")
    assert shop.live[MUG].content.startswith("good mug")
    assert CUP in shop.live
    shop.rollback_sku("cup")
    assert set(shop.live) == {MUG}


def test_an_erased_sku_never_comes_back() -> None:
    shop = _shop(mug="good mug", cup="good cup")
    shop.erase("mug")
    shop.refresh()
    shop.rollback_to(1)
    assert set(shop.live) == {CUP}


def test_a_duplicate_waits_for_as_long_as_its_twin_is_live() -> None:
    shop = NaiveShop(score=_score, looks=lambda picture: picture.content[:4], retire_limit=1.0)
    shop.apply_policy(USUAL)
    shop.put(Row("cup", "good cup", "kitchen"))
    shop.refresh()
    shop.put(Row("mug", "good mug", "kitchen"))
    shop.refresh()
    assert set(shop.live) == {CUP}
    both = _showing(_seen(shop), MUG, Picture("good mug|kitchen#0|front"))
    assert any("duplicates" in problem for problem in shop.check(both))
    shop.remove("cup")
    shop.refresh()
    shop.refresh()
    assert set(shop.live) == {MUG}


def test_slots_with_one_request_share_a_picture_unless_told_otherwise() -> None:
    assert len(_shop(mug="good thing", cup="good thing").live) == 2
    shop = NaiveShop(score=_score, sharing=False)
    shop.apply_policy(USUAL)
    for sku in ("mug", "cup"):
        shop.put(Row(sku, "good thing", "kitchen"))
    shop.refresh()
    assert len({picture.attempt for picture in shop.live.values()}) == len(shop.live)


def test_a_killed_run_may_have_committed_or_not() -> None:
    shop = _shop(mug="good mug")
    nothing = _seen(shop)
    shop.put(Row("mug", "good new mug", "kitchen"))
    shop.refresh(Night(killed=True))
    assert shop.check(_seen(shop)) == []
    assert shop.check(nothing) == []
    shop.adopt(nothing)
    assert shop.live[MUG].content.startswith("good mug")


def test_refreshes_beside_each_other_permit_what_either_may_do() -> None:
    shop = _shop(mug="good mug", cup="good cup")
    shop.remove("cup")
    shop.put(Row("pan", "good pan", "kitchen"))
    shop.together((Night(), None, True), (Night(), frozenset({"pan"}), False))
    assert set(shop.live) == {MUG, PAN}
    assert shop.check(_seen(shop)) == []


def test_the_model_goes_on_from_what_was_seen() -> None:
    shop = _shop(mug="doubtful mug")
    shop.accept(MUG, Picture("doubtful mug|kitchen#0|front", 2))
    shop.refresh()
    seen = replace(_seen(shop), version=7)
    assert shop.check(seen) == []
    shop.adopt(seen)
    assert shop.releases[-1].number == 7


def test_an_approval_is_of_one_picture_and_may_be_taken_back() -> None:
    shop = _shop(mug="good mug")
    shop.approve("amazon", MUG)
    given = frozenset({("amazon", MUG, shop.live[MUG])})
    shop.refresh()
    assert shop.check(replace(_seen(shop), approvals=given)) == []
    assert any("lost its approval" in problem for problem in shop.check(replace(_seen(shop), approvals=frozenset())))
    shop.unapprove("amazon", MUG)
    assert any("nobody said" in problem for problem in shop.check(replace(_seen(shop), approvals=given)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"counts": (Counts(input=2, accepted=1, new=1, published=1),)}, "rows are lost"),
        ({"counts": (Counts(input=1, accepted=1, new=1),)}, "slots are lost"),
        ({"policy": 9}, "policy 9 is in force"),
        ({"version": 0}, "version went back"),
        ({"live": {}}, "within version"),
        ({"outcomes": {MUG: (Outcome("review", ""),)}}, "without a reason"),
        ({"releases": {1: {}}}, "release 1 shows something else"),
        ({"live": {CUP: Showing(Picture("other"))}}, "cup/front shows"),
    ],
)
def test_a_planted_violation_is_found(change: dict[str, Any], words: str) -> None:
    shop = _shop(mug="good mug")
    shop.refresh()
    assert shop.check(_seen(shop)) == []
    assert any(words in problem for problem in shop.check(replace(_seen(shop), **change)))


def test_a_slot_that_is_neither_live_nor_named_is_found() -> None:
    shop = _shop(cup="doubtful cup")
    assert any("neither live as asked nor named" in p for p in shop.check(replace(_seen(shop), outcomes={})))


def test_a_score_that_is_no_number_is_never_a_pass() -> None:
    assert [LAX.verdict(score) for score in (None, float("nan"), float("inf"), 0.1)] == ["review"] * 3 + ["pass"]


def _drift(shop: NaiveShop, dice: random.Random) -> None:
    """The shop's rows and people for a day."""
    sku = f"sku{dice.randrange(8)}"
    title = f"{dice.choice(['good', 'doubtful', 'bad'])} thing {dice.randrange(6)}"
    row = Row(sku, title, dice.choice(["kitchen", "table"]), dice.choice([("front",), ("front", "side")]))
    front = Slot(sku, "front")
    content = shop.content_of(front)
    answers: list[Callable[[], None]] = [
        lambda: shop.put(row),
        lambda: shop.put(row),
        lambda: shop.remove(sku),
        lambda: shop.edit_template("table", dice.randrange(3)),
        lambda: shop.readmit(sku),
        lambda: shop.reject(front),
        lambda: shop.accept(front, Picture(content or "", 0)),
    ]
    dice.choice(answers)()


def _event(shop: NaiveShop, dice: random.Random) -> None:
    """One event of the store."""
    night = Night(
        run=str(dice.random()),
        scanner_away=dice.random() < 0.1,
        engine_down=dice.random() < 0.1,
        killed=dice.random() < 0.1,
        budget=dice.choice([None, None, 3]),
    )
    release = dice.choice(shop.releases) if shop.releases else None
    events: list[Callable[[], None]] = [
        lambda: shop.refresh(night),
        lambda: shop.refresh(night),
        lambda: shop.refresh_new(night),
        lambda: shop.together((Night(), None, True), (night, frozenset({"sku1"}), False)),
        lambda: shop.apply_policy(dice.choice([USUAL, LAX, STRICT])),
        lambda: shop.rollback_sku(f"sku{dice.randrange(8)}"),
    ]
    if release is not None:
        events.append(lambda: shop.rollback_to(release.number, drop_new=dice.random() < 0.3))
        events.append(lambda: shop.rollback_run(release.run))
    dice.choice(events)()


@pytest.mark.parametrize("seed", range(20))
def test_the_plainest_end_of_every_night_is_one_that_the_check_permits(seed: int) -> None:
    dice = random.Random(seed)
    shop = NaiveShop(score=_score, looks=lambda picture: picture.content.split("|")[0], retire_limit=1.0)
    shop.apply_policy(USUAL)
    for night in range(100):
        _drift(shop, dice)
        _event(shop, dice)
        seen = _seen(shop)
        assert shop.check(seen) == [], night
        shop.adopt(seen)
        assert shop.live == {slot: shown.picture for slot, shown in seen.live.items()}
