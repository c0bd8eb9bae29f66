"""Approvals by a person: which images they make usable on a channel, for how long, and what is refused."""

import shutil
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import tasks.amendments.approve
from catalogs import layout
from catalogs.answers.answer import Answer
from catalogs.errors import OptionError
from catalogs.policy.channels import built_in_channels
from infra.interfaces import ObjectStore
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.approve import ApprovalAnswer, ApprovalResult, approve
from tasks.amendments.rollback import rollback
from tasks.answers.answer_log import write_answer
from tasks.gates.approvals import read_approvals
from tests.fixtures.crash_harness import CATALOGUE, CrashHarness, catalogue_row

pytestmark = pytest.mark.usefixtures("reduced_audit")

ASKING = {
    "person": "somebody must have compared them",
    "rules": [
        {"score": "picture.width", "at_least": 64, "reason": "narrow", "source": "our app", "seen": "2026-11-23"}
    ],
}


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> CrashHarness:
    rows = [
        catalogue_row("plain-1", "Plain Thing"),
        catalogue_row("bag", "Plain Bag", "bags"),
        catalogue_row("plain-2", "Other Thing", "mugs"),
    ]
    harness = CrashHarness(tmp_path_factory.mktemp("first"), rows)
    harness.recipe["channels"] = {"shopify": None, "amazon-main": None, "showroom": ASKING}
    harness.refresh()
    return harness


@pytest.fixture
def harness(first_release: CrashHarness, tmp_path: Path) -> CrashHarness:
    """Return a copy of a shop after its first release."""
    shutil.copytree(first_release.folder, tmp_path / "copy")
    return CrashHarness(tmp_path / "copy", deepcopy(first_release.rows), deepcopy(first_release.recipe))


def approval_answer(*skus: str, **changes: Any) -> ApprovalAnswer:
    return ApprovalAnswer(
        **{"channel": "showroom", "skus": skus, "reason": "held beside it", "person": "ada"} | changes
    )


def approve_with(harness: CrashHarness, *skus: str, **changes: Any) -> ApprovalResult:
    return approve(harness.store, harness.tables, CATALOGUE, approval_answer(*skus, **changes))


def usable(harness: CrashHarness) -> dict[tuple[str, str], list[str]]:
    rows = harness.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    return {(row["sku"], row["view"]): row["channels"] for row in rows}


EVERYWHERE, NOT_SHOWN = ["shopify", "showroom"], ["shopify"]


def test_an_approval_makes_the_images_of_a_sku_usable_and_no_others(harness: CrashHarness) -> None:
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
    answer = harness.store.read(key).decode()
    assert all(f'"{part}"' in answer for part in ("held beside it", "ada", "showroom", "bag"))


def test_an_approval_of_one_view_leaves_the_other_waiting(harness: CrashHarness) -> None:
    document = approve_with(harness, "bag", view="side").document(approval_answer("bag"))
    assert (usable(harness)["bag", "front"], usable(harness)["bag", "side"]) == (NOT_SHOWN, EVERYWHERE)
    [image] = document["pictures"]
    assert (image["view"], image["usable"], image["reasons"]) == ("side", True, [])


def test_an_approval_satisfies_no_other_rule_of_the_channel(harness: CrashHarness) -> None:
    [image] = approve_with(harness, "plain-1", channel="amazon-main").document(approval_answer(channel="amazon-main"))[
        "pictures"
    ]
    assert not image["usable"]
    assert "amazon-main:needs-a-person" not in image["reasons"]
    assert "amazon-main:too-small" in image["reasons"]


