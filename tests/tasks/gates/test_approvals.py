"""A person's word that a picture may be used where a channel asks for one."""

from pathlib import Path
from typing import Any

import pytest

import tasks.gates.approvals
from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.channels import built_in_channels
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.gates.approvals import ApprovalAnswer, ApprovalResult, approve, read_approvals
from tests.fixtures.crash_harness import CATALOGUE, CrashHarness, catalogue_row

ASKING = {
    "person": "somebody must have compared them",
    "rules": [
        {"score": "picture.width", "at_least": 64, "reason": "narrow", "source": "our app", "seen": "2026-11-23"}
    ],
}


@pytest.fixture
def harness(tmp_path: Path) -> CrashHarness:
    rows = [
        catalogue_row("plain-1", "Plain Thing"),
        catalogue_row("bag", "Plain Bag", "bags"),
        catalogue_row("plain-2", "Other Thing", "mugs"),
    ]
    world = CrashHarness(tmp_path, rows)
    world.recipe["channels"] = {"shopify": None, "amazon-main": None, "showroom": ASKING}
    world.refresh()
    return world


def approval_answer(*skus: str, **changes: Any) -> ApprovalAnswer:
    return ApprovalAnswer(
        **{"channel": "showroom", "skus": skus, "reason": "held beside it", "person": "ada"} | changes
    )


def approve_with(harness: CrashHarness, *skus: str, **changes: Any) -> ApprovalResult:
    return approve(harness.store, harness.tables, CATALOGUE, approval_answer(*skus, **changes))


def usable(harness: CrashHarness) -> dict[tuple[str, str], list[str]]:
    rows = harness.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    return {(each["sku"], each["view"]): each["channels"] for each in rows}


EVERYWHERE, NOT_SHOWN = ["shopify", "showroom"], ["shopify"]


def test_a_word_makes_the_pictures_of_a_sku_usable_and_no_others(harness: CrashHarness) -> None:
    assert set(map(tuple, usable(harness).values())) == {("shopify",)}
    done = approve_with(harness, "bag")
    assert (done.version, done.previous) == (2, 1)
    assert usable(harness) == {
        ("bag", "front"): EVERYWHERE,
        ("bag", "side"): EVERYWHERE,
        ("plain-1", "front"): NOT_SHOWN,
        ("plain-2", "front"): NOT_SHOWN,
    }
    [key] = [info.key for info in harness.store.list(layout.person_decisions_prefix(CATALOGUE))]
    said = harness.store.read(key).decode()
    assert all(f'"{part}"' in said for part in ("held beside it", "ada", "showroom", "bag"))


def test_a_word_on_one_view_leaves_the_other_waiting(harness: CrashHarness) -> None:
    document = approve_with(harness, "bag", view="side").document(approval_answer("bag"))
    assert (usable(harness)["bag", "front"], usable(harness)["bag", "side"]) == (NOT_SHOWN, EVERYWHERE)
    [picture] = document["pictures"]
    assert (picture["view"], picture["usable"], picture["reasons"]) == ("side", True, [])


def test_a_word_stands_for_no_other_rule_of_the_channel(harness: CrashHarness) -> None:
    [picture] = approve_with(harness, "plain-1", channel="amazon-main").document(
        approval_answer(channel="amazon-main")
    )["pictures"]
    assert not picture["usable"]
    assert "amazon-main:needs-a-person" not in picture["reasons"]
    assert "amazon-main:too-small" in picture["reasons"]


