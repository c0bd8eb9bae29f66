"""Look before live, on whole runs: what is new waits until a person lets it go, in whole or in part."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose, ImageTarget
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.errors import OptionError
from catalogs.runs.held_selection import HeldSelection, select_released
from catalogs.runs.job import Run
from catalogs.table_schemas import OUTCOMES
from infra.stores.json_objects import read_json
from infra.tables import open_tables
from tasks.answers.answer_log import write_answer
from tasks.runs import run_state as runs
from tasks.runs.held_decisions import read_decisions, record_release
from tasks.runs.held_releases import accepted_checks
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness, RefreshResult

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

LOOK = ["look-before-live"]


def open_shop(folder: Path, release: Any = "ask", skus: Sequence[str] = ("cup", "jug", "pot")) -> RefreshHarness:
    rows = [{"sku": sku, "title": f"Thing {sku}"} for sku in skus]
    return RefreshHarness(folder, rows, STUB_RECIPE | ({"release": release} if release else {}))


def answer(shop: RefreshHarness, night: RefreshResult, sku: str, kind: AnswerKind, who: str = "ada") -> Answer:
    """Answer as the console does: about the image that the held batch would publish for a SKU."""
    run = runs.load_run(shop.store, night.report["run_id"])
    decisions = read_decisions(shop.store, run)
    (row,) = decisions.filter(pc.equal(decisions["sku"], sku)).to_pylist()
    image = (row["request_key"], row["image_key"], row["finish_digest"], row["finished_sha"])
    reason = "deformed" if kind == AnswerKind.REFUSE else ""
    target, now = ImageTarget(*image, sku=sku, view=row["view"]), shop.store.now()
    given = Answer(kind, who, now, image=target, reason=reason, purpose=AnswerPurpose.HELD)
    return write_answer(shop.store, shop.catalogue, given)


def outcomes(shop: RefreshHarness) -> dict[str, tuple[str, list[str]]]:
    rows = open_tables(shop.url).read(layout.outcomes_table(shop.catalogue), OUTCOMES).to_pylist()
    return {row["sku"]: (row["state"], row["reasons"]) for row in rows}


def live(shop: RefreshHarness) -> set[str]:
    return {sku for sku, _, _ in shop.manifest()}


def test_what_is_new_waits_whole_and_goes_when_a_person_lets_it_go(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    night = shop.refresh()
    assert (night.report["held"], live(shop)) == (LOOK, set())
    (check,) = [check for check in night.report["checks"] if check["name"] == LOOK[0]]
    assert check["reason"] == "3 images of 3 not accepted yet: every batch waits for a person's look"
    released = shop.release(night.report["run_id"], LOOK)
    assert (released.report["held"], live(shop)) == ([], {"cup", "jug", "pot"})
    assert released.image_counts() == night.image_counts()  # the same run: nothing is generated for it again
    quiet = shop.refresh()  # and then there is nothing to look at
    assert (quiet.report["held"], quiet.prompts_rendered, quiet.image_counts()["generated"]) == ([], 0, 0)


def test_the_option_asks_where_the_recipe_does_not(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, release=None)
    assert shop.refresh(ask=True).report["held"] == LOOK
    assert shop.refresh().report["held"] == []  # the same batch, now that nobody asks for a look
    assert live(shop) == {"cup", "jug", "pot"}
    shop.edit_recipe(release={"always": True, "silent_after_hours": 2})
    quiet = shop.refresh()  # the rule moves no digest
    assert (quiet.report["held"], quiet.prompts_rendered, quiet.refreshed) == ([], 0, set())


def test_a_refused_image_stays_out_and_the_others_go(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    night = shop.refresh()
    refused = answer(shop, night, "jug", AnswerKind.REFUSE)
    released = shop.release(night.report["run_id"], LOOK)
    assert live(shop) == {"cup", "pot"}
    assert released.slot_counts() == {"new": 3, "published": 2, "blocked": 1}
    assert outcomes(shop) == {"jug": ("blocked", ["person.deformed"])}
    assert refused.token  # the answer itself is another object, and stays
    again = shop.refresh()
    assert (again.report["held"], again.image_counts(), live(shop)) == (
        [],
        {"generated": 0, "reused": 0},
        {"cup", "pot"},
    )


def test_a_part_goes_and_the_rest_waits_for_an_answer_without_being_made_again(tmp_path: Path) -> None:
    shop, selection = open_shop(tmp_path), HeldSelection(without=frozenset({"jug", "pot"}))
    released = shop.release(shop.refresh().report["run_id"], LOOK, selection=selection)
    assert released.slot_counts() == {"new": 3, "published": 1, "review": 2}
    assert (live(shop), released.report["reasons"]) == ({"cup"}, {"not-released": 2})
    assert outcomes(shop) == {"jug": ("review", ["not-released"]), "pot": ("review", ["not-released"])}
    again = shop.refresh()
    assert (again.report["held"], again.report["slots"]["waiting"]) == ([], 2)
    assert again.image_counts() == {"generated": 0, "reused": 0}


def test_only_what_was_accepted_goes(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    night = shop.refresh()
    answer(shop, night, "cup", AnswerKind.ACCEPT)
    held_again = shop.refresh()
    assert (held_again.report["held"], held_again.report["run_id"]) == (LOOK, night.report["run_id"])
    assert held_again.image_counts() == night.image_counts(), "the same run: nothing is generated for it again"
    shop.release(held_again.report["run_id"], LOOK, selection=HeldSelection(accepted_only=True))
    assert live(shop) == {"cup"}


def test_a_refusal_of_a_held_image_makes_a_new_plan_without_it(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, skus=("cup", "jug"))
    night = shop.refresh()
    answer(shop, night, "cup", AnswerKind.ACCEPT)
    answer(shop, night, "jug", AnswerKind.REFUSE)
    again = shop.refresh()
    assert again.report["run_id"] != night.report["run_id"]
    assert (again.report["held"], live(shop), again.image_counts()["generated"]) == ([], {"cup"}, 0)
    assert outcomes(shop) == {"jug": ("blocked", ["person.deformed"])}


def test_a_batch_of_which_every_image_was_accepted_goes_by_itself(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, skus=("cup", "jug"))
    night = shop.refresh()
    for sku in ("cup", "jug"):
        answer(shop, night, sku, AnswerKind.ACCEPT)
    assert (shop.refresh().report["held"], live(shop)) == ([], {"cup", "jug"})


@pytest.mark.slow
def test_a_newer_batch_takes_the_answers_of_the_one_that_it_replaces(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, skus=("cup", "jug"))
    first = shop.refresh()
    answer(shop, first, "cup", AnswerKind.ACCEPT)
    shop.rows.append({"sku": "pot", "title": "Thing pot"})
    second = shop.refresh()
    assert (second.report["held"], second.image_counts()) == (LOOK, {"generated": 1, "reused": 2})
    (check,) = [check for check in second.report["checks"] if check["name"] == LOOK[0]]
    assert check["reason"].startswith("2 images of 3 not accepted yet")
    with pytest.raises(OptionError, match="is not held"):
        shop.release(first.report["run_id"], LOOK)


def test_a_release_that_names_nothing_of_the_batch_is_refused(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, skus=("cup1", "jug1"))
    night = shop.refresh()
    for selection, message in (
        (HeldSelection(only=frozenset({"cupp"})), "--only: the batch has no image of 'cupp'.*mean 'cup1'"),
        (HeldSelection(without=frozenset({"lamp"})), "--except: the batch has no image of 'lamp' to publish"),
        (HeldSelection(accepted_only=True), "Nothing of the run .* would go: nobody has accepted"),
    ):
        with pytest.raises(OptionError, match=message):
            shop.release(night.report["run_id"], LOOK, selection=selection)
    assert live(shop) == set()
    assert runs.held_checks(shop.store, runs.load_run(shop.store, night.report["run_id"])) == LOOK


@pytest.mark.slow
def test_the_first_nights_are_asked_about_and_later_ones_are_not(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, {"first_nights": 2}, skus=("cup",))
    for number, sku in enumerate(("jug", "pot"), 1):
        night = shop.refresh()
        (check,) = [check for check in night.report["checks"] if check["name"] == LOOK[0]]
        assert check["reason"].endswith(f"it is release {number} of the first 2")
        shop.release(night.report["run_id"], LOOK)
        shop.rows.append({"sku": sku, "title": f"Thing {sku}"})
    assert (shop.refresh().report["held"], live(shop)) == ([], {"cup", "jug", "pot"})


@pytest.mark.slow
def test_a_changed_recipe_or_policy_is_asked_about_and_the_same_one_is_not(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, {"after_change": ["recipe", "model", "policy"]}, skus=("cup",))
    night = shop.refresh()
    assert night.report["held"] == LOOK  # nothing is known of a release before
    shop.release(night.report["run_id"], LOOK)
    shop.rows.append({"sku": "jug", "title": "Thing jug"})
    assert shop.refresh().report["held"] == []
    shop.edit_recipe(views={"front": "seen from the side"})
    night = shop.refresh()
    (check,) = [check for check in night.report["checks"] if check["name"] == LOOK[0]]
    assert check["reason"].endswith("the recipe changed since the last release")
    shop.release(night.report["run_id"], LOOK)
    shop.policy = {"extends": "default@2", "version": 7, "duplicates": {"near_bits": 15}}
    shop.apply_policy()
    shop.rows.append({"sku": "pot", "title": "Thing pot"})
    night = shop.refresh()
    (check,) = [check for check in night.report["checks"] if check["name"] == LOOK[0]]
    assert check["reason"].endswith("the policy changed since the last release")


@pytest.mark.slow
def test_other_checks_that_hold_the_batch_stand_beside_the_look(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, release=None, skus=[f"thing-{number}" for number in range(10)])
    shop.refresh()
    shop.rows = [row | {"title": "Renamed"} if row["sku"] == "thing-0" else row for row in shop.rows[:8]]
    night = shop.refresh(ask=True)
    assert night.report["held"] == ["look-before-live", "retired-share"]
    with pytest.raises(OptionError, match="is also held by retired-share"):
        shop.release(night.report["run_id"], LOOK)
    answer(shop, night, "thing-0", AnswerKind.REFUSE)
    shop.release(night.report["run_id"], night.report["held"])
    assert live(shop) == {f"thing-{number}" for number in range(8)}  # the old image of thing-0 stays


def let_go_and_die(shop: RefreshHarness, *skus: str) -> Run:
    """Hold a batch, let some of it go, and be killed before it is published."""
    run = runs.load_run(shop.store, shop.refresh().report["run_id"])
    part = select_released(read_decisions(shop.store, run), StandingAnswers(), HeldSelection(frozenset(skus)))
    record_release(shop.store, run, LOOK, "they are good", "bob", part)
    return run


def test_what_was_let_go_is_published_by_the_next_refresh_though_the_catalogue_has_changed(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    run = let_go_and_die(shop, "cup")
    shop.rows.append({"sku": "pan", "title": "Thing pan"})
    night = shop.refresh()
    assert (night.report["held"], live(shop)) == (LOOK, {"cup"})
    assert night.report["slots"]["new"] == 1, "the others wait: they were not let go"
    assert read_json(shop.store, layout.RunFiles(run.run_id).closed)["state"] == "done"
    assert read_json(shop.store, layout.RunFiles(run.run_id).report)["slots"]["published"] == 1


def test_what_was_let_go_under_another_policy_is_decided_anew(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, skus=("pot",))
    shop.release(shop.refresh().report["run_id"], LOOK)
    shop.rows.append({"sku": "cup", "title": "Thing cup"})
    run = let_go_and_die(shop, "cup")
    shop.policy = {"extends": "default@2", "version": 7, "duplicates": {"near_bits": 15}}
    shop.apply_policy()
    night = shop.refresh()
    assert (night.report["held"], live(shop)) == (LOOK, {"pot"})
    assert any("is decided anew" in warning for warning in night.report["warnings"])
    assert read_json(shop.store, layout.RunFiles(run.run_id).closed)["state"] == "superseded"


@pytest.mark.parametrize("completed_by", ["refresh", "release"])
def test_what_a_killed_process_let_go_stands_whoever_completes_it(tmp_path: Path, completed_by: str) -> None:
    shop = open_shop(tmp_path)
    run = runs.load_run(shop.store, shop.refresh().report["run_id"])
    part = select_released(read_decisions(shop.store, run), StandingAnswers(), HeldSelection(frozenset({"cup"})))
    record_release(shop.store, run, LOOK, "the cup is good", "bob", part)  # and it is killed before it publishes
    if completed_by == "refresh":
        report = shop.refresh().report
    else:
        report = shop.release(run.run_id, LOOK, selection=HeldSelection(frozenset({"jug"}))).report
        assert any("What goes was settled on" in warning for warning in report["warnings"])
    assert (report["held"], live(shop)) == ([], {"cup"})
    assert accepted_checks(shop.store, run) == set(LOOK)
