"""The naive model does what the promises say of each event."""

from dataclasses import replace

from .naive_model import NaiveShop
from .naive_shops import CUP, LAX, MUG, PAN, STRICT, USUAL, but_showing, faithful, score_by_title, small_shop
from .shop_facts import Counts, Night, Outcome, Picture, Row, Slot


def test_what_passes_is_live_and_what_is_refused_is_named() -> None:
    shop = small_shop(mug="good mug", cup="doubtful cup", pan="bad pan")
    assert shop.live == {MUG: Picture("good mug|kitchen#0|front")}
    assert shop.expected().not_live[CUP] == {"review"}
    assert "blocked" in shop.expected().not_live[PAN]
    assert shop.expected().wanted == (3, 3)
    assert shop.check(faithful(shop)) == []


def test_an_unchanged_catalogue_changes_nothing() -> None:
    shop = small_shop(mug="good mug")
    shop.refresh()
    assert shop.expected().wanted == (0, 0)
    assert len(shop.releases) == 1
    made = replace(faithful(shop), counts=(Counts(input=1, accepted=1, images=1),))
    assert any("nothing changed" in problem for problem in shop.check(made))


def test_a_template_touches_its_own_category_only() -> None:
    shop = small_shop(mug="good mug")
    shop.put(Row("cup", "good cup", "table"))
    shop.refresh()
    shop.edit_template("table")
    shop.refresh()
    assert shop.live[CUP].content == "good cup|table#1|front"
    assert shop.live[MUG].content == "good mug|kitchen#0|front"
    assert shop.expected().wanted == (1, 1)


def test_a_refused_change_leaves_the_old_picture_live() -> None:
    shop = small_shop(mug="good mug")
    shop.put(Row("mug", "bad mug", "kitchen"))
    shop.refresh()
    assert shop.live[MUG].content.startswith("good mug")
    lost = but_showing(faithful(shop), MUG, None)
    assert any("lost its good picture" in problem for problem in shop.check(lost))


def test_a_full_refresh_retires_and_a_partial_one_does_not() -> None:
    shop = small_shop(mug="good mug", cup="good cup")
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
    shop = small_shop(mug="good mug")
    shop.remove("mug")
    shop.refresh(Night(rejected=frozenset({"mug"})))
    assert MUG in shop.live


def test_too_much_retiring_holds_the_batch_until_it_is_released() -> None:
    shop = small_shop(mug="good mug", cup="good cup")
    shop.retire_limit = 0.05
    shop.remove("mug")
    shop.refresh()
    assert shop.expected().held
    assert MUG in shop.live
    shop.release_held()
    assert MUG not in shop.live


def test_an_applied_policy_takes_what_it_refuses_save_what_a_person_accepted() -> None:
    shop = small_shop(mug="good mug", cup="good cup")
    shop.accept(MUG, shop.live[MUG])
    shop.apply_policy(STRICT)
    assert set(shop.live) == {MUG}
    shop.refresh()
    assert set(shop.live) == {MUG}
    shop.rollback_to(1)
    assert set(shop.live) == {MUG}
    back = but_showing(faithful(shop), CUP, Picture("good cup|kitchen#0|front"))
    assert any("refuses" in problem for problem in shop.check(back))


def test_a_waiting_slot_is_decided_again_under_another_policy() -> None:
    shop = small_shop(cup="doubtful cup")
    shop.refresh()
    assert CUP not in shop.live
    shop.apply_policy(LAX)
    assert CUP not in shop.live
    shop.refresh()
    assert CUP in shop.live


def test_what_a_person_accepts_is_published_and_what_one_rejects_goes_for_good() -> None:
    shop = small_shop(cup="doubtful cup", mug="good mug")
    shop.accept(CUP, Picture("doubtful cup|kitchen#0|front"))
    shop.reject(MUG)
    shop.refresh()
    assert set(shop.live) == {CUP}
    shop.apply_policy(LAX)
    shop.refresh()
    assert set(shop.live) == {CUP}


