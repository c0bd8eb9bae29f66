"""What stands: people's answers over whole nights, as rows, finishes, policies and other people's words move on."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import flows.refresh
import tasks.pipeline.audit
from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.keys import image_key
from catalogs.policy.schema import ImageRule, Policy, built_in_policy
from catalogs.runs.rollback_selection import RollbackSelection
from catalogs.thresholds import Thresholds
from flows.policy_changes import PolicyProposal, enforce_policy
from flows.rollbacks import let_back, roll_back
from tasks.reviews.apply_selection import select_answered
from tests.fixtures.answered_images import ACCEPT, REFUSE, RETRY, answer, image_in, undo
from tests.fixtures.crash_harness import catalogue_row
from tests.fixtures.night_harness import CATALOGUE, SETTINGS, NightHarness
from tests.fixtures.waiting_shop import WaitingShop
from tests.simulation.light_audit import light_suite, validate_maxima

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _light_audit() -> Iterator[None]:
    """Audit without Great Expectations, which takes as long as the rest of a run; held batches are tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.pipeline.audit, "built_in_audit_suite", light_suite)
        patch.setattr(tasks.pipeline.audit, "validate", validate_maxima)
        yield


MUG, CUP, LAMP = catalogue_row("mug", "Tall Mug"), catalogue_row("cup", "Tall Mug"), catalogue_row("lamp", "Lamp")
"""Mug and cup share a request, and so an image."""


def rule(**limits: Any) -> ImageRule:
    return ImageRule(score="blur.foreground", reason="soft", **limits)


def policy_of(*rules: ImageRule, **other: Any) -> Policy:
    return built_in_policy().model_copy(update={"image": rules, "sample_share": 0.0, **other})


DOUBTFUL = policy_of(rule(review_below=1e9))
"""Every image waits for a person."""
STRICT = policy_of(rule(block_below=1e9, again=True))
"""Every image is blocked, after three attempts."""
LENIENT = policy_of(rule(block_below=-1))
"""Every image passes."""


@pytest.fixture
def shop(tmp_path: Path) -> NightHarness:
    return NightHarness(tmp_path, [MUG, CUP, LAMP], policy=DOUBTFUL)


def counts(report: Mapping[str, Any]) -> dict[str, int]:
    return {name: count for name, count in report["slots"].items() if count}


def taken(report: Mapping[str, Any]) -> dict[str, int]:
    return {name: count for name, count in report["answers"].items() if count}


def image_of(shop: NightHarness, sku: str, **changes: Any) -> ImageTarget:
    """Return the image of a SKU that waits, or else of the one that is live, as the console would show it."""
    waiting = shop.outcomes().get(sku)
    if waiting is not None:
        return image_in(waiting, sku=sku, state=waiting["state"], reasons=tuple(waiting["reasons"]), **changes)
    return live_image(shop, sku)


def live_image(shop: NightHarness, sku: str) -> ImageTarget:
    (row,) = [row for row in shop.tables.read(layout.manifest_table(CATALOGUE)).to_pylist() if row["sku"] == sku]
    key = bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))
    return image_in(row | {"image_key": key}, sku=sku, state="publish")


def say(shop: NightHarness, sku: str, kind: AnswerKind, who: str = "anna", **other: Any) -> Answer:
    """Answer about the image of a SKU; a refusal is for its colour."""
    reason = {"reason": "colour"} if kind == REFUSE else {}
    return answer(shop.store, image_of(shop, sku), kind, who, catalogue=CATALOGUE, **reason, **other)


def apply_policy(shop: NightHarness, policy: Policy, accepted: Sequence[str] = ("withdrawn-share",)) -> None:
    shop.policy = policy
    proposal = PolicyProposal(policy, "policy.yaml", "anna", "tried", tuple(accepted))
    enforce_policy(shop.store, shop.tables, CATALOGUE, proposal, SETTINGS)


def states(shop: NightHarness) -> dict[str, tuple[str, list[str]]]:
    return {sku: (row["state"], row["reasons"]) for sku, row in shop.outcomes().items()}