def test_an_approval_can_be_given_twice_and_revoked(harness: CrashHarness) -> None:
    approve_with(harness, "plain-1")
    assert approve_with(harness, "plain-1").version == 2, "no row has changed"
    assert approve_with(harness, "plain-1", given=False).version == 3
    assert usable(harness)["plain-1", "front"] == NOT_SHOWN
    assert approve_with(harness, "plain-1").version == 4
    assert usable(harness)["plain-1", "front"] == EVERYWHERE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skus": ["plain-1", "gone"]}, "The SKU 'gone' has no live image; nothing was recorded"),
        ({"view": "back"}, "The SKU 'plain-1' has no live image in the view 'back'"),
        ({"reason": " "}, "--reason is empty"),
        ({"channel": "shopify"}, r"'plain-1' \(front\) needs no approval on 'shopify'"),
        ({"channel": "ebay"}, "needs no approval on 'ebay'"),
    ],
    ids=str,
)
def test_an_approval_that_applies_to_nothing_is_refused_and_not_recorded(
    harness: CrashHarness, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        approve(harness.store, harness.tables, CATALOGUE, approval_answer(*changes.pop("skus", ["plain-1"]), **changes))
    assert read_approvals(harness.store, CATALOGUE) == {}
    assert harness.tables.version(layout.manifest_table(CATALOGUE)) == 1


def test_an_approval_survives_runs_and_other_channels_and_ends_with_its_pixels(harness: CrashHarness) -> None:
    approve_with(harness, "plain-1", "bag")
    harness.refresh()
    assert usable(harness)["plain-1", "front"] == EVERYWHERE
    del harness.recipe["channels"]["shopify"]
    harness.refresh()
    assert usable(harness)["plain-1", "front"] == ["showroom"], "it was evaluated again, with the approval"
    assert usable(harness)["plain-2", "front"] == []
    harness.recipe["finish"] = {"quality": 95}
    harness.refresh()
    assert set(map(tuple, usable(harness).values())) == {()}, "other pixels, which no person has compared"
    harness.recipe["finish"] = {"quality": 90}
    harness.refresh()
    assert usable(harness)["plain-1", "front"] == ["showroom"], "the same pixels that were compared"


def test_an_approval_adds_no_channel_that_the_recipe_does_not_ask_for(harness: CrashHarness) -> None:
    approve_with(harness, "plain-1")
    harness.recipe["channels"] = ["shopify"]
    harness.refresh()
    assert set(map(tuple, usable(harness).values())) == {("shopify",)}
    with pytest.raises(OptionError, match="needs no approval on 'showroom'"):
        approve_with(harness, "plain-1", given=False)


def test_the_later_of_two_answers_about_an_image_counts(harness: CrashHarness) -> None:
    approve_with(harness, "plain-1")
    approve_with(harness, "plain-1", given=False)
    approve_with(harness, "bag", given=True)
    del harness.recipe["channels"]["shopify"]
    harness.refresh()
    assert (usable(harness)["plain-1", "front"], usable(harness)["bag", "front"]) == ([], ["showroom"])


def test_an_approval_is_not_shown_for_an_image_that_replaced_the_approved_one_meanwhile(
    harness: CrashHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(store: ObjectStore, catalogue: str, answer: Answer, *, after: str) -> Answer:
        written = write_answer(store, catalogue, answer, after=after)
        harness.recipe["finish"] = {"quality": 95}
        harness.refresh()
        return written

    monkeypatch.setattr(tasks.amendments.approve, "write_answer", overtaken)
    done = approve_with(harness, "plain-1")
    assert done.rows == []
    assert set(map(tuple, usable(harness).values())) == {("shopify",)}


@pytest.mark.parametrize("operation", [1, 2, 3])
def test_an_interrupted_approval_can_be_given_again_whole(harness: CrashHarness, operation: int) -> None:
    injector = FaultInjector(operation)
    try:
        approve(
            FaultyStore(harness.store, injector),
            FaultyTables(harness.tables, injector),
            CATALOGUE,
            approval_answer("plain-1"),
        )
    except InjectedFault:
        assert usable(harness)["plain-1", "front"] in (NOT_SHOWN, EVERYWHERE)
    approve_with(harness, "plain-1")
    assert usable(harness)["plain-1", "front"] == EVERYWHERE


def test_the_later_command_counts_although_a_clock_went_back(harness: CrashHarness) -> None:
    class Behind(FaultyStore):
        def now(self) -> datetime:
            return datetime(2026, 1, 1, tzinfo=UTC)

    approve_with(harness, "plain-1")
    behind = Behind(harness.store, FaultInjector())
    approve(behind, harness.tables, CATALOGUE, approval_answer("plain-1", given=False))
    [sha] = read_approvals(harness.store, CATALOGUE)
    assert read_approvals(harness.store, CATALOGUE)[sha] == {"showroom": False}


@pytest.mark.parametrize("given", [True, False])
def test_a_rollback_shows_the_answers_that_stand_now_and_not_those_of_its_release(
    harness: CrashHarness, given: bool
) -> None:
    """A12: the row said usable again after its approval was taken back, and a standing approval was lost."""
    approve_with(harness, "plain-1", given=True)
    if not given:
        approve_with(harness, "plain-1", given=False)
    target = 1 if given else 2
    harness.rows[0]["title"] = "Another Thing"
    harness.refresh()
    done = rollback(harness.store, harness.tables, CATALOGUE, target)
    assert done.restored == 1
    assert usable(harness)["plain-1", "front"] == (EVERYWHERE if given else NOT_SHOWN)


def test_the_channel_of_amazons_main_image_asks_for_an_approval() -> None:
    assert built_in_channels()["amazon-main"].person
