"""Edits by hand, each of which touches exactly what it should: slots, images and prompts are counted one by one.

Every edit is played on a fresh copy of one shop, and then all of them one after another on one store. After each night
comes another one without an edit, which must be silent.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.rule_files import read_packaged_rules
from catalogs.table_schemas import OUTCOMES
from infra.tables import open_tables
from tasks.amendments.rollback import rollback
from tasks.answers.answer_log import read_answers
from tests.fixtures.object_stores import (
    ON_LOCAL_AND_LONG_S3_STORES,
    ON_LOCAL_AND_SLOW_S3_STORES,
    StoreUrlFactory,
    on_local_and_s3_stores,
)
from tests.fixtures.refresh_harness import (
    IMAGE_COLUMNS,
    Manifest,
    RefreshHarness,
    RefreshResult,
    Row,
    SlotName,
    assert_published_images,
)

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

COLUMNS = ("sku", "title", "category", "color", "description", "note", "views", "num_images", "seed", "width",
           "height", "prompt")  # fmt: skip
RECIPE: dict[str, Any] = {
    "columns": {name: name for name in COLUMNS},
    "engine": "stub",
    "models": {"stub": {"family": "stub", "precision": "fp32"}},
    "tiers": {"standard": {"width": 256, "height": 256, "attempts": 3}},
    "views": {"front": "seen from the front", "side": "seen from the side", "back": "seen from the back"},
    "defaults": {"template": "Photograph of {{ title }}, {{ color }}, {{ phrase }} {{ note }}", "views": ["front"]},
    "categories": {"bags": {"template": "Photograph of the bag {{ title }}, {{ color }}, {{ phrase }} {{ note }}"}},
}
BLUR = "blur.foreground"


def catalogue() -> list[Row]:
    """Return 44 rows of four categories: 40 plain ones, and one each that is blurred, blank, banned or tried again.

    `mug-01` has two views, `shirt-01` and `shirt-02` share a picture. 42 slots can go live; 2 of them are under 5 %.
    """
    rows = []
    for category, thing in (("mugs", "Mug"), ("bags", "Bag"), ("shirts", "Shirt"), ("boxes", "Box")):
        for number in range(1, 12):
            row = dict.fromkeys(("sku", *COLUMNS[1:], "price", "stock"), "")
            row |= {"sku": f"{thing.lower()}-{number:02d}", "title": f"{thing} No. {number}", "category": category}
            rows.append(row | {"color": "green", "description": "Made to last.", "price": "10.00", "stock": "5"})
    changes = {
        "mug-01": {"views": "front;side"},
        "mug-09": {"title": "Samovar Mug"},
        "shirt-02": {"title": "Shirt No. 1"},
        "shirt-09": {"note": "[second-try]"},
        "box-09": {"note": "[blurred]"},
        "box-10": {"note": "[blank]"},
        "box-11": {"title": "Toy Revolver Box"},
    }
    return [row | changes.get(row["sku"], {}) for row in rows]


def policy() -> dict[str, Any]:
    """Return the built-in policy, under which a blurred picture waits for a person instead of being refused."""
    content: dict[str, Any] = yaml.safe_load(read_packaged_rules("policy"))
    content["image"] = [rule for rule in content["image"] if rule["score"] != BLUR]
    content["image"].append({"score": BLUR, "reason": "blurred", "review_below": 7})
    return content


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory, new_store_url: StoreUrlFactory) -> RefreshHarness:
    """Return a shop after its first night, to be copied."""
    folder = tmp_path_factory.mktemp("first")
    shop = RefreshHarness(folder, catalogue(), RECIPE, policy(), url_override=new_store_url(folder))
    night = shop.refresh()
    assert night.slot_counts() == {"new": 45, "published": 42, "review": 1, "blocked": 2}
    blank = dict.fromkeys(("blank", "flat", "overexposed", "small-in-frame"), 1)
    assert night.report["reasons"] == {"blurred": 2, "words.weapons": 1} | blank
    assert len(night.added) == 42
    return shop


@pytest.fixture
def harness(first_release: RefreshHarness, tmp_path: Path, new_store_url: StoreUrlFactory) -> RefreshHarness:
    copy = RefreshHarness(tmp_path, catalogue(), RECIPE, policy(), url_override=new_store_url(tmp_path))
    for info in first_release.store.list(""):
        copy.store.write(info.key, first_release.store.read(info.key))
    return copy


@dataclass
class ExpectedChange:
    """What a night may touch: slots by name, images, prompts, and counts that do not follow from those.

    `generated` None stands for the attempts behind the pictures that came, and `refused` more.
    """

    added: set[SlotName] = field(default_factory=set)
    removed: set[SlotName] = field(default_factory=set)
    changed: set[SlotName] = field(default_factory=set)
    refreshed: set[SlotName] = field(default_factory=set)
    generated: int | None = 0
    reused: int = 0
    rendered: int = 0
    refused: int = 0
    rejected: int = 0
    waiting: int = 3
    also: dict[str, int] = field(default_factory=dict)

    def check(self, night: RefreshResult) -> None:
        """Fail where the night touched more, or less."""
        assert (night.added, night.removed, night.changed) == (self.added, self.removed, self.changed)
        assert night.refreshed == self.refreshed
        counts = {
            "new": len(self.added),
            "changed": len(self.changed),
            "published": len(self.added) + len(self.changed),
            "retired": len(self.removed),
            "waiting": self.waiting,
        }
        counts |= {name: counts.get(name, 0) + count for name, count in self.also.items()}
        assert night.slot_counts() == {name: count for name, count in counts.items() if count}
        generated = self._attempts(night) if self.generated is None else self.generated
        assert night.image_counts() == {"generated": generated, "reused": self.reused}
        assert night.prompts_rendered == self.rendered
        assert night.report["rows"]["rejected"] == self.rejected

    def _attempts(self, night: RefreshResult) -> int:
        rows = [night.after[name] for name in self.added | self.changed]
        return sum({row["request_key"]: row["attempt"] + 1 for row in rows}.values()) + self.refused


def blur(harness: RefreshHarness) -> dict[str, Any]:
    """Return the policy's rule on blur, to be edited."""
    assert harness.policy is not None
    harness.policy = deepcopy(harness.policy)
    return next(rule for rule in harness.policy["image"] if rule["score"] == BLUR)