def version(shop: NightHarness) -> int:
    return shop.tables.version(layout.manifest_table(CATALOGUE)) or 0


def test_an_accepted_image_is_published_in_one_commit_in_every_slot_that_shows_it(shop: NightHarness) -> None:
    assert counts(shop.night()) == {"new": 3, "review": 3}
    say(shop, "mug", ACCEPT)
    before = version(shop)
    report = shop.night()
    assert counts(report) == {"new": 2, "published": 2, "waiting": 1}
    assert (report["images"]["generated"], taken(report)) == (0, {"accepted": 1})
    assert (shop.live(), version(shop)) == (["cup", "mug"], before + 1)
    assert states(shop) == {"lamp": ("review", ["soft"])}
    idle = shop.night()
    assert (counts(idle), taken(idle), version(shop)) == ({"unchanged": 2, "waiting": 1}, {}, before + 1)


def test_an_accepted_image_reaches_a_slot_that_comes_later(shop: NightHarness) -> None:
    shop.night()
    say(shop, "mug", ACCEPT)
    shop.night()
    shop.rows = [*shop.rows, catalogue_row("jug", "Tall Mug")]
    report = shop.night()
    assert (shop.live(), report["images"]["generated"]) == (["cup", "jug", "mug"], 0)


def test_a_refused_image_stays_away_whatever_the_policy_says_and_is_not_made_again(shop: NightHarness) -> None:
    shop.night()
    say(shop, "cup", REFUSE)
    report = shop.night()
    assert taken(report) == {"refused": 1}
    assert states(shop) == {
        "mug": ("blocked", ["person.colour"]), "cup": ("blocked", ["person.colour"]), "lamp": ("review", ["soft"]),
    }  # fmt: skip
    assert report["reasons"]["person.colour"] == 2
    apply_policy(shop, LENIENT)
    after = shop.night()
    assert (shop.live(), after["images"]["generated"]) == (["lamp"], 0)
    assert counts(after) == {"new": 1, "published": 1, "waiting": 2}
    assert counts(shop.night()) == {"unchanged": 1, "waiting": 2}


def test_policy_moved_an_acceptance_stands(shop: NightHarness) -> None:
    shop.night()
    say(shop, "mug", ACCEPT)
    apply_policy(shop, STRICT)
    shop.night()
    assert shop.live() == ["cup", "mug"]
    assert states(shop) == {"lamp": ("blocked", ["soft"])}


def test_against_people_a_policy_keeps_away_what_two_people_accepted(shop: NightHarness) -> None:
    shop.night()
    say(shop, "lamp", ACCEPT)
    say(shop, "lamp", ACCEPT, who="ben")
    shop.night()
    assert shop.live() == ["lamp"]
    shop.policy = STRICT
    proposal = PolicyProposal(STRICT, "policy.yaml", "cleo", "tried", ("withdrawn-share",), against_people=True)
    enforce_policy(shop.store, shop.tables, CATALOGUE, proposal, SETTINGS)
    shop.night()
    assert (shop.live(), states(shop)["lamp"]) == ([], ("blocked", ["soft"]))


def test_prompt_moved_an_acceptance_lapses(shop: NightHarness) -> None:
    shop.night()
    say(shop, "lamp", ACCEPT)
    shop.rows = [MUG, CUP, catalogue_row("lamp", "Green Lamp")]
    shop.night()
    assert shop.live() == []
    assert {row["state"] for row in shop.tables.read(layout.outcomes_table(CATALOGUE)).to_pylist()} == {"review"}