def test_a_scanner_that_was_away_is_asked_again_the_next_night() -> None:
    shop = NaiveShop(score=score_by_title)
    shop.apply_policy(USUAL)
    shop.put(Row("mug", "good mug", "kitchen"))
    shop.refresh(Night(scanner_away=True))
    assert shop.live == {}
    assert shop.check(faithful(shop)) == []
    passed = but_showing(faithful(shop), MUG, Picture("good mug|kitchen#0|front"))
    assert shop.check(passed)
    shop.refresh()
    assert MUG in shop.live
    forgotten = replace(faithful(shop), live={}, outcomes={MUG: (Outcome("review", "scanner_failed"),)})
    assert shop.check(forgotten)


def test_an_engine_that_fails_leaves_slots_failed_and_they_are_tried_again() -> None:
    shop = NaiveShop(score=score_by_title)
    shop.apply_policy(USUAL)
    shop.put(Row("mug", "good mug", "kitchen"))
    shop.refresh(Night(engine_down=True))
    assert shop.expected().not_live[MUG] == {"failed", "deferred"}
    shop.refresh()
    assert MUG in shop.live


def test_seeds_that_an_engine_failed_of_are_followed_by_others() -> None:
    shop = NaiveShop(score=score_by_title)
    shop.apply_policy(USUAL)
    shop.put(Row("mug", "good mug", "kitchen"))
    shop.refresh(Night(engine_down=True))
    shop.adopt(replace(faithful(shop), outcomes={MUG: (Outcome("failed", "engine-failed"),)}))
    shop.refresh()
    content = shop.live[MUG].content
    for attempt, is_permitted in ((3, True), (6, False)):
        seen = but_showing(faithful(shop), MUG, Picture(content, attempt))
        assert (shop.check(seen) == []) is is_permitted


def test_a_budget_defers_and_the_next_night_makes_the_rest() -> None:
    shop = NaiveShop(score=score_by_title)
    shop.apply_policy(USUAL)
    for sku in ("mug", "cup"):
        shop.put(Row(sku, f"good {sku}", "kitchen"))
    shop.refresh(Night(budget=1))
    assert len(shop.live) == 1
    assert shop.check(faithful(shop)) == []
    shop.refresh()
    assert len(shop.live) == 2


def test_a_rollback_goes_back_for_what_changed_and_keeps_what_is_new() -> None:
    shop = small_shop(mug="good mug")
    shop.put(Row("mug", "good new mug", "kitchen"))
    shop.put(Row("cup", "good cup", "kitchen"))
    shop.refresh(Night(run="second"))
    shop.rollback_to(1)
    assert shop.live[MUG].content.startswith("good mug")
    assert CUP in shop.live
    shop.refresh()
    assert shop.live[MUG].content.startswith("good mug")
    undone = but_showing(faithful(shop), MUG, Picture("good new mug|kitchen#0|front"))
    assert any("rollback took away" in problem for problem in shop.check(undone))
    shop.rollback_to(1, drop_new=True)
    assert CUP not in shop.live
    shop.readmit("mug")
    shop.refresh()
    assert shop.live[MUG].content.startswith("good new mug")
    assert CUP not in shop.live


def test_one_run_or_one_sku_is_taken_back_alone() -> None:
    shop = small_shop(mug="good mug")
    shop.put(Row("mug", "good new mug", "kitchen"))
    shop.refresh(Night(run="second"))
    shop.put(Row("cup", "good cup", "kitchen"))
    shop.refresh(Night(run="third"))
    shop.rollback_run("second")
    assert shop.live[MUG].content.startswith("good mug")
    assert CUP in shop.live
    shop.rollback_sku("cup")
    assert set(shop.live) == {MUG}


def test_a_sku_alone_is_taken_back_by_its_last_change_which_may_have_retired_a_view() -> None:
    shop = small_shop(mug="good mug")
    side = Slot("mug", "side")
    shop.put(Row("mug", "good mug", "kitchen", ("front", "side")))
    shop.refresh()
    shop.put(Row("mug", "good new mug", "kitchen"))
    shop.refresh_new()
    shop.refresh()
    assert side not in shop.live
    shop.rollback_sku("mug")
    assert shop.live == {MUG: Picture("good new mug|kitchen#0|front"), side: Picture("good mug|kitchen#0|side")}
    shop.rollback_sku("mug", seen=2)
    assert set(shop.live) == {MUG}, "release 2 put the side"


def test_an_erased_sku_never_comes_back() -> None:
    shop = small_shop(mug="good mug", cup="good cup")
    shop.erase("mug")
    shop.refresh()
    shop.rollback_to(1)
    assert set(shop.live) == {CUP}


