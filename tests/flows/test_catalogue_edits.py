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
from infra.stores.json_objects import read_json
from infra.tables import open_tables
from tasks.amendments.rollback import rollback
from tests.fixtures.refresh_harness import SHOWN, Manifest, Name, Night, Row, Shop, check_published
from tests.flows.conftest import ON_DISK_AND_IN_A_BUCKET, NewStore

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
def first_night(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Shop:
    """Return a shop after its first night, to be copied."""
    folder = tmp_path_factory.mktemp("first")
    shop = Shop(folder, catalogue(), RECIPE, policy(), place=new_store(folder))
    night = shop.night()
    assert night.slots() == {"new": 45, "published": 42, "review": 1, "blocked": 2}
    blank = dict.fromkeys(("blank", "flat", "overexposed", "small-in-frame"), 1)
    assert night.report["reasons"] == {"blurred": 2, "words.weapons": 1} | blank
    assert len(night.added) == 42
    return shop


@pytest.fixture
def shop(first_night: Shop, tmp_path: Path, new_store: NewStore) -> Shop:
    copy = Shop(tmp_path, catalogue(), RECIPE, policy(), place=new_store(tmp_path))
    for info in first_night.store.list(""):
        copy.store.write(info.key, first_night.store.read(info.key))
    return copy


@dataclass
class Touch:
    """What a night may touch: slots by name, images, prompts, and counts that do not follow from those.

    `generated` None stands for the attempts behind the pictures that came, and `refused` more.
    """

    added: set[Name] = field(default_factory=set)
    removed: set[Name] = field(default_factory=set)
    changed: set[Name] = field(default_factory=set)
    refreshed: set[Name] = field(default_factory=set)
    generated: int | None = 0
    reused: int = 0
    rendered: int = 0
    refused: int = 0
    rejected: int = 0
    waiting: int = 3
    also: dict[str, int] = field(default_factory=dict)

    def check(self, night: Night) -> None:
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
        assert night.slots() == {name: count for name, count in counts.items() if count}
        generated = self._attempts(night) if self.generated is None else self.generated
        assert night.images() == {"generated": generated, "reused": self.reused}
        assert night.rendered == self.rendered
        assert night.report["rows"]["rejected"] == self.rejected

    def _attempts(self, night: Night) -> int:
        rows = [night.after[name] for name in self.added | self.changed]
        return sum({row["request_key"]: row["attempt"] + 1 for row in rows}.values()) + self.refused


def blur(shop: Shop) -> dict[str, Any]:
    """Return the policy's rule on blur, to be edited."""
    assert shop.policy is not None
    shop.policy = deepcopy(shop.policy)
    return next(rule for rule in shop.policy["image"] if rule["score"] == BLUR)


def stored_scores(shop: Shop) -> dict[str, Any]:
    return {info.key: info.modified for info in shop.store.list("scores/")}


def outcomes(shop: Shop) -> list[dict[str, Any]]:
    return list(open_tables(shop.url).read(layout.outcomes_table(shop.name), OUTCOMES.names).to_pylist())


def front(*skus: str) -> set[Name]:
    return {(sku, "front", 0) for sku in skus}


def numbered(thing: str, numbers: range) -> list[str]:
    return [f"{thing}-{number:02d}" for number in numbers]


Edit = Callable[[Shop], Iterator[Touch]]
"""Edits a shop and yields what the night after it may touch; more than once where the edit is taken back."""


def a_title(shop: Shop) -> Iterator[Touch]:
    shop.row("mug-02")["title"] = "Mug for Mornings"
    yield Touch(changed=front("mug-02"), generated=1, rendered=1)


def the_title_of_one_of_two_that_share_a_picture(shop: Shop) -> Iterator[Touch]:
    shop.row("shirt-02")["title"] = "Shirt of Its Own"
    yield Touch(changed=front("shirt-02"), generated=1, rendered=1)
    shop.row("shirt-02")["title"] = shop.row("shirt-01")["title"]
    yield Touch(changed=front("shirt-02"), reused=1, rendered=1)


def a_description_that_no_template_uses(shop: Shop) -> Iterator[Touch]:
    for row in shop.rows[:20]:
        row["description"] = "Now <b>with</b> a lid & a lot more text."
    yield Touch()


def price_and_stock(shop: Shop) -> Iterator[Touch]:
    for row in shop.rows:
        row |= {"price": "11.50", "stock": "0"}
    yield Touch()


def the_template_of_one_category(shop: Shop) -> Iterator[Touch]:
    rules = {"template": "Photograph of the fine bag {{ title }}, {{ color }}, {{ phrase }} {{ note }}"}
    shop.edited(categories=shop.recipe["categories"] | {"bags": rules})
    bags = front(*numbered("bag", range(1, 12)))
    yield Touch(changed=bags, generated=11, rendered=11)


def the_phrase_of_a_view(shop: Shop) -> Iterator[Touch]:
    shop.edited(views=shop.recipe["views"] | {"side": "seen from its left side"})
    yield Touch(changed={("mug-01", "side", 0)}, generated=1, rendered=1)


def a_threshold_loosened(shop: Shop) -> Iterator[Touch]:
    scores = stored_scores(shop)
    blur(shop)["review_below"] = 0
    # Decided anew: the blurred one from 1 staged image, the blank one from 3, the banned one from its prompt.
    yield Touch(added=front("box-09"), reused=4, rendered=3, waiting=2)
    assert stored_scores(shop) == scores
    blur(shop)["review_below"] = 7
    yield Touch(reused=3, rendered=2, waiting=2)
    shop.row("box-09")["note"] = "[blurred] again"
    yield Touch(generated=1, rendered=1, also={"changed": 1, "review": 1}, waiting=2)
    shop.row("box-09")["note"] = "[blurred]"
    yield Touch(waiting=2)
    [row] = shop.take("box-09")
    yield Touch(removed=front("box-09"), waiting=2)
    shop.rows.append(row)
    yield Touch()  # under this policy it was refused before


def a_threshold_tightened(shop: Shop) -> Iterator[Touch]:
    blur(shop)["review_below"] = 1e6
    yield Touch(reused=4, rendered=3)
    shop.row("mug-03")["title"] = "Mug under Strict Eyes"
    yield Touch(generated=1, rendered=1, also={"changed": 1, "review": 1})
    blur(shop)["review_below"] = 7
    yield Touch(changed=front("mug-03"), reused=5, rendered=4)


def a_word_added_to_the_blocklist(shop: Shop) -> Iterator[Touch]:
    assert shop.policy is not None
    before, shop.policy = shop.policy, deepcopy(shop.policy)
    shop.policy["words"].setdefault("categories", {})["tea"] = {"verdict": "BLOCK", "terms": ["samovar"]}
    shop.rows.append(shop.row("mug-09") | {"sku": "mug-12", "title": "Samovar Mug, Small"})
    yield Touch(also={"new": 1, "blocked": 1}, reused=4, rendered=4)
    shop.take("mug-12")
    yield Touch()
    shop.row("mug-09")["color"] = "blue"  # a new picture of a banned thing: the shop keeps the old one
    yield Touch(also={"changed": 1, "blocked": 1}, rendered=1)
    shop.policy = before
    yield Touch(changed=front("mug-09"), generated=1, reused=4, rendered=4)


def the_finish(shop: Shop) -> Iterator[Touch]:
    live = shop.manifest()
    attempts = {row["request_key"]: row["attempt"] + 1 for row in live.values()}
    shop.edited(finish={"quality": 85})
    # Of those that wait, the blurred one was tried once and the blank one three times.
    yield Touch(changed=set(live), reused=sum(attempts.values()) + 4, rendered=len(live) + 3)


def a_view_added_for_one_category(shop: Shop) -> Iterator[Touch]:
    shop.edited(categories=shop.recipe["categories"] | {"shirts": {"views": ["front", "back"]}})
    backs = {(sku, "back", 0) for sku in numbered("shirt", range(1, 12))}
    yield Touch(added=backs, generated=None, rendered=11)


def two_images_of_one_sku(shop: Shop) -> Iterator[Touch]:
    shop.row("bag-03")["num_images"] = "2"
    yield Touch(added={("bag-03", "front", 1)}, generated=1, rendered=1)
    shop.row("bag-03")["num_images"] = ""
    yield Touch(removed={("bag-03", "front", 1)})


def a_sku_gone_and_back(shop: Shop) -> Iterator[Touch]:
    gone = shop.take("mug-04")
    yield Touch(removed=front("mug-04"))
    shop.rows += gone
    yield Touch(added=front("mug-04"), reused=1, rendered=1)


def a_row_with_a_seed(shop: Shop) -> Iterator[Touch]:
    shop.row("bag-05")["seed"] = "42"
    yield Touch(changed=front("bag-05"), generated=1, rendered=1)
    shop.row("bag-05")["seed"] = ""
    yield Touch(changed=front("bag-05"), reused=1, rendered=1)


def a_row_with_a_size(shop: Shop) -> Iterator[Touch]:
    shop.row("bag-06").update(width="320", height="256")
    yield Touch(changed=front("bag-06"), generated=1, rendered=1)
    picture = shop.manifest()["bag-06", "front", 0]
    assert (picture["width"], picture["height"]) == (320, 256)


def a_row_with_a_prompt(shop: Shop) -> Iterator[Touch]:
    shop.row("bag-07")["prompt"] = "A bag on a chair in the sun"
    yield Touch(changed=front("bag-07"), generated=1, rendered=1)


def a_prompt_that_says_what_the_template_says(shop: Shop) -> Iterator[Touch]:
    shop.row("box-05")["prompt"] = "Photograph of Box No. 5,  green, seen from the front"
    yield Touch(refreshed=front("box-05"), rendered=1)


def a_sku_renamed(shop: Shop) -> Iterator[Touch]:
    shop.row("box-02")["sku"] = "crate-02"
    yield Touch(added=front("crate-02"), removed=front("box-02"), reused=1, rendered=1)


def another_category(shop: Shop) -> Iterator[Touch]:
    shop.row("box-03")["category"] = "bags"
    yield Touch(changed=front("box-03"), generated=1, rendered=1)


def another_category_without_rules_of_its_own(shop: Shop) -> Iterator[Touch]:
    shop.row("box-04")["category"] = "crates"
    yield Touch()


def a_row_that_is_rejected(shop: Shop) -> Iterator[Touch]:
    title, shop.row("mug-06")["title"] = shop.row("mug-06")["title"], " "
    shop.row("bag-08")["width"] = "1003"
    yield Touch(rejected=2)
    shop.row("mug-06")["title"] = title
    shop.row("bag-08")["width"] = ""
    yield Touch()


def a_row_whose_sku_cannot_be_read(shop: Shop) -> Iterator[Touch]:
    shop.row("mug-07")["sku"] = "mug\a07"
    gone = shop.take("bag-09")
    yield Touch(rejected=1)
    shop.rows += gone
    shop.row("mug\a07")["sku"] = "mug-07"
    yield Touch()


def render_version(shop: Shop) -> Iterator[Touch]:
    live = set(shop.manifest())
    shop.edited(render_version=2)
    # What was refused is another request now: it is asked, made and refused anew.
    anew = {"new": 3, "review": 1, "blocked": 2}
    yield Touch(changed=live, generated=None, refused=4, rendered=len(live) + 3, also=anew, waiting=0)


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


def play(shop: Shop, edit: Edit) -> None:
    """Play an edit night by night, and after each night another one on which nothing may happen."""
    for touch in edit(shop):
        night = shop.night()
        touch.check(night)
        check_published(shop.store, {name: night.after[name] for name in touch.added | touch.changed})
        quiet = shop.night()
        refused = sum(night.report["slots"][state] for state in ("review", "blocked"))
        Touch(waiting=touch.waiting + refused, rejected=touch.rejected).check(quiet)
        assert quiet.report["release"]["version"] == night.report["release"]["version"]
        assert shop.open_runs() == []


QUICK = {a_description_that_no_template_uses, the_template_of_one_category, the_finish}
"""Edits that are played alone with the quick tests; the slow ones play them all, alone and one after another.

In a bucket, where a night takes several times as long, all are played one after another.
"""
ALONE = [pytest.param(edit, id=edit.__name__, marks=[] if edit in QUICK else pytest.mark.slow) for edit in EDITS]


@pytest.mark.parametrize("edit", ALONE)
def test_an_edit_touches_exactly_what_it_should(shop: Shop, edit: Edit) -> None:
    play(shop, edit)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@ON_DISK_AND_IN_A_BUCKET
def test_all_edits_one_after_another_touch_exactly_what_they_should(shop: Shop) -> None:
    for edit in EDITS:
        try:
            play(shop, edit)
        except BaseException as error:
            error.add_note(f"while playing {edit.__name__}")
            raise


@ON_DISK_AND_IN_A_BUCKET
def test_a_batch_that_retires_too_much_is_held_until_a_person_lets_it_go(shop: Shop) -> None:
    shop.take("mug-02", "mug-03", "bag-04")
    for _ in range(2):  # held again, as the same run: nothing is made or asked twice
        night = shop.night()
        assert night.report["held"] == ["retired-share"]
        assert night.slots() == {"retired": 3, "waiting": 3}
        assert night.after == night.before
        [opened] = shop.open_runs()
        assert night.report["run_id"] in opened
    run_id = night.report["run_id"]
    with pytest.raises(OptionError, match=r"publish-share' does not hold the run.*retired-share"):
        shop.release(run_id, ["publish-share"])
    with pytest.raises(OptionError, match="--reason: say why"):
        shop.release(run_id, ["retired-share"], " ")
    with pytest.raises(OptionError, match="also held by retired-share; accept each check by its name"):
        shop.release(run_id, [])
    assert shop.manifest() == night.before

    released = shop.release(run_id, ["retired-share"], "Three mugs were discontinued")
    assert released.removed == front("mug-02", "mug-03", "bag-04")
    assert (released.report["held"], released.report["run_id"]) == ([], run_id)
    words = read_json(shop.store, layout.person_decision(shop.name, run_id, "release"))
    assert (words["accepted"], words["reason"], words["by"]) == (
        ["retired-share"], "Three mugs were discontinued", "ada"
    )  # fmt: skip
    with pytest.raises(OptionError, match=f"{run_id} is not held"):
        shop.release(run_id, ["retired-share"])
    Touch().check(shop.night())
    assert shop.open_runs() == []


@pytest.mark.slow
@ON_DISK_AND_IN_A_BUCKET
def test_a_view_taken_from_a_category_is_held_and_forgotten_when_it_is_given_back(shop: Shop) -> None:
    for edit in (a_view_added_for_one_category, a_title):
        play(shop, edit)
    with_view = shop.recipe
    shop.edited(categories={})
    shop.row("mug-03")["title"] = "Mug for Evenings"
    held = shop.night()
    # Eleven backs would go and eleven bags would get the plain template's pictures, one more than the mug.
    assert held.report["held"] == ["retired-share"]
    assert held.slots() == {"changed": 12, "published": 12, "retired": 11, "waiting": 3}
    assert held.after == held.before

    shop.recipe = with_view
    Touch(changed=front("mug-03"), reused=1, rendered=1).check(shop.night())
    assert shop.open_runs() == []
    with pytest.raises(OptionError, match="is not held; there is nothing to release"):
        shop.release(held.report["run_id"], ["retired-share"])


@ON_DISK_AND_IN_A_BUCKET
def test_what_a_partial_run_published_meanwhile_is_not_overwritten_by_a_held_batch(shop: Shop) -> None:
    all_rows = shop.rows
    shop.row("mug-02")["title"] = "Mug, as the Held Batch Knows It"
    shop.take("mug-03", "bag-04", "shirt-05")
    held = shop.night()
    assert held.report["held"] == ["retired-share"]

    shop.rows = [next(row for row in all_rows if row["sku"] == "mug-02") | {"title": "Mug, Newer"}]
    partial = shop.night(scope="partial")
    Touch(changed=front("mug-02"), generated=1, rendered=1, waiting=0).check(partial)

    released = shop.release(held.report["run_id"], ["retired-share"])
    assert released.removed == front("mug-03", "bag-04", "shirt-05")
    assert released.changed == set()
    assert released.slots() == {"changed": 1, "superseded": 1, "retired": 3, "waiting": 3}
    assert [row for row in outcomes(shop) if row["sku"] == "mug-02"] == []


@ON_DISK_AND_IN_A_BUCKET
def test_a_partial_run_adds_and_changes_and_retires_nothing(shop: Shop) -> None:
    all_rows = shop.rows
    shop.rows = [shop.row("mug-02") | {"title": "Mug, Partial"}, shop.row("mug-03") | {"sku": "mug-99", "title": "New"}]
    partial = shop.night(scope="partial")
    Touch(added=front("mug-99"), changed=front("mug-02"), generated=2, rendered=2, waiting=0).check(partial)
    assert partial.report["scope"] == "partial"
    Touch(waiting=0).check(shop.night(scope="partial"))

    shop.rows = all_rows
    full = shop.night()
    Touch(removed=front("mug-99"), changed=front("mug-02"), reused=1, rendered=1).check(full)


@ON_DISK_AND_IN_A_BUCKET
def test_rejected_rows_of_a_quarter_of_the_shop_retire_nothing_and_hold_nothing(shop: Shop) -> None:
    for number in range(1, 12):
        shop.row(f"mug-{number:02d}")["title"] = ""
    night = shop.night()
    Touch(rejected=11).check(night)
    assert night.report["held"] == []
    assert {reject["reason"] for reject in night.report["rejects"]} == {"title is missing"}


@ON_DISK_AND_IN_A_BUCKET
def test_a_row_whose_sku_cannot_be_read_stops_all_retiring_and_says_so(shop: Shop) -> None:
    shop.row("mug-07")["sku"] = ""
    shop.take("bag-02", "bag-03", "bag-04", "bag-05")
    night = shop.night()
    Touch(rejected=1).check(night)
    assert night.report["warnings"] == ["1 rejected rows have no readable SKU: nothing is retired in this run"]


def rolled_back(shop: Shop) -> Night:
    """Go back to the release before, and return what the next night does."""
    before = shop.manifest()
    rollback(shop.store, open_tables(shop.url), shop.name)
    assert shop.manifest() != before
    return shop.night()


@ON_DISK_AND_IN_A_BUCKET
def test_what_was_rolled_back_is_not_published_again_by_two_nights(shop: Shop) -> None:
    first = shop.manifest()
    for sku in ("mug-02", "mug-03"):
        shop.row(sku)["title"] += ", Reworded"
    [gone] = shop.take("bag-04")
    shop.rows.append(shop.row("bag-05") | {"sku": "bag-99", "title": "Bag of the Year"})
    night = shop.night()
    Touch(
        added=front("bag-99"), removed=front("bag-04"), changed=front("mug-02", "mug-03"), generated=3, rendered=3
    ).check(night)

    # Withdrawn: the two mugs and the new bag. The bag that left the catalogue comes back and leaves again.
    once = rolled_back(shop)
    Touch(removed=front("bag-04"), waiting=6).check(once)
    assert shown(once.before) == shown(first)
    Touch(waiting=6).check(shop.night())

    shop.row("mug-02")["title"] = "Mug No. 2"
    Touch(waiting=5).check(shop.night())  # what was live before the edit is live again
    shop.row("mug-03")["title"] = "Mug, Third Try"
    Touch(changed=front("mug-03"), generated=1, rendered=1, waiting=4).check(shop.night())
    shop.rows.append(gone)
    Touch(added=front("bag-04"), reused=1, rendered=1, waiting=4).check(shop.night())


@ON_DISK_AND_IN_A_BUCKET
def test_a_finish_that_was_rolled_back_stays_so_until_the_recipe_moves_on(shop: Shop) -> None:
    first = shop.manifest()
    play(shop, the_finish)
    for _ in range(2):
        night = rolled_back(shop) if shown(shop.manifest()) != shown(first) else shop.night()
        Touch(waiting=45).check(replace(night, rendered=0))
        assert shown(night.after) == shown(first)
    shop.edited(finish={"quality": 90})
    Touch(reused=4, rendered=3).check(shop.night())  # the three that wait were last judged in the other finish


def shown(manifest: Manifest) -> dict[Name, tuple[Any, ...]]:
    return {name: tuple(row[column] for column in SHOWN) for name, row in manifest.items()}