def test_a_row_that_is_back_at_what_is_live_asks_nobody_any_more_and_its_answer_publishes_nothing(
    shop: NightHarness,
) -> None:
    say_live(shop)
    before, version_before = shop.tables.read(layout.manifest_table(CATALOGUE)), version(shop)
    shop.rows = [MUG, CUP, catalogue_row("lamp", "Green Lamp")]
    assert counts(shop.night()) == {"unchanged": 2, "changed": 1, "review": 1}
    say(shop, "lamp", ACCEPT)
    asked = shop.outcomes()["lamp"]
    shop.rows = [LAMP]
    shop.night("partial")
    assert shop.outcomes() == {"lamp": asked}, "a partial run ends nothing"
    shop.rows = [MUG, CUP, LAMP]
    assert counts(shop.night()) == {"unchanged": 3}
    assert shop.outcomes() == {}
    assert select_answered(shop.store, shop.tables, CATALOGUE).slots == []
    assert (shop.tables.read(layout.manifest_table(CATALOGUE)), version(shop)) == (before, version_before)
    outcomes_version = shop.tables.version(layout.outcomes_table(CATALOGUE))
    assert counts(shop.night()) == {"unchanged": 3}
    assert shop.tables.version(layout.outcomes_table(CATALOGUE)) == outcomes_version, "an idle night is idle"
    shop.rows = [MUG, CUP, catalogue_row("lamp", "Green Lamp")]
    report = shop.night()
    assert (report["images"]["generated"], report["slots"]["published"]) == (0, 1), "the answer counts once more"


def test_what_was_blocked_is_not_applied_over_the_image_that_its_row_is_back_at(tmp_path: Path) -> None:
    shop = WaitingShop(tmp_path, 0, catalogue_row("bag", "Evening Bag"))
    shop.policy = built_in_policy()
    shop.night()
    before = live_image(shop, "bag")
    shop.rows = [catalogue_row("bag", "Evening Bag", note="[blurred]")]
    shop.night()
    blocked = image_of(shop, "bag")
    assert (states(shop)["bag"], blocked.request_key != before.request_key) == (("blocked", ["blurred"]), True)
    shop.rows = [catalogue_row("bag", "Evening Bag")]
    assert counts(shop.night()) == {"unchanged": 1}
    answer(shop.store, blocked, ACCEPT, catalogue=CATALOGUE)
    applied = shop.apply()
    assert (applied.report, dict(applied.left), live_image(shop, "bag")) == (None, {"row-back": ["bag"]}, before)
    assert counts(shop.night()) == {"unchanged": 1}
    shop.rows = [catalogue_row("bag", "Evening Bag", note="[blurred]")]
    assert counts(shop.night()) == {"changed": 1, "published": 1}
    assert (live_image(shop, "bag").image_key, shop.outcomes()) == (blocked.image_key, {})


def test_what_was_blocked_is_applied_while_its_row_asks_for_it(tmp_path: Path) -> None:
    shop = WaitingShop(tmp_path, 0, catalogue_row("bag", "Evening Bag"))
    shop.policy = built_in_policy()
    shop.night()
    shop.rows = [catalogue_row("bag", "Evening Bag", note="[blurred]")]
    shop.night()
    shop.night()
    blocked = image_of(shop, "bag")
    answer(shop.store, blocked, ACCEPT, catalogue=CATALOGUE)
    assert shop.apply().answers["accepted"] == 1
    assert live_image(shop, "bag").image_key == blocked.image_key


def say_live(shop: NightHarness) -> None:
    """Let everything be live by people's word."""
    shop.night()
    say(shop, "mug", ACCEPT)
    say(shop, "lamp", ACCEPT)
    shop.night()
    assert shop.live() == ["cup", "lamp", "mug"]


def test_finish_moved_an_accepted_image_is_asked_about_again_and_the_old_one_stays(shop: NightHarness) -> None:
    shop.night()
    say(shop, "lamp", ACCEPT)
    shop.night()
    shop.recipe["finish"] = {"quality": 80}
    report = shop.night()
    assert (report["slots"]["published"], report["images"]["generated"], shop.live()) == (0, 0, ["lamp"])
    assert states(shop)["lamp"] == ("review", ["soft"])