def shop_with_a_twin_that_waits() -> NaiveShop:
    """A shop whose cup is live, and whose mug looks like it."""
    shop = NaiveShop(score=score_by_title, looks=lambda picture: picture.content[:4], retire_limit=1.0)
    shop.apply_policy(USUAL)
    shop.put(Row("cup", "good cup", "kitchen"))
    shop.refresh()
    shop.put(Row("mug", "good mug", "kitchen"))
    shop.refresh()
    return shop


def test_a_duplicate_waits_for_as_long_as_its_twin_is_live() -> None:
    shop = shop_with_a_twin_that_waits()
    assert set(shop.live) == {CUP}
    both = but_showing(faithful(shop), MUG, Picture("good mug|kitchen#0|front"))
    assert any("duplicates" in problem for problem in shop.check(both))
    shop.remove("cup")
    shop.refresh()
    shop.refresh()
    assert set(shop.live) == {MUG}


def test_a_refusal_that_a_run_left_alone_still_hangs_on_its_twin() -> None:
    shop = shop_with_a_twin_that_waits()
    shop.remove("cup")
    waiting = replace(faithful(shop), live={}, version=shop.releases[-1].number + 1)
    for _ in range(2):  # killed, or another run had planned the mug
        shop.refresh(Night(killed=True))
        shop.check(waiting)
        shop.adopt(waiting)
    shop.refresh()
    assert set(shop.live) == {MUG}
    assert shop.check(faithful(shop)) == []


def test_a_refusal_that_a_run_may_have_left_alone_is_decided_again_under_another_policy() -> None:
    shop = small_shop(cup="doubtful cup")
    named = faithful(shop)
    shop.doubt_refusals()
    shop.apply_policy(STRICT)
    shop.refresh(Night(killed=True))
    assert shop.check(replace(named, policy=2)) == []
    shop.adopt(replace(named, policy=2))
    shop.refresh()
    assert shop.check(replace(faithful(shop), outcomes={CUP: (Outcome("blocked", "blurred"),)})) == []


def test_slots_with_one_request_share_a_picture_unless_told_otherwise() -> None:
    assert len(small_shop(mug="good thing", cup="good thing").live) == 2
    shop = NaiveShop(score=score_by_title, sharing=False)
    shop.apply_policy(USUAL)
    for sku in ("mug", "cup"):
        shop.put(Row(sku, "good thing", "kitchen"))
    shop.refresh()
    assert len({picture.attempt for picture in shop.live.values()}) == len(shop.live)


def test_a_killed_run_may_have_committed_or_not() -> None:
    shop = small_shop(mug="good mug")
    nothing = faithful(shop)
    shop.put(Row("mug", "good new mug", "kitchen"))
    shop.refresh(Night(killed=True))
    assert shop.check(faithful(shop)) == []
    assert shop.check(nothing) == []
    shop.adopt(nothing)
    assert shop.live[MUG].content.startswith("good mug")


def test_refreshes_beside_each_other_permit_what_either_may_do() -> None:
    shop = small_shop(mug="good mug", cup="good cup")
    shop.remove("cup")
    shop.put(Row("pan", "good pan", "kitchen"))
    shop.together((Night(), None, True), (Night(), frozenset({"pan"}), False))
    assert set(shop.live) == {MUG, PAN}
    assert shop.check(faithful(shop)) == []


def test_the_model_goes_on_from_what_was_seen() -> None:
    shop = small_shop(mug="doubtful mug")
    shop.accept(MUG, Picture("doubtful mug|kitchen#0|front", 2))
    shop.refresh()
    seen = replace(faithful(shop), version=7)
    assert shop.check(seen) == []
    shop.adopt(seen)
    assert shop.releases[-1].number == 7


def test_an_approval_is_of_one_picture_and_may_be_taken_back() -> None:
    shop = small_shop(mug="good mug")
    shop.approve("amazon", MUG)
    given = frozenset({("amazon", MUG, shop.live[MUG])})
    shop.refresh()
    assert shop.check(replace(faithful(shop), approvals=given)) == []
    assert any("lost its approval" in problem for problem in shop.check(replace(faithful(shop), approvals=frozenset())))
    shop.unapprove("amazon", MUG)
    assert any("nobody said" in problem for problem in shop.check(replace(faithful(shop), approvals=given)))
