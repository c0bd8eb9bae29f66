"""The story of one SKU is told from the store alone: what is live, what was refused, by whom, and what comes next."""

from pathlib import Path
from typing import Any

import pytest

from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import ALL_SCOPES, Person
from infra.tables import open_tables
from tasks.amendments.rollback import rollback
from tasks.reporting.sku_story import tell_story
from tasks.reviews.review_service import ReviewService
from tasks.reviews.sku_answers import SkuAnswer, SkuChoice, answer_items, choose_items, list_answerable_items
from tests.fixtures.refresh_harness import RefreshHarness

pytestmark = pytest.mark.usefixtures("reduced_audit")

RECIPE: dict[str, Any] = {
    "columns": {"sku": "sku", "title": "title", "category": "category"},
    "engine": "stub",
    "models": {"stub": {"family": "stub", "precision": "fp32"}},
    "tiers": {"standard": {"width": 256, "height": 256}},
    "views": {"front": "seen from the front"},
    "defaults": {"template": "Photograph of {{ title }}, {{ phrase }}", "views": ["front"]},
}
RULE = {"score": "file.bytes", "reason": "too-heavy", "block_above": 100, "categories": {"lax": {"block_above": None}}}


@pytest.fixture
def shop(tmp_path: Path) -> RefreshHarness:
    """A shop whose rows share an image: it is published for lax, blocked for strict; one row has no title."""
    rows = [{"sku": name, "title": "Mug", "category": name} for name in ("lax", "strict")]
    rows.append({"sku": "untitled", "title": "", "category": "lax"})
    made = RefreshHarness(tmp_path, rows, RECIPE, {"extends": "default", "image": [RULE]})
    made.refresh()
    return made


def story(shop: RefreshHarness, sku: str) -> dict[str, Any]:
    return tell_story(shop.store, open_tables(shop.url), shop.catalogue, sku)


def test_a_live_sku_says_since_when_by_which_prompt_and_attempt(shop: RefreshHarness) -> None:
    told = story(shop, "lax")
    (slot,) = told["slots"]
    assert (slot["view"], slot["category"], slot["prompt"]) == (
        "front",
        "lax",
        "Photograph of Mug, seen from the front",
    )
    assert (slot["live"]["release"], slot["live"]["attempt"], slot["outcomes"]) == (1, 0, [])
    assert [(attempt["verdict"], attempt["limits"]) for attempt in slot["attempts"]] == [("PASS", [])]
    assert slot["next"].startswith("unchanged")
    assert (told["row"]["row"], told["row"]["run_id"]) == (1, slot["live"]["run_id"])
    assert told["row"]["fields"].items() >= {"title": "Mug", "category": "lax"}.items()
    assert [release["version"] for release in told["releases"]] == [1]


def test_the_row_is_as_the_newest_run_read_it_that_decided_something(shop: RefreshHarness) -> None:
    first = story(shop, "lax")["row"]["run_id"]
    shop.refresh()
    assert story(shop, "lax")["row"]["run_id"] == first, "an unchanged night decides nothing and writes no row"
    shop.row("lax").update(title="Bowl", category="strict")
    assert shop.refresh().report["slots"]["blocked"] == 1, "the mug stays live"
    told = story(shop, "lax")
    assert told["slots"][0]["live"]["run_id"] == first
    assert (told["row"]["fields"]["title"], told["row"]["run_id"] == first) == ("Bowl", False)


def test_a_refused_sku_says_by_which_score_and_limit_of_its_category(shop: RefreshHarness) -> None:
    (slot,) = story(shop, "strict")["slots"]
    (attempt,) = slot["attempts"]
    (limit,) = attempt["limits"]
    assert all(rule["verdict"] == "PASS" and rule["limits"] for rule in attempt["within"])
    assert (attempt["verdict"], attempt["reasons"]) == ("BLOCK", ["too-heavy"])
    assert (limit["score"], limit["limits"], limit["value"] > 100) == ("file.bytes", {"block_above": 100.0}, True)
    (outcome,) = slot["outcomes"]
    assert (outcome["state"], outcome["reasons"], outcome["decided_by"]) == ("blocked", ["too-heavy"], "gates")
    assert slot["next"] == "it waits: blocked until its prompt, its finish or the policy changes"
    assert slot["live"] is None


def test_what_a_rollback_took_back_names_it_and_waits_for_a_person(shop: RefreshHarness) -> None:
    shop.row("lax")["title"] = "Cup"
    shop.refresh()
    rollback(shop.store, open_tables(shop.url), shop.catalogue, to=1)
    (slot,) = story(shop, "lax")["slots"]
    (outcome,) = slot["outcomes"]
    assert (outcome["state"], outcome["decided_by"]) == ("withdrawn", "rollback")
    assert slot["next"].startswith("nothing: it was taken back")
    assert slot["next"].endswith("the live image stays meanwhile")


def test_a_rejected_row_and_an_unknown_sku_say_so(shop: RefreshHarness) -> None:
    told = story(shop, "untitled")
    assert told["slots"] == []
    assert [(reject["row"], reject["column"], reject["reason"]) for reject in told["rejected"]] == [
        (3, "title", "title is missing")
    ]
    unknown = story(shop, "never heard of")
    assert (unknown["slots"], unknown["rejected"], unknown["releases"]) == ([], [], [])


def test_what_a_person_refused_names_a_person_and_waits_for_another_answer(shop: RefreshHarness) -> None:
    store, tables = shop.store, open_tables(shop.url)
    items = choose_items(list_answerable_items(store, tables, shop.catalogue), SkuChoice(["strict"], override=True))
    refusal = SkuAnswer(AnswerKind.REFUSE, "deformed")
    answer_items(ReviewService(store, tables, shop.catalogue), Person("ada", ALL_SCOPES), items, refusal)
    shop.refresh()
    (slot,) = story(shop, "strict")["slots"]
    outcome = slot["outcomes"][-1]
    assert (outcome["reasons"], outcome["decided_by"]) == (["person.deformed"], "a person")
    assert slot["next"].startswith("it waits: a person refused it, until its prompt or finish changes")