def test_finish_moved_a_refused_image_that_passes_now_waits_for_a_person(shop: NightHarness) -> None:
    shop.night()
    say(shop, "lamp", REFUSE)
    shop.night()
    apply_policy(shop, LENIENT)
    shop.recipe["finish"] = {"quality": 80}
    shop.night()
    assert shop.live() == ["cup", "mug"]
    waiting = [row for row in shop.tables.read(layout.outcomes_table(CATALOGUE)).to_pylist() if row["sku"] == "lamp"]
    assert ["person-refused-before"] in [row["reasons"] for row in waiting]


def test_people_who_differ_publish_nothing_until_one_ends_it(shop: NightHarness) -> None:
    shop.night()
    say(shop, "lamp", ACCEPT)
    say(shop, "lamp", REFUSE, who="ben")
    report = shop.night()
    assert (shop.live(), states(shop)["lamp"], taken(report)) == ([], ("review", ["people-differ"]), {"conflicts": 1})
    assert counts(shop.night()) == {"waiting": 3}
    say(shop, "lamp", ACCEPT, who="cleo", resolves=True)
    shop.night()
    assert shop.live() == ["lamp"]


def test_another_attempt_is_one_beyond_the_budget_and_made_once(shop: NightHarness) -> None:
    shop.policy = STRICT
    shop.night()
    assert sum(shop.generated.values()) == 6, "two requests, three attempts each"
    say(shop, "lamp", RETRY)
    report = shop.night()
    assert (report["images"]["generated"], taken(report)) == (1, {"retried": 1})
    assert (states(shop)["lamp"], shop.outcomes()["lamp"]["attempts"]) == (("blocked", ["soft"]), 4)
    for _ in range(2):
        assert shop.night()["images"]["generated"] == 0
    say(shop, "lamp", RETRY)
    assert shop.night()["images"]["generated"] == 1
    assert shop.outcomes()["lamp"]["attempts"] == 5
    say(shop, "lamp", ACCEPT)
    shop.night()
    assert shop.live() == ["lamp"]


def test_an_answer_that_is_undone_before_the_run_changes_nothing(shop: NightHarness) -> None:
    shop.night()
    undo(shop.store, say(shop, "lamp", ACCEPT), catalogue=CATALOGUE)
    assert counts(shop.night()) == {"waiting": 3}


def test_a_refused_sample_is_withdrawn_by_the_next_full_run_as_an_amendment(shop: NightHarness) -> None:
    shop.policy = LENIENT
    shop.night()
    assert shop.live() == ["cup", "lamp", "mug"]
    say(shop, "mug", REFUSE)
    assert counts(shop.night("partial")) == {"unchanged": 3}
    report = shop.night()
    assert (shop.live(), taken(report)) == (["lamp"], {"withdrawn": 2})
    assert states(shop) == {sku: ("blocked", ["person.colour"]) for sku in ("mug", "cup")}
    kinds = [commit.metadata.get("kind") for commit in shop.tables.history(layout.manifest_table(CATALOGUE))]
    assert kinds[0] == "answers"
    before = version(shop)
    assert counts(shop.night()) == {"unchanged": 1, "waiting": 2}
    assert (version(shop), shop.generated.total()) == (before, 2)


def test_an_undone_acceptance_takes_the_image_back_and_asks_again(shop: NightHarness) -> None:
    shop.night()
    accepted = say(shop, "lamp", ACCEPT)
    shop.night()
    undo(shop.store, accepted, catalogue=CATALOGUE)
    report = shop.night()
    assert (shop.live(), states(shop)["lamp"], taken(report)) == ([], ("review", ["soft"]), {"withdrawn": 1})
    say(shop, "lamp", ACCEPT)
    shop.night()
    assert shop.live() == ["lamp"]