def test_a_word_can_be_given_twice_and_taken_back(harness: CrashHarness) -> None:
    approve_with(harness, "plain-1")
    assert approve_with(harness, "plain-1").version == 2, "nothing has moved"
    assert approve_with(harness, "plain-1", given=False).version == 3
    assert usable(harness)["plain-1", "front"] == NOT_SHOWN
    assert approve_with(harness, "plain-1").version == 4
    assert usable(harness)["plain-1", "front"] == EVERYWHERE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"skus": ["plain-1", "gone"]}, "The SKU 'gone' has no live picture; nothing was written down"),
        ({"view": "back"}, "The SKU 'plain-1' has no live picture in the view 'back'"),
        ({"reason": " "}, "--reason: say how you know"),
        ({"channel": "shopify"}, r"'plain-1' \(front\) waits for nobody's word on 'shopify'"),
        ({"channel": "ebay"}, "waits for nobody's word on 'ebay'; either the recipe does not ask"),
    ],
    ids=str,
)
def test_a_word_that_means_nothing_is_refused_and_not_kept(
    harness: CrashHarness, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(OptionError, match=said):
        approve(harness.store, harness.tables, CATALOGUE, approval_answer(*changes.pop("skus", ["plain-1"]), **changes))
    assert read_approvals(harness.store, CATALOGUE) == {}
    assert harness.tables.version(layout.manifest_table(CATALOGUE)) == 1


def test_a_word_outlives_nights_and_other_channels_and_ends_with_its_picture(harness: CrashHarness) -> None:
    approve_with(harness, "plain-1", "bag")
    harness.refresh()
    assert usable(harness)["plain-1", "front"] == EVERYWHERE
    del harness.recipe["channels"]["shopify"]
    harness.refresh()
    assert usable(harness)["plain-1", "front"] == ["showroom"], "it was judged anew, and the word was heard"
    assert usable(harness)["plain-2", "front"] == []
    harness.recipe["finish"] = {"quality": 95}
    harness.refresh()
    assert set(map(tuple, usable(harness).values())) == {()}, "other pixels, which nobody has compared"
    harness.recipe["finish"] = {"quality": 90}
    harness.refresh()
    assert usable(harness)["plain-1", "front"] == ["showroom"], "the very picture that was compared"


def test_a_word_asks_for_no_channel_that_the_recipe_does_not(harness: CrashHarness) -> None:
    approve_with(harness, "plain-1")
    harness.recipe["channels"] = ["shopify"]
    harness.refresh()
    assert set(map(tuple, usable(harness).values())) == {("shopify",)}
    with pytest.raises(OptionError, match="waits for nobody's word on 'showroom'"):
        approve_with(harness, "plain-1", given=False)


def test_of_two_words_on_a_picture_the_later_one_is_heard(harness: CrashHarness) -> None:
    approve_with(harness, "plain-1")
    approve_with(harness, "plain-1", given=False)
    approve_with(harness, "bag", given=True)
    del harness.recipe["channels"]["shopify"]
    harness.refresh()
    assert (usable(harness)["plain-1", "front"], usable(harness)["bag", "front"]) == ([], ["showroom"])


def test_a_word_is_not_shown_for_a_picture_that_took_the_place_meanwhile(
    harness: CrashHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(store: ObjectStore, key: str, content: dict[str, Any]) -> None:
        write_json(store, key, content)
        harness.recipe["finish"] = {"quality": 95}
        harness.refresh()

    monkeypatch.setattr(tasks.gates.approvals, "write_json", overtaken)
    done = approve_with(harness, "plain-1")
    assert done.rows == []
    assert set(map(tuple, usable(harness).values())) == {("shopify",)}


@pytest.mark.parametrize("operation", [1, 2, 3])
def test_a_word_that_was_cut_off_is_given_again_whole(harness: CrashHarness, operation: int) -> None:
    mortality = FaultInjector(operation)
    try:
        approve(
            FaultyStore(harness.store, mortality),
            FaultyTables(harness.tables, mortality),
            CATALOGUE,
            approval_answer("plain-1"),
        )
    except InjectedFault:
        assert usable(harness)["plain-1", "front"] in (NOT_SHOWN, EVERYWHERE)
    approve_with(harness, "plain-1")
    assert usable(harness)["plain-1", "front"] == EVERYWHERE


def test_amazons_main_picture_is_among_those_that_ask() -> None:
    assert built_in_channels()["amazon-main"].person
