"""The check finds what breaks the promises, and permits the plainest end of every night."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from .naive_model import NaiveShop
from .naive_shops import CUP, LAX, MUG, STRICT, USUAL, faithful, score_by_title, small_shop
from .shop_facts import Counts, Night, Outcome, Picture, Row, Showing, Slot


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
    shop = small_shop(mug="good mug")
    shop.refresh()
    assert shop.check(faithful(shop)) == []
    assert any(words in problem for problem in shop.check(replace(faithful(shop), **change)))


def test_a_slot_that_is_neither_live_nor_named_is_found() -> None:
    shop = small_shop(cup="doubtful cup")
    assert any("neither live as asked nor named" in p for p in shop.check(replace(faithful(shop), outcomes={})))


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
    shop = NaiveShop(score=score_by_title, looks=lambda picture: picture.content.split("|")[0], retire_limit=1.0)
    shop.apply_policy(USUAL)
    for night in range(100):
        _drift(shop, dice)
        _event(shop, dice)
        seen = faithful(shop)
        assert shop.check(seen) == [], night
        shop.adopt(seen)
        assert shop.live == {slot: shown.picture for slot, shown in seen.live.items()}