def test_a_published_image_of_which_another_is_wanted_gives_way_to_it(shop: NightHarness) -> None:
    shop.policy = LENIENT
    shop.night()
    before = live_image(shop, "lamp")
    say(shop, "lamp", RETRY)
    report = shop.night()
    assert (report["images"]["generated"], shop.live()) == (1, ["cup", "lamp", "mug"])
    assert (counts(report), taken(report)) == ({"changed": 1, "published": 1, "unchanged": 2}, {"retried": 1})
    assert live_image(shop, "lamp").image_key != before.image_key
    kinds = [commit.metadata.get("kind") for commit in shop.tables.history(layout.manifest_table(CATALOGUE))]
    assert kinds.count("answers") == 0, "it was never out of sight"
    idle = shop.night()
    assert (counts(idle), idle["images"]["generated"], taken(idle)) == ({"unchanged": 3}, 0, {})


def test_a_published_image_stays_while_another_attempt_waits_and_gives_way_once_it_is_accepted(
    shop: NightHarness,
) -> None:
    shop.night()
    say(shop, "mug", ACCEPT)
    shop.night()
    before = live_image(shop, "mug")
    answer(shop.store, before, RETRY, catalogue=CATALOGUE)
    report = shop.night()
    assert (report["images"]["generated"], counts(report)) == (1, {"changed": 2, "review": 2, "waiting": 1})
    assert live_image(shop, "mug") == before
    version_before = version(shop)
    idle = shop.night()
    assert (counts(idle), idle["images"]["generated"], taken(idle)) == ({"waiting": 3}, 0, {})
    assert (version(shop), shop.plan(idle)["slots"]["rendered"]) == (version_before, 0)
    waiting = image_of(shop, "mug")
    assert waiting.image_key != before.image_key
    answer(shop.store, waiting, ACCEPT, catalogue=CATALOGUE)
    assert counts(shop.night()) == {"changed": 2, "published": 2, "waiting": 1}
    assert (live_image(shop, "mug").image_key, states(shop)) == (waiting.image_key, {"lamp": ("review", ["soft"])})


def test_another_attempt_in_the_place_of_a_published_image_may_be_refused_and_taken_back(shop: NightHarness) -> None:
    shop.night()
    say(shop, "mug", ACCEPT)
    shop.night()
    before = live_image(shop, "mug")
    wish = answer(shop.store, before, RETRY, catalogue=CATALOGUE)
    shop.night()
    answer(shop.store, image_of(shop, "mug"), REFUSE, catalogue=CATALOGUE, reason="colour")
    shop.night()
    assert states(shop)["mug"] == ("blocked", ["person.colour"])
    assert (counts(shop.night()), live_image(shop, "mug")) == ({"waiting": 3}, before)
    undo(shop.store, wish, catalogue=CATALOGUE)
    assert (counts(shop.night()), live_image(shop, "mug")) == ({"unchanged": 2, "waiting": 1}, before)


def test_of_a_rollback_and_an_acceptance_the_newest_counts(shop: NightHarness) -> None:
    shop.night()
    say(shop, "mug", ACCEPT)
    shop.night()
    target = image_of(shop, "mug")
    say(shop, "lamp", ACCEPT)
    shop.night()
    roll_back(shop.store, shop.tables, CATALOGUE, RollbackSelection(skus=("mug", "cup")), SETTINGS)
    shop.now = shop.now.replace(hour=5)
    shop.night()
    assert shop.live() == ["lamp"], "the rollback is later than the acceptance"
    assert {sku: row["state"] for sku, row in shop.outcomes().items()} == {"mug": "withdrawn", "cup": "withdrawn"}
    answer(shop.store, target, ACCEPT, "ben", catalogue=CATALOGUE)
    shop.night()
    assert (shop.live(), shop.outcomes()) == (["cup", "lamp", "mug"], {})


def test_of_a_refusal_and_a_readmission_the_newest_counts_for_its_sku(shop: NightHarness) -> None:
    shop.policy = LENIENT
    shop.night()
    say(shop, "mug", REFUSE)
    shop.night()
    let_back(shop.store, shop.tables, CATALOGUE, ["cup"], SETTINGS, reason="it is right", person="ben")
    shop.night()
    assert shop.live() == ["cup", "lamp"]
    assert states(shop) == {"mug": ("blocked", ["person.colour"])}
    before = version(shop)
    shop.night()
    assert version(shop) == before