def stored_scores(harness: RefreshHarness) -> dict[str, Any]:
    return {info.key: info.modified for info in harness.store.list("scores/")}


def outcomes(harness: RefreshHarness) -> list[dict[str, Any]]:
    return list(open_tables(harness.url).read(layout.outcomes_table(harness.catalogue), OUTCOMES.names).to_pylist())


def front(*skus: str) -> set[SlotName]:
    return {(sku, "front", 0) for sku in skus}


def numbered(thing: str, numbers: range) -> list[str]:
    return [f"{thing}-{number:02d}" for number in numbers]


Edit = Callable[[RefreshHarness], Iterator[ExpectedChange]]
"""Edits a shop and yields what the night after it may touch; more than once where the edit is taken back."""


def a_title(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("mug-02")["title"] = "Mug for Mornings"
    yield ExpectedChange(changed=front("mug-02"), generated=1, rendered=1)


def the_title_of_one_of_two_that_share_a_picture(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("shirt-02")["title"] = "Shirt of Its Own"
    yield ExpectedChange(changed=front("shirt-02"), generated=1, rendered=1)
    harness.row("shirt-02")["title"] = harness.row("shirt-01")["title"]
    yield ExpectedChange(changed=front("shirt-02"), reused=1, rendered=1)


def a_description_that_no_template_uses(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    for row in harness.rows[:20]:
        row["description"] = "Now <b>with</b> a lid & a lot more text."
    yield ExpectedChange()


def price_and_stock(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    for row in harness.rows:
        row |= {"price": "11.50", "stock": "0"}
    yield ExpectedChange()


def the_template_of_one_category(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    rules = {"template": "Photograph of the fine bag {{ title }}, {{ color }}, {{ phrase }} {{ note }}"}
    harness.edit_recipe(categories=harness.recipe["categories"] | {"bags": rules})
    bags = front(*numbered("bag", range(1, 12)))
    yield ExpectedChange(changed=bags, generated=11, rendered=11)


def the_phrase_of_a_view(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.edit_recipe(views=harness.recipe["views"] | {"side": "seen from its left side"})
    yield ExpectedChange(changed={("mug-01", "side", 0)}, generated=1, rendered=1)


def a_threshold_loosened(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    scores = stored_scores(harness)
    blur(harness)["review_below"] = 0
    harness.apply_policy()
    # Decided anew: the blurred one from 1 staged image, the blank one from 3, the banned one from its prompt.
    yield ExpectedChange(added=front("box-09"), reused=4, rendered=3, waiting=2)
    assert stored_scores(harness) == scores
    blur(harness)["review_below"] = 7
    assert harness.apply_policy()["withdrawn"] == {"pictures": 1}
    yield ExpectedChange(reused=3, rendered=2)
    harness.row("box-09")["note"] = "[blurred] again"
    yield ExpectedChange(generated=1, rendered=1, also={"new": 1, "review": 1}, waiting=2)
    harness.row("box-09")["note"] = "[blurred]"
    yield ExpectedChange()
    [row] = harness.remove_rows("box-09")
    yield ExpectedChange(waiting=2)
    harness.rows.append(row)
    # Its refusal ended with its slot, so it is asked about again, from its staged image.
    yield ExpectedChange(reused=1, rendered=1, also={"new": 1, "review": 1}, waiting=2)


def a_threshold_tightened(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    live = harness.manifest()
    attempts = {row["request_key"]: row["attempt"] + 1 for row in live.values()}
    blur(harness)["review_below"] = 1e6
    assert harness.apply_policy()["withdrawn"] == {"pictures": len(live)}
    yield ExpectedChange(reused=4, rendered=3, waiting=3 + len(live))
    harness.row("mug-03")["title"] = "Mug under Strict Eyes"
    yield ExpectedChange(generated=1, rendered=1, also={"new": 1, "review": 1}, waiting=2 + len(live))
    blur(harness)["review_below"] = 7
    harness.apply_policy()
    yield ExpectedChange(added=set(live), generated=0, reused=4 + sum(attempts.values()), rendered=3 + len(live))


def a_word_added_to_the_blocklist(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    assert harness.policy is not None
    before, harness.policy = harness.policy, deepcopy(harness.policy)
    harness.policy["words"].setdefault("categories", {})["tea"] = {"verdict": "BLOCK", "terms": ["samovar"]}
    assert harness.apply_policy()["withdrawn"] == {"pictures": 1}  # mug-09
    harness.rows.append(harness.row("mug-09") | {"sku": "mug-12", "title": "Samovar Mug, Small"})
    yield ExpectedChange(also={"new": 1, "blocked": 1}, reused=4, rendered=4, waiting=4)
    harness.remove_rows("mug-12")
    yield ExpectedChange(waiting=4)
    harness.row("mug-09")["color"] = "blue"
    yield ExpectedChange(also={"new": 1, "blocked": 1}, rendered=1)
    harness.policy = before
    harness.apply_policy()
    yield ExpectedChange(added=front("mug-09"), generated=1, reused=4, rendered=4)


def the_finish(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    live = harness.manifest()
    attempts = {row["request_key"]: row["attempt"] + 1 for row in live.values()}
    harness.edit_recipe(finish={"quality": 85})
    # Of those that wait, the blurred one was tried once and the blank one three times.
    yield ExpectedChange(changed=set(live), reused=sum(attempts.values()) + 4, rendered=len(live) + 3)


def a_view_added_for_one_category(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.edit_recipe(categories=harness.recipe["categories"] | {"shirts": {"views": ["front", "back"]}})
    backs = {(sku, "back", 0) for sku in numbered("shirt", range(1, 12))}
    yield ExpectedChange(added=backs, generated=None, rendered=11)


def two_images_of_one_sku(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("bag-03")["num_images"] = "2"
    yield ExpectedChange(added={("bag-03", "front", 1)}, generated=1, rendered=1)
    harness.row("bag-03")["num_images"] = ""
    yield ExpectedChange(removed={("bag-03", "front", 1)})


def a_sku_gone_and_back(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    gone = harness.remove_rows("mug-04")
    yield ExpectedChange(removed=front("mug-04"))
    harness.rows += gone
    yield ExpectedChange(added=front("mug-04"), reused=1, rendered=1)


def a_row_with_a_seed(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("bag-05")["seed"] = "42"
    yield ExpectedChange(changed=front("bag-05"), generated=1, rendered=1)
    harness.row("bag-05")["seed"] = ""
    yield ExpectedChange(changed=front("bag-05"), reused=1, rendered=1)


def a_row_with_a_size(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("bag-06").update(width="320", height="256")
    yield ExpectedChange(changed=front("bag-06"), generated=1, rendered=1)
    picture = harness.manifest()["bag-06", "front", 0]
    assert (picture["width"], picture["height"]) == (320, 256)


def a_row_with_a_prompt(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("bag-07")["prompt"] = "A bag on a chair in the sun"
    yield ExpectedChange(changed=front("bag-07"), generated=1, rendered=1)


def a_prompt_that_says_what_the_template_says(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("box-05")["prompt"] = "Photograph of Box No. 5,  green, seen from the front"
    yield ExpectedChange(refreshed=front("box-05"), rendered=1)


def a_sku_renamed(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("box-02")["sku"] = "crate-02"
    yield ExpectedChange(added=front("crate-02"), removed=front("box-02"), reused=1, rendered=1)


def another_category(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("box-03")["category"] = "bags"
    yield ExpectedChange(changed=front("box-03"), generated=1, rendered=1)


def another_category_without_rules_of_its_own(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("box-04")["category"] = "crates"
    yield ExpectedChange()


def a_row_that_is_rejected(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    title, harness.row("mug-06")["title"] = harness.row("mug-06")["title"], " "
    harness.row("bag-08")["width"] = "1003"
    yield ExpectedChange(rejected=2)
    harness.row("mug-06")["title"] = title
    harness.row("bag-08")["width"] = ""
    yield ExpectedChange()


def a_row_whose_sku_cannot_be_read(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    harness.row("mug-07")["sku"] = "mug\a07"
    gone = harness.remove_rows("bag-09")
    yield ExpectedChange(rejected=1)
    harness.rows += gone
    harness.row("mug\a07")["sku"] = "mug-07"
    yield ExpectedChange()


def render_version(harness: RefreshHarness) -> Iterator[ExpectedChange]:
    live = set(harness.manifest())
    harness.edit_recipe(render_version=2)
    # What was refused is another request now: it is asked, made and refused anew.
    anew = {"new": 3, "review": 1, "blocked": 2}
    yield ExpectedChange(changed=live, generated=None, refused=4, rendered=len(live) + 3, also=anew, waiting=0)


EDITS: tuple[Edit, ...] = (
    a_title,
    the_title_of_one_of_two_that_share_a_picture,
    a_description_that_no_template_uses,
    price_and_stock,
    the_template_of_one_category,
    the_phrase_of_a_view,
    a_threshold_tightened,
    a_word_added_to_the_blocklist,
    a_threshold_loosened,
    two_images_of_one_sku,
    a_sku_gone_and_back,
    a_row_with_a_seed,
    a_row_with_a_size,
    a_row_with_a_prompt,
    a_prompt_that_says_what_the_template_says,
    a_sku_renamed,
    another_category,
    another_category_without_rules_of_its_own,
    a_row_that_is_rejected,
    a_row_whose_sku_cannot_be_read,
    the_finish,
    a_view_added_for_one_category,
    render_version,
)


def play(harness: RefreshHarness, edit: Edit) -> None:
    """Play an edit night by night, and after each night another one on which nothing may happen."""
    for touch in edit(harness):
        night = harness.refresh()
        touch.check(night)
        assert_published_images(harness.store, {name: night.after[name] for name in touch.added | touch.changed})
        quiet = harness.refresh()
        refused = sum(night.report["slots"][state] for state in ("review", "blocked"))
        ExpectedChange(waiting=touch.waiting + refused, rejected=touch.rejected).check(quiet)
        assert quiet.report["release"]["version"] == night.report["release"]["version"]
        assert harness.open_run_markers() == []


QUICK = {a_description_that_no_template_uses, the_template_of_one_category, the_finish}
"""Edits that are played alone with the quick tests; the slow ones play them all, alone and one after another.

In a bucket, where a night takes several times as long, all are played one after another.
"""
ALONE = [pytest.param(edit, id=edit.__name__, marks=[] if edit in QUICK else pytest.mark.slow) for edit in EDITS]


@pytest.mark.parametrize("edit", ALONE)
def test_an_edit_touches_exactly_what_it_should(harness: RefreshHarness, edit: Edit) -> None:
    play(harness, edit)


SEQUENCES = [
    pytest.param("disk", EDITS, id="disk", marks=pytest.mark.slow),
    *[
        pytest.param("s3", EDITS[start : start + 6], id=f"s3-{start}", marks=pytest.mark.long(seconds=50))
        for start in range(0, len(EDITS), 6)
    ],
]
"""All in one store on a disk; in a bucket, where all take some minutes, six after one another."""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("new_store_url", "sequence"), SEQUENCES, indirect=["new_store_url"])
def test_all_edits_one_after_another_touch_exactly_what_they_should(
    harness: RefreshHarness, sequence: tuple[Edit, ...]
) -> None:
    for edit in sequence:
        try:
            play(harness, edit)
        except BaseException as error:
            error.add_note(f"while playing {edit.__name__}")
            raise


@ON_LOCAL_AND_SLOW_S3_STORES
def test_a_batch_that_retires_too_much_is_held_until_a_person_lets_it_go(harness: RefreshHarness) -> None:
    harness.remove_rows("mug-02", "mug-03", "bag-04")
    for _ in range(2):  # held again, as the same run: nothing is made or asked twice
        night = harness.refresh()
        assert night.report["held"] == ["retired-share"]
        assert night.slot_counts() == {"retired": 3, "waiting": 3}
        assert night.after == night.before
        [opened] = harness.open_run_markers()
        assert night.report["run_id"] in opened
    run_id = night.report["run_id"]
    with pytest.raises(OptionError, match=r"publish-share' does not hold the run.*retired-share"):
        harness.release(run_id, ["publish-share"])
    with pytest.raises(OptionError, match="--reason: say why"):
        harness.release(run_id, ["retired-share"], " ")
    with pytest.raises(OptionError, match="held by retired-share; accept each check by its name"):
        harness.release(run_id, [])
    assert harness.manifest() == night.before

    released = harness.release(run_id, ["retired-share"], "Three mugs were discontinued")
    assert released.removed == front("mug-02", "mug-03", "bag-04")
    assert (released.report["held"], released.report["run_id"]) == ([], run_id)
    [words] = read_answers(harness.store, harness.catalogue)
    assert (words.details, words.why, words.who) == (
        {"run_id": run_id, "checks": ["retired-share"]}, "Three mugs were discontinued", "ada"
    )  # fmt: skip
    with pytest.raises(OptionError, match=f"{run_id} is not held"):
        harness.release(run_id, ["retired-share"])
    ExpectedChange().check(harness.refresh())
    assert harness.open_run_markers() == []


@pytest.mark.slow
@on_local_and_s3_stores(pytest.mark.long(seconds=60))
def test_a_view_taken_from_a_category_is_held_and_forgotten_when_it_is_given_back(harness: RefreshHarness) -> None:
    for edit in (a_view_added_for_one_category, a_title):
        play(harness, edit)
    with_view = harness.recipe
    harness.edit_recipe(categories={})
    harness.row("mug-03")["title"] = "Mug for Evenings"
    held = harness.refresh()
    # Eleven backs would go and eleven bags would get the plain template's pictures, one more than the mug.
    assert held.report["held"] == ["retired-share"]
    assert held.slot_counts() == {"changed": 12, "published": 12, "retired": 11, "waiting": 3}
    assert held.after == held.before

    harness.recipe = with_view
    ExpectedChange(changed=front("mug-03"), reused=1, rendered=1).check(harness.refresh())
    assert harness.open_run_markers() == []
    with pytest.raises(OptionError, match="is not held; there is nothing to release"):
        harness.release(held.report["run_id"], ["retired-share"])


@ON_LOCAL_AND_LONG_S3_STORES
def test_what_a_partial_run_published_meanwhile_is_not_overwritten_by_a_held_batch(harness: RefreshHarness) -> None:
    all_rows = harness.rows
    harness.row("mug-02")["title"] = "Mug, as the Held Batch Knows It"
    harness.remove_rows("mug-03", "bag-04", "shirt-05")
    held = harness.refresh()
    assert held.report["held"] == ["retired-share"]

    harness.rows = [next(row for row in all_rows if row["sku"] == "mug-02") | {"title": "Mug, Newer"}]
    partial = harness.refresh(scope="partial")
    ExpectedChange(changed=front("mug-02"), generated=1, rendered=1, waiting=0).check(partial)

    released = harness.release(held.report["run_id"], ["retired-share"])
    assert released.removed == front("mug-03", "bag-04", "shirt-05")
    assert released.changed == set()
    assert released.slot_counts() == {"changed": 1, "superseded": 1, "retired": 3, "waiting": 3}
    assert [row for row in outcomes(harness) if row["sku"] == "mug-02"] == []


@ON_LOCAL_AND_SLOW_S3_STORES
def test_a_partial_run_adds_and_changes_and_retires_nothing(harness: RefreshHarness) -> None:
    all_rows = harness.rows
    harness.rows = [
        harness.row("mug-02") | {"title": "Mug, Partial"},
        harness.row("mug-03") | {"sku": "mug-99", "title": "New"},
    ]
    partial = harness.refresh(scope="partial")
    ExpectedChange(added=front("mug-99"), changed=front("mug-02"), generated=2, rendered=2, waiting=0).check(partial)
    assert partial.report["scope"] == "partial"
    ExpectedChange(waiting=0).check(harness.refresh(scope="partial"))

    harness.rows = all_rows
    full = harness.refresh()
    ExpectedChange(removed=front("mug-99"), changed=front("mug-02"), reused=1, rendered=1).check(full)


@ON_LOCAL_AND_LONG_S3_STORES
def test_rejected_rows_of_a_quarter_of_the_shop_retire_nothing_and_hold_nothing(harness: RefreshHarness) -> None:
    for number in range(1, 12):
        harness.row(f"mug-{number:02d}")["title"] = ""
    night = harness.refresh()
    ExpectedChange(rejected=11).check(night)
    assert night.report["held"] == []
    assert {reject["reason"] for reject in night.report["rejects"]} == {"title is missing"}


@ON_LOCAL_AND_LONG_S3_STORES
def test_a_row_whose_sku_cannot_be_read_stops_all_retiring_and_says_so(harness: RefreshHarness) -> None:
    harness.row("mug-07")["sku"] = ""
    harness.remove_rows("bag-02", "bag-03", "bag-04", "bag-05")
    night = harness.refresh()
    ExpectedChange(rejected=1).check(night)
    assert "1 rejected rows have no readable SKU: nothing is retired in this run" in night.report["warnings"]


def rolled_back(harness: RefreshHarness) -> RefreshResult:
    """Show exactly what the release before showed, and return what the next night does."""
    before = harness.manifest()
    rollback(harness.store, open_tables(harness.url), harness.catalogue, drop_new=True)
    assert harness.manifest() != before
    return harness.refresh()


@ON_LOCAL_AND_LONG_S3_STORES
def test_what_was_rolled_back_is_not_published_again_by_two_nights(harness: RefreshHarness) -> None:
    first = harness.manifest()
    for sku in ("mug-02", "mug-03"):
        harness.row(sku)["title"] += ", Reworded"
    [gone] = harness.remove_rows("bag-04")
    harness.rows.append(harness.row("bag-05") | {"sku": "bag-99", "title": "Bag of the Year"})
    night = harness.refresh()
    ExpectedChange(
        added=front("bag-99"), removed=front("bag-04"), changed=front("mug-02", "mug-03"), generated=3, rendered=3
    ).check(night)

    # Withdrawn: the two mugs and the new bag. The bag that left the catalogue comes back and leaves again.
    once = rolled_back(harness)
    ExpectedChange(removed=front("bag-04"), waiting=6).check(once)
    assert shown(once.before) == shown(first)
    ExpectedChange(waiting=6).check(harness.refresh())

    harness.row("mug-02")["title"] = "Mug No. 2"
    ExpectedChange(waiting=5).check(harness.refresh())  # what was live before the edit is live again
    harness.row("mug-03")["title"] = "Mug, Third Try"
    ExpectedChange(changed=front("mug-03"), generated=1, rendered=1, waiting=4).check(harness.refresh())
    harness.rows.append(gone)
    ExpectedChange(added=front("bag-04"), reused=1, rendered=1, waiting=4).check(harness.refresh())


@ON_LOCAL_AND_LONG_S3_STORES
def test_a_finish_that_was_rolled_back_stays_so_until_the_recipe_moves_on(harness: RefreshHarness) -> None:
    first = harness.manifest()
    play(harness, the_finish)
    for _ in range(2):
        night = rolled_back(harness) if shown(harness.manifest()) != shown(first) else harness.refresh()
        ExpectedChange(waiting=45).check(replace(night, prompts_rendered=0))
        assert shown(night.after) == shown(first)
    harness.edit_recipe(finish={"quality": 90})
    ExpectedChange(reused=4, rendered=3).check(
        harness.refresh()
    )  # the three that wait were last judged in the other finish


@ON_LOCAL_AND_LONG_S3_STORES
def test_a_refusal_in_another_finish_does_not_forget_what_a_person_took_away(harness: RefreshHarness) -> None:
    kept, policy = shown(harness.manifest())[("mug-09", "front", 0)], deepcopy(harness.policy)
    harness.row("mug-09")["title"] = "Samovar Mug, Large"
    ExpectedChange(changed=front("mug-09"), generated=1, rendered=1).check(harness.refresh())
    rollback(harness.store, open_tables(harness.url), harness.catalogue, skus=["mug-09"])

    assert harness.policy is not None
    harness.policy["words"].setdefault("categories", {})["tea"] = {"verdict": "BLOCK", "terms": ["large"]}
    harness.apply_policy()
    harness.edit_recipe(finish={"quality": 85})
    assert harness.refresh().report["slots"]["blocked"] == 1  # the mug, in the new finish
    harness.policy = policy
    harness.apply_policy()
    harness.edit_recipe(finish={"quality": 90})
    for _ in range(2):
        harness.refresh()
        assert shown(harness.manifest())[("mug-09", "front", 0)] == kept


def shown(manifest: Manifest) -> dict[SlotName, tuple[Any, ...]]:
    return {name: tuple(row[column] for column in IMAGE_COLUMNS) for name, row in manifest.items()}
