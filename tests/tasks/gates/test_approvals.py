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
from tests.fixtures.crash_harness import CATALOGUE, World, row

ASKING = {
    "person": "somebody must have compared them",
    "rules": [
        {"score": "picture.width", "at_least": 64, "reason": "narrow", "source": "our app", "seen": "2026-11-23"}
    ],
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    rows = [row("plain-1", "Plain Thing"), row("bag", "Plain Bag", "bags"), row("plain-2", "Other Thing", "mugs")]
    world = World(tmp_path, rows)
    world.recipe["channels"] = {"shopify": None, "amazon-main": None, "showroom": ASKING}
    world.refresh()
    return world


def word(*skus: str, **changes: Any) -> ApprovalAnswer:
    return ApprovalAnswer(
        **{"channel": "showroom", "skus": skus, "reason": "held beside it", "person": "ada"} | changes
    )


def say(world: World, *skus: str, **changes: Any) -> ApprovalResult:
    return approve(world.store, world.tables, CATALOGUE, word(*skus, **changes))


def usable(world: World) -> dict[tuple[str, str], list[str]]:
    rows = world.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    return {(each["sku"], each["view"]): each["channels"] for each in rows}


EVERYWHERE, NOT_SHOWN = ["shopify", "showroom"], ["shopify"]


def test_a_word_makes_the_pictures_of_a_sku_usable_and_no_others(world: World) -> None:
    assert set(map(tuple, usable(world).values())) == {("shopify",)}
    done = say(world, "bag")
    assert (done.version, done.previous) == (2, 1)
    assert usable(world) == {
        ("bag", "front"): EVERYWHERE,
        ("bag", "side"): EVERYWHERE,
        ("plain-1", "front"): NOT_SHOWN,
        ("plain-2", "front"): NOT_SHOWN,
    }
    [key] = [info.key for info in world.store.list(layout.person_decisions_prefix(CATALOGUE))]
    said = world.store.read(key).decode()
    assert all(f'"{part}"' in said for part in ("held beside it", "ada", "showroom", "bag"))


def test_a_word_on_one_view_leaves_the_other_waiting(world: World) -> None:
    document = say(world, "bag", view="side").document(word("bag"))
    assert (usable(world)["bag", "front"], usable(world)["bag", "side"]) == (NOT_SHOWN, EVERYWHERE)
    [picture] = document["pictures"]
    assert (picture["view"], picture["usable"], picture["reasons"]) == ("side", True, [])


def test_a_word_stands_for_no_other_rule_of_the_channel(world: World) -> None:
    [picture] = say(world, "plain-1", channel="amazon-main").document(word(channel="amazon-main"))["pictures"]
    assert not picture["usable"]
    assert "amazon-main:needs-a-person" not in picture["reasons"]
    assert "amazon-main:too-small" in picture["reasons"]


def test_a_word_can_be_given_twice_and_taken_back(world: World) -> None:
    say(world, "plain-1")
    assert say(world, "plain-1").version == 2, "nothing has moved"
    assert say(world, "plain-1", given=False).version == 3
    assert usable(world)["plain-1", "front"] == NOT_SHOWN
    assert say(world, "plain-1").version == 4
    assert usable(world)["plain-1", "front"] == EVERYWHERE


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
def test_a_word_that_means_nothing_is_refused_and_not_kept(world: World, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        approve(world.store, world.tables, CATALOGUE, word(*changes.pop("skus", ["plain-1"]), **changes))
    assert read_approvals(world.store, CATALOGUE) == {}
    assert world.tables.version(layout.manifest_table(CATALOGUE)) == 1


def test_a_word_outlives_nights_and_other_channels_and_ends_with_its_picture(world: World) -> None:
    say(world, "plain-1", "bag")
    world.refresh()
    assert usable(world)["plain-1", "front"] == EVERYWHERE
    del world.recipe["channels"]["shopify"]
    world.refresh()
    assert usable(world)["plain-1", "front"] == ["showroom"], "it was judged anew, and the word was heard"
    assert usable(world)["plain-2", "front"] == []
    world.recipe["finish"] = {"quality": 95}
    world.refresh()
    assert set(map(tuple, usable(world).values())) == {()}, "other pixels, which nobody has compared"
    world.recipe["finish"] = {"quality": 90}
    world.refresh()
    assert usable(world)["plain-1", "front"] == ["showroom"], "the very picture that was compared"


def test_a_word_asks_for_no_channel_that_the_recipe_does_not(world: World) -> None:
    say(world, "plain-1")
    world.recipe["channels"] = ["shopify"]
    world.refresh()
    assert set(map(tuple, usable(world).values())) == {("shopify",)}
    with pytest.raises(OptionError, match="waits for nobody's word on 'showroom'"):
        say(world, "plain-1", given=False)


def test_of_two_words_on_a_picture_the_later_one_is_heard(world: World) -> None:
    say(world, "plain-1")
    say(world, "plain-1", given=False)
    say(world, "bag", given=True)
    del world.recipe["channels"]["shopify"]
    world.refresh()
    assert (usable(world)["plain-1", "front"], usable(world)["bag", "front"]) == ([], ["showroom"])


def test_a_word_is_not_shown_for_a_picture_that_took_the_place_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(store: ObjectStore, key: str, content: dict[str, Any]) -> None:
        write_json(store, key, content)
        world.recipe["finish"] = {"quality": 95}
        world.refresh()

    monkeypatch.setattr(tasks.gates.approvals, "write_json", overtaken)
    done = say(world, "plain-1")
    assert done.rows == []
    assert set(map(tuple, usable(world).values())) == {("shopify",)}


@pytest.mark.parametrize("operation", [1, 2, 3])
def test_a_word_that_was_cut_off_is_given_again_whole(world: World, operation: int) -> None:
    mortality = FaultInjector(operation)
    try:
        approve(FaultyStore(world.store, mortality), FaultyTables(world.tables, mortality), CATALOGUE, word("plain-1"))
    except InjectedFault:
        assert usable(world)["plain-1", "front"] in (NOT_SHOWN, EVERYWHERE)
    say(world, "plain-1")
    assert usable(world)["plain-1", "front"] == EVERYWHERE


def test_amazons_main_picture_is_among_those_that_ask() -> None:
    assert built_in_channels()["amazon-main"].person