def test_a_rollback_that_shows_a_refused_image_again_is_the_later_word(shop: NightHarness) -> None:
    shop.policy = LENIENT
    shop.night()
    shown = version(shop)
    say(shop, "mug", REFUSE)
    shop.night()
    roll_back(shop.store, shop.tables, CATALOGUE, RollbackSelection(to=shown), SETTINGS)
    for _ in range(2):
        shop.night()
        assert shop.live() == ["cup", "lamp", "mug"]


def test_a_lost_staged_image_that_was_accepted_is_made_again(shop: NightHarness) -> None:
    shop.night()
    say(shop, "lamp", ACCEPT)
    shop.store.delete([info.key for info in shop.store.list(layout.STAGING)])
    report = shop.night()
    assert (shop.live(), report["images"]["generated"]) == (["lamp"], 1)


def test_each_category_shows_what_a_person_accepted_and_judges_the_rest_by_itself(shop: NightHarness) -> None:
    strict = {"mugs": Thresholds(block_below=1e9, review_below=None)}
    shop.policy = policy_of(ImageRule(score="blur.foreground", reason="soft", review_below=1e9, categories=strict))
    shop.recipe["categories"] = {"mugs": {}, "bags": {}}
    shop.rows = [catalogue_row("mug", "Tall Mug", "mugs"), catalogue_row("cup", "Tall Mug", "bags")]
    shop.night()
    assert {sku: state for sku, (state, _) in states(shop).items()} == {"mug": "blocked", "cup": "review"}
    say(shop, "mug", ACCEPT)
    shop.night()
    assert shop.live() == ["cup", "mug"]


def test_what_was_accepted_stays_accepted_when_another_attempt_that_a_second_category_shows_is_refused(
    shop: NightHarness,
) -> None:
    strict = {"mugs": Thresholds(block_below=1e9, review_below=None)}
    again = ImageRule(score="blur.foreground", reason="soft", review_below=1e9, again=True, categories=strict)
    shop.policy = policy_of(again)
    shop.recipe["categories"] = {"mugs": {}, "bags": {}}
    shop.rows = [catalogue_row("mug", "Tall Mug", "mugs"), catalogue_row("cup", "Tall Mug", "bags")]
    shop.night()
    mug, cup = image_of(shop, "mug"), image_of(shop, "cup")
    assert mug.image_key != cup.image_key, "each category shows another attempt"
    answer(shop.store, mug, ACCEPT, catalogue=CATALOGUE)
    shop.now = shop.now.replace(hour=5)
    answer(shop.store, cup, REFUSE, catalogue=CATALOGUE, reason="colour")
    shop.night()
    assert live_image(shop, "mug").image_key == mug.image_key


# Prompts


NAKED = catalogue_row("candle", "Naked Flame Candle")
"""The prompt gate sends it to a person."""


@pytest.fixture
def candle(tmp_path: Path) -> NightHarness:
    return NightHarness(tmp_path, [NAKED, LAMP], policy=LENIENT)


def prompt_of(shop: NightHarness, sku: str) -> ImageTarget:
    row = shop.outcomes()[sku]
    return ImageTarget(row["request_key"], state=row["state"], reasons=tuple(row["reasons"]), sku=sku)


def test_an_accepted_prompt_is_generated_and_its_image_judged(candle: NightHarness) -> None:
    candle.night()
    assert (candle.live(), states(candle)["candle"][0]) == (["lamp"], "review")
    accepted = answer(candle.store, prompt_of(candle, "candle"), ACCEPT, catalogue=CATALOGUE)
    report = candle.night()
    assert (candle.live(), report["images"]["generated"], taken(report)) == (["candle", "lamp"], 1, {"accepted": 1})
    assert counts(candle.night()) == {"unchanged": 2}
    undo(candle.store, accepted, catalogue=CATALOGUE)
    candle.night()
    assert (candle.live(), states(candle)["candle"][0]) == (["lamp"], "review"), "its prompt is in doubt again"


