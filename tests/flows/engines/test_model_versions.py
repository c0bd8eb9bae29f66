"""Versions of a model through whole nights: canaries, promotions, backfills, rollbacks, and a run that was killed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError, RuleFileError
from catalogs.models.weights import FrozenVersions
from flows.engines.model_versions import (
    ChangeAuthor,
    list_models,
    promote,
    register,
    resolve_registry_versions,
    resolve_weights,
    roll_back,
    start_canary,
)
from flows.refresh import run_refresh
from flows.run.dry_run import plan_refresh
from flows.run.executors import open_thread_executor
from flows.run.observers import NullObserver
from infra.stores import open_store
from infra.stores.json_objects import read_json
from tasks.models.registry_store import load_registry
from tests.fixtures.refresh_harness import SETTINGS, Night, Shop, check_published
from tests.fixtures.tiny_checkpoint import build_tiny_checkpoint
from tests.flows.test_bad_input import RECIPE as STUB_RECIPE

RECIPE = STUB_RECIPE | {"models": {"cards": {"registry": "card"}}}
ADA = ChangeAuthor("ada", "the test says so")
FIRST, LATER = 12, 30


def things(numbers: range) -> list[dict[str, str]]:
    return [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in numbers]


def add_version(shop: Shop, number: int) -> None:
    register(shop.store, "card", resolve_weights(f"stub/{number}", None), ADA, SETTINGS)


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("first"), things(range(FIRST)), RECIPE)
    add_version(shop, 1)
    assert promote(shop.store, "card", 1, ADA, SETTINGS)["promoted"]
    night = shop.night()
    assert night.slots() == {"new": FIRST, "published": FIRST}
    assert makers(night) == dict.fromkeys(night.after, "card/1")
    return shop


@pytest.fixture
def shop(first_night: Shop, tmp_path: Path) -> Shop:
    """Return a shop with 12 pictures of version 1, and version 2 registered."""
    shutil.copytree(first_night.folder / "store", tmp_path / "store")
    shop = Shop(tmp_path, list(first_night.rows), RECIPE)
    add_version(shop, 2)
    return shop


def makers(night: Night) -> dict[Any, str]:
    return {name: row["model_version"] for name, row in night.after.items()}


def standing(shop: Shop) -> FrozenVersions:
    return load_registry(shop.store, "card").freeze_versions()


def canary_skus(shop: Shop, version: int, share: int) -> set[str]:
    found = standing(shop)
    return {row["sku"] for row in shop.rows if found.sku_percentile(row["sku"], version) < share}


def skus_of(night: Night, version: str) -> set[str]:
    return {sku for (sku, *_), made in makers(night).items() if made == version}


def force(shop: Shop, version: int) -> None:
    assert promote(shop.store, "card", version, ADA, SETTINGS, "too few pictures")["promoted"]


def test_a_canary_gets_its_share_of_what_is_new_and_leaves_what_is_live_alone(shop: Shop) -> None:
    start_canary(shop.store, "card", 2, 20, ADA, SETTINGS)
    quiet = shop.night()
    assert (quiet.slots(), quiet.images(), quiet.rendered) == ({}, {"generated": 0, "reused": 0}, 0)
    assert quiet.after == quiet.before
    shop.rows += things(range(FIRST, FIRST + LATER))
    new = {row["sku"] for row in shop.rows[FIRST:]}
    night = shop.night()
    assert night.slots() == {"new": LATER, "published": LATER}
    chosen = canary_skus(shop, 2, 20) & new
    assert skus_of(night, "card/2") == chosen
    assert 1 <= len(chosen) <= 15
    assert skus_of(night, "card/1") == {row["sku"] for row in shop.rows} - chosen
    check_published(shop.store, night.after)
    said = [(row["version"], row["images"], row["requests"], row["passed"], row["pass_rate"], row["backends"])
            for row in night.report["models"]]  # fmt: skip
    counts = {"card/1": LATER - len(chosen), "card/2": len(chosen)}
    assert said == [(version, count, count, count, 1.0, {"stub": count}) for version, count in counts.items()]


@pytest.mark.slow
def test_a_changed_slot_is_made_by_the_version_that_its_sku_gets(shop: Shop) -> None:
    start_canary(shop.store, "card", 2, 50, ADA, SETTINGS)
    chosen = canary_skus(shop, 2, 50)
    assert 0 < len(chosen) < FIRST
    shop.rows = [row | {"title": row["title"] + " anew"} for row in shop.rows]
    night = shop.night()
    assert night.slots() == {"changed": FIRST, "published": FIRST}
    assert skus_of(night, "card/2") == chosen
    again = shop.night()
    assert (again.slots(), again.after) == ({}, night.after)


@pytest.mark.slow
def test_a_promotion_and_a_rollback_make_no_image_of_an_unchanged_catalogue(shop: Shop) -> None:
    force(shop, 2)
    night = shop.night()
    assert (night.slots(), night.images(), night.rendered) == ({}, {"generated": 0, "reused": 0}, 0)
    shop.rows += things(range(FIRST, FIRST + 2))
    assert skus_of(shop.night(), "card/2") == {"thing-12", "thing-13"}
    done = roll_back(shop.store, "card", ADA, SETTINGS)
    assert (done["taken_back"], done["production"]) == (2, 1)
    quiet = shop.night()
    assert (quiet.slots(), quiet.images(), skus_of(quiet, "card/2")) == (
        {}, {"generated": 0, "reused": 0}, {"thing-12", "thing-13"},
    )  # fmt: skip
    shop.rows += things(range(FIRST + 2, FIRST + 3))
    assert makers(shop.night())["thing-14", "front", 0] == "card/1"
    back = shop.night(backfill=100)
    assert (back.changed, skus_of(back, "card/2")) == ({("thing-12", "front", 0), ("thing-13", "front", 0)}, set())


def test_a_backfill_brings_its_share_of_the_skus_to_the_version_that_they_get(shop: Shop) -> None:
    force(shop, 2)
    half = canary_skus(shop, 2, 50)
    assert 0 < len(half) < FIRST
    parameters = shop.parameters(backfill=50)
    assert plan_refresh(parameters, SETTINGS)["slots"]["changed"] == len(half)
    night = shop.night(backfill=50)
    assert night.slots() == {"changed": len(half), "published": len(half)}
    assert skus_of(night, "card/2") == half
    again = shop.night(backfill=50)
    assert (again.slots(), again.rendered) == ({}, 0)
    assert shop.night().slots() == {}, "without a backfill it is as quiet"
    rest = shop.night(backfill=100)
    assert skus_of(rest, "card/2") == {row["sku"] for row in shop.rows}
    assert rest.images() == {"generated": FIRST - len(half), "reused": 0}


@pytest.mark.slow
def test_another_finish_is_put_on_the_picture_that_is_there_whoever_made_it(shop: Shop) -> None:
    force(shop, 2)
    shop.edited(finish={"quality": 95})
    night = shop.night()
    assert night.slots() == {"changed": FIRST, "published": FIRST}
    assert night.images() == {"generated": 0, "reused": FIRST}
    assert makers(night) == dict.fromkeys(night.after, "card/1")
    assert {row["backend"] for row in night.after.values()} == {"stub"}, "the staged image says who painted it"


@pytest.mark.slow
def test_what_waits_or_was_refused_is_not_bought_again_from_another_version(shop: Shop) -> None:
    shop.rows = [*shop.rows, {"sku": "blank", "title": "Blank Mug [blank]"}]
    assert shop.night().slots() == {"new": 1, "blocked": 1}
    force(shop, 2)
    quiet = shop.night()
    assert (quiet.slots(), quiet.images()["generated"]) == ({"waiting": 1}, 0)
    tried = shop.night(backfill=100)
    assert (tried.slots()["blocked"], skus_of(tried, "card/2")) == (1, {row["sku"] for row in shop.rows} - {"blank"})
    assert shop.night(backfill=100).slots() == {"waiting": 1}


class Dies(NullObserver):
    """A process that ends when its first images are judged."""

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


def test_a_resumed_run_keeps_the_versions_that_it_was_begun_with(shop: Shop) -> None:
    shop.rows += things(range(FIRST, FIRST + 6))
    shop.settings = SETTINGS.model_copy(update={"shard_size": 2, "in_flight": 1})
    start_canary(shop.store, "card", 2, 50, ADA, SETTINGS)
    chosen = canary_skus(shop, 2, 50) & {row["sku"] for row in shop.rows[FIRST:]}
    assert 0 < len(chosen) < 6
    with open_thread_executor() as hands, pytest.raises(KeyboardInterrupt):
        run_refresh(shop.parameters(), shop.settings, hands, Dies())
    (marker,) = shop.open_runs()
    add_version(shop, 3)
    force(shop, 2)
    start_canary(shop.store, "card", 3, 100, ADA, SETTINGS)
    night = shop.night()
    assert (night.report["resumed"], f"{night.report['run_id']}.json") == (True, marker.rsplit("/", 1)[1])
    assert skus_of(night, "card/2") == chosen
    assert skus_of(night, "card/3") == set()
    recipe = read_json(shop.store, layout.run_file(night.report["run_id"], "recipe.json"))
    frozen = recipe["models"]["cards"]["standing"]
    assert (frozen["production"], frozen["candidate"], frozen["share"]) == (1, 2, 50)
    assert sorted(frozen["versions"]) == ["1", "2"]


def test_a_recipe_that_named_its_source_made_what_the_version_of_these_weights_would_have(tmp_path: Path) -> None:
    shop = Shop(tmp_path, things(range(4)), STUB_RECIPE)
    night = shop.night()
    assert makers(night) == dict.fromkeys(night.after)
    assert {(row["precision"], row["backend"]) for row in night.after.values()} == {("fp32", "stub")}
    shop.recipe = RECIPE
    for number in (1, 2):
        add_version(shop, number)
    force(shop, 1)
    force(shop, 2)
    quiet = shop.night()
    assert (quiet.slots(), quiet.rendered, quiet.after) == ({}, 0, night.after)


# Words that people give


def test_a_refresh_needs_a_registered_model_with_a_version_in_production(tmp_path: Path) -> None:
    shop = Shop(tmp_path, things(range(1)), RECIPE)
    with pytest.raises(OptionError, match=r"no model 'card' in its registry; it has none yet\. `packshot"):
        shop.night()
    add_version(shop, 1)
    for ask in (shop.night, lambda: plan_refresh(shop.parameters(), SETTINGS)):
        with pytest.raises(OptionError, match="'card' has no version in production: `packshot engine promote card"):
            ask()
    assert shop.open_runs() == []


def test_a_backfill_needs_a_registered_model_and_a_share_that_there_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path, things(range(1)), STUB_RECIPE)
    with pytest.raises(OptionError, match="--backfill 50: no model of the recipe is from the registry"):
        shop.night(backfill=50)
    with pytest.raises(ValueError, match="Input should be 5, 20, 50 or 100"):
        shop.parameters(backfill=30)


def test_the_model_option_names_a_registered_model_too(shop: Shop) -> None:
    start_canary(shop.store, "card", 2, 20, ADA, SETTINGS)
    job, _ = shop.parameters(model="registry:card").resolve_job()
    found = resolve_registry_versions(job).recipe
    assert found.models["chosen"].standing == standing(shop)
    assert sorted(found.provenance_by_name) == ["cards@1", "cards@2", "chosen@1", "chosen@2"]
    with pytest.raises(OptionError, match="model's name 'Card!' must be"):
        shop.parameters(model="registry:Card!").resolve_job()


def test_versions_of_another_family_than_the_recipes_engine_are_refused(shop: Shop) -> None:
    asked = shop.parameters(engine="torch")
    with pytest.raises(RuleFileError, match=r"models\.cards@1: the engine 'torch' does not paint family 'stub'"):
        run_refresh_of(asked)
    with pytest.raises(RuleFileError, match=r"--precision: models\.cards takes its precision from the registry"):
        shop.parameters(precision="bf16").resolve_job()


def run_refresh_of(parameters: Any) -> Any:
    with open_thread_executor() as hands:
        return run_refresh(parameters, SETTINGS, hands)


@pytest.mark.parametrize(
    ("source", "precision", "words"),
    [
        ("stub/0", None, "the stub's versions are stub/1, stub/2 …, not 'stub/0'"),
        ("no/such/folder", None, "'no/such/folder' is no folder here, and no hub-id@commit"),
        ("owner/name@main", None, "the revision 'main' is no full hub commit"),
        (f"owner/name@{'a' * 40}", "fp16", "--precision: 'fp16' is none of fp32, bf16, fp8"),
    ],
)
def test_a_source_that_is_none_is_bad_input(source: str, precision: str | None, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        resolve_weights(source, precision)


def test_a_hub_model_is_known_by_its_commit_or_by_its_digest() -> None:
    hub = f"owner/name@{'a' * 40}"
    assert resolve_weights(hub, None).identity == {"family": "z-image", "weights": hub, "precision": "bf16"}
    assert resolve_weights(hub, "fp8", "d" * 64).identity == {
        "family": "z-image",
        "weights": "d" * 64,
        "precision": "fp8",
    }


@pytest.mark.slow
def test_a_folders_digest_is_read_from_its_files(tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "tiny", 0)
    found = resolve_weights(str(folder), "fp32")
    assert (found.source, len(found.weights_digest or ""), found.precision) == (str(folder), 64, "fp32")
    with pytest.raises(OptionError, match=r"--weights-digest: .* holds"):
        resolve_weights(str(folder), "fp32", "d" * 64)


def test_the_registrys_document_says_who_did_what_when_and_why(shop: Shop) -> None:
    force(shop, 2)
    (found,) = list_models(shop.store)
    assert (found["model"], found["production"], found["canary"]) == ("card", 2, None)
    assert [(one["version"], one["state"]) for one in found["versions"]] == [(1, "retired"), (2, "production")]
    kinds = [(one["kind"], one["version"], one["by"], one["why"]) for one in found["changes"]]
    assert kinds == [(kind, number, "ada", ADA.reason) for kind, number in
                     (("register", 1), ("promote", 1), ("register", 2), ("promote", 2))]  # fmt: skip
    assert found["changes"][-1]["known"]["accepted_worse"] == "too few pictures"
    assert found["changes"][-1]["known"]["comparison"]["requests"] == {"candidate": 0, "production": FIRST}


def test_promoting_without_enough_pictures_is_refused_with_their_number_and_writes_nothing(shop: Shop) -> None:
    before = list(open_store(shop.url).list(layout.MODELS))
    done = promote(shop.store, "card", 2, ADA, SETTINGS)
    assert (done["promoted"], done["production"]) == (False, 1)
    assert done["refused"][0] == "version 2 has 0 decided requests in stored runs, and 100 are needed"
    assert list(shop.store.list(layout.MODELS)) == before
    with pytest.raises(OptionError, match="--accept-worse: say why"):
        promote(shop.store, "card", 2, ADA, SETTINGS, " ")