def test_a_refused_prompt_is_blocked_and_makes_nothing(candle: NightHarness) -> None:
    candle.night()
    answer(candle.store, prompt_of(candle, "candle"), REFUSE, reason="offensive", catalogue=CATALOGUE)
    report = candle.night()
    assert (states(candle)["candle"], report["images"]["generated"]) == (("blocked", ["person.offensive"]), 0)
    assert counts(candle.night()) == {"unchanged": 1, "waiting": 1}


def test_an_edited_prompt_takes_the_place_of_the_waiting_one_until_it_is_undone(candle: NightHarness) -> None:
    candle.night()
    target = prompt_of(candle, "candle")
    edited = answer(candle.store, target, RETRY, prompt="Photograph of a candle", catalogue=CATALOGUE)
    report = candle.night()
    assert (candle.live(), taken(report)) == (["candle", "lamp"], {"retried": 1})
    idle = candle.night()
    assert (counts(idle), candle.plan(idle)["slots"]["rendered"]) == ({"unchanged": 2}, 0)
    undo(candle.store, edited, catalogue=CATALOGUE)
    candle.night()
    assert candle.live() == ["candle", "lamp"], "the old image stays while the row's own prompt waits"
    assert states(candle)["candle"][0] == "review"


def test_an_edited_prompt_reaches_every_slot_and_lapses_with_the_row(shop: NightHarness) -> None:
    shop.policy = LENIENT
    shop.night()
    own = live_image(shop, "mug")
    say(shop, "mug", RETRY, prompt="Photograph of a mug on a table")
    report = shop.night()
    assert (counts(report), report["images"]["generated"]) == ({"changed": 2, "published": 2, "unchanged": 1}, 1)
    assert live_image(shop, "cup").request_key == live_image(shop, "mug").request_key != own.request_key
    assert shop.plan(idle := shop.night())["slots"]["rendered"] == 0
    assert counts(idle) == {"unchanged": 3}
    shop.rows = [catalogue_row("mug", "Wide Mug"), CUP, LAMP]
    moved = shop.night()
    assert counts(moved) == {"changed": 1, "published": 1, "unchanged": 2}


# Runs that stand still, and answers that are applied at once


def test_a_refused_sample_is_taken_back_when_answers_are_applied_too(tmp_path: Path) -> None:
    shop = WaitingShop(tmp_path, 1, LAMP)
    shop.night()
    say(shop, "lamp", REFUSE)
    applied = shop.apply()
    assert (shop.live(), applied.document()["answers"]["withdrawn"], applied.report) == ([], 1, None)
    assert states(shop)["lamp"] == ("blocked", ["person.colour"])


def test_a_run_that_was_killed_after_its_plan_takes_what_was_answered_since(shop: NightHarness) -> None:
    shop.night()
    shop.rows = [*shop.rows, catalogue_row("jug", "Round Jug")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.refresh.decide", _die)
        with pytest.raises(InterruptedError):
            shop.night()
    shop.store.delete([info.key for info in shop.store.list("leases/")])
    say(shop, "lamp", ACCEPT)
    shop.night()
    assert shop.live() == ["lamp"]


def test_what_is_refused_while_a_run_works_is_not_published_by_it(shop: NightHarness) -> None:
    shop.night()
    say(shop, "lamp", ACCEPT)
    say(shop, "mug", ACCEPT)
    lamp = image_of(shop, "lamp")
    real = flows.refresh.audit_run

    def refuse_meanwhile(*arguments: Any) -> Any:
        answer(shop.store, lamp, REFUSE, "ben", catalogue=CATALOGUE, reason="colour")
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.refresh.audit_run", refuse_meanwhile)
        report = shop.night()
    assert (shop.live(), report["slots"]["superseded"]) == (["cup", "mug"], 1)
    shop.night()
    assert (shop.live(), states(shop)["lamp"]) == (["cup", "mug"], ("review", ["people-differ"]))


def _die(*_: Any) -> Any:
    raise InterruptedError("killed, as ordered")
