"""Versions of a model through whole nights: canaries, promotions, backfills, rollbacks, and a run that was killed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError, RuleFileError
from catalogs.models.weights import FrozenVersions
from catalogs.runs.job import RefreshJob
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
from flows.parameters import RefreshParameters
from flows.refresh import run_refresh
from flows.run.dry_run import plan_refresh
from flows.run.executors import open_thread_executor
from infra.stores import open_store
from infra.stores.json_objects import read_json, write_json
from tasks.models.registry_store import load_registry
from tests.fixtures.crash_harness import InterruptingObserver
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness, RefreshResult, assert_published_images
from tests.fixtures.tiny_checkpoint import build_tiny_checkpoint

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

RECIPE = STUB_RECIPE | {"models": {"cards": {"registry": "card"}}}
ADA = ChangeAuthor("ada", "the test says so")
FIRST, LATER = 12, 30


def things(numbers: range) -> list[dict[str, str]]:
    return [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in numbers]


def add_version(harness: RefreshHarness, number: int) -> None:
    register(harness.store, "card", resolve_weights(f"stub/{number}", None), ADA, SETTINGS)


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    shop = RefreshHarness(tmp_path_factory.mktemp("first"), things(range(FIRST)), RECIPE)
    add_version(shop, 1)
    assert promote(shop.store, "card", 1, ADA, SETTINGS)["promoted"]
    night = shop.refresh()
    assert night.slot_counts() == {"new": FIRST, "published": FIRST}
    assert makers(night) == dict.fromkeys(night.after, "card/1")
    return shop


@pytest.fixture
def harness(first_release: RefreshHarness, tmp_path: Path) -> RefreshHarness:
    """Return a shop with 12 pictures of version 1, and version 2 registered."""
    shutil.copytree(first_release.folder / "store", tmp_path / "store")
    shop = RefreshHarness(tmp_path, list(first_release.rows), RECIPE)
    add_version(shop, 2)
    return shop


def makers(night: RefreshResult) -> dict[Any, str]:
    return {name: row["model_version"] for name, row in night.after.items()}


def standing(harness: RefreshHarness) -> FrozenVersions:
    return load_registry(harness.store, "card").freeze_versions()


def canary_skus(harness: RefreshHarness, version: int, share: int) -> set[str]:
    found = standing(harness)
    return {row["sku"] for row in harness.rows if found.sku_percentile(row["sku"], version) < share}


def skus_of(night: RefreshResult, version: str) -> set[str]:
    return {sku for (sku, *_), made in makers(night).items() if made == version}


def force(harness: RefreshHarness, version: int) -> None:
    assert promote(harness.store, "card", version, ADA, SETTINGS, "too few pictures")["promoted"]


def test_a_canary_gets_its_share_of_what_is_new_and_leaves_what_is_live_alone(harness: RefreshHarness) -> None:
    start_canary(harness.store, "card", 2, 20, ADA, SETTINGS)
    quiet = harness.refresh()
    assert (quiet.slot_counts(), quiet.image_counts(), quiet.prompts_rendered) == ({}, {"generated": 0, "reused": 0}, 0)
    assert quiet.after == quiet.before
    harness.rows += things(range(FIRST, FIRST + LATER))
    new = {row["sku"] for row in harness.rows[FIRST:]}
    night = harness.refresh()
    assert night.slot_counts() == {"new": LATER, "published": LATER}
    chosen = canary_skus(harness, 2, 20) & new
    assert skus_of(night, "card/2") == chosen
    assert 1 <= len(chosen) <= 15
    assert skus_of(night, "card/1") == {row["sku"] for row in harness.rows} - chosen
    assert_published_images(harness.store, night.after)
    said = [(row["version"], row["images"], row["requests"], row["passed"], row["pass_rate"], row["backends"])
            for row in night.report["models"]]  # fmt: skip
    counts = {"card/1": LATER - len(chosen), "card/2": len(chosen)}
    assert said == [(version, count, count, count, 1.0, {"stub": count}) for version, count in counts.items()]


@pytest.mark.slow
def test_a_changed_slot_is_made_by_the_version_that_its_sku_gets(harness: RefreshHarness) -> None:
    start_canary(harness.store, "card", 2, 50, ADA, SETTINGS)
    chosen = canary_skus(harness, 2, 50)
    assert 0 < len(chosen) < FIRST
    harness.rows = [row | {"title": row["title"] + " anew"} for row in harness.rows]
    night = harness.refresh()
    assert night.slot_counts() == {"changed": FIRST, "published": FIRST}
    assert skus_of(night, "card/2") == chosen
    again = harness.refresh()
    assert (again.slot_counts(), again.after) == ({}, night.after)


@pytest.mark.slow
def test_a_promotion_and_a_rollback_make_no_image_of_an_unchanged_catalogue(harness: RefreshHarness) -> None:
    force(harness, 2)
    night = harness.refresh()
    assert (night.slot_counts(), night.image_counts(), night.prompts_rendered) == ({}, {"generated": 0, "reused": 0}, 0)
    harness.rows += things(range(FIRST, FIRST + 2))
    assert skus_of(harness.refresh(), "card/2") == {"thing-12", "thing-13"}
    done = roll_back(harness.store, "card", ADA, SETTINGS)
    assert (done["taken_back"], done["production"]) == (2, 1)
    quiet = harness.refresh()
    assert (quiet.slot_counts(), quiet.image_counts(), skus_of(quiet, "card/2")) == (
        {}, {"generated": 0, "reused": 0}, {"thing-12", "thing-13"},
    )  # fmt: skip
    harness.rows += things(range(FIRST + 2, FIRST + 3))
    assert makers(harness.refresh())["thing-14", "front", 0] == "card/1"
    back = harness.refresh(backfill=100)
    assert (back.changed, skus_of(back, "card/2")) == ({("thing-12", "front", 0), ("thing-13", "front", 0)}, set())


def test_a_backfill_brings_its_share_of_the_skus_to_the_version_that_they_get(harness: RefreshHarness) -> None:
    force(harness, 2)
    half = canary_skus(harness, 2, 50)
    assert 0 < len(half) < FIRST
    parameters = harness.parameters(backfill=50)
    assert plan_refresh(parameters, SETTINGS)["slots"]["changed"] == len(half)
    night = harness.refresh(backfill=50)
    assert night.slot_counts() == {"changed": len(half), "published": len(half)}
    assert skus_of(night, "card/2") == half
    again = harness.refresh(backfill=50)
    assert (again.slot_counts(), again.prompts_rendered) == ({}, 0)
    assert harness.refresh().slot_counts() == {}, "without a backfill it is as quiet"
    rest = harness.refresh(backfill=100)
    assert skus_of(rest, "card/2") == {row["sku"] for row in harness.rows}
    assert rest.image_counts() == {"generated": FIRST - len(half), "reused": 0}


@pytest.mark.slow
def test_another_finish_is_put_on_the_picture_that_is_there_whoever_made_it(harness: RefreshHarness) -> None:
    force(harness, 2)
    harness.edit_recipe(finish={"quality": 95})
    night = harness.refresh()
    assert night.slot_counts() == {"changed": FIRST, "published": FIRST}
    assert night.image_counts() == {"generated": 0, "reused": FIRST}
    assert makers(night) == dict.fromkeys(night.after, "card/1")
    assert {row["backend"] for row in night.after.values()} == {"stub"}, "the staged image says who painted it"


@pytest.mark.slow
def test_what_waits_or_was_refused_is_not_bought_again_from_another_version(harness: RefreshHarness) -> None:
    harness.rows = [*harness.rows, {"sku": "blank", "title": "Blank Mug [blank]"}]
    assert harness.refresh().slot_counts() == {"new": 1, "blocked": 1}
    force(harness, 2)
    quiet = harness.refresh()
    assert (quiet.slot_counts(), quiet.image_counts()["generated"]) == ({"waiting": 1}, 0)
    tried = harness.refresh(backfill=100)
    assert (tried.slot_counts()["blocked"], skus_of(tried, "card/2")) == (
        1,
        {row["sku"] for row in harness.rows} - {"blank"},
    )
    assert harness.refresh(backfill=100).slot_counts() == {"waiting": 1}


def test_a_resumed_run_keeps_the_versions_that_it_was_begun_with(harness: RefreshHarness) -> None:
    harness.rows += things(range(FIRST, FIRST + 6))
    harness.settings = SETTINGS.model_copy(update={"shard_size": 2, "in_flight": 1})
    start_canary(harness.store, "card", 2, 50, ADA, SETTINGS)
    chosen = canary_skus(harness, 2, 50) & {row["sku"] for row in harness.rows[FIRST:]}
    assert 0 < len(chosen) < 6
    with open_thread_executor() as hands, pytest.raises(KeyboardInterrupt):
        run_refresh(harness.parameters(), harness.settings, hands, InterruptingObserver())
    (marker,) = harness.open_run_markers()
    add_version(harness, 3)
    force(harness, 2)
    start_canary(harness.store, "card", 3, 100, ADA, SETTINGS)
    night = harness.refresh()
    assert (night.report["resumed"], f"{night.report['run_id']}.json") == (True, marker.rsplit("/", 1)[1])
    assert skus_of(night, "card/2") == chosen
    assert skus_of(night, "card/3") == set()
    recipe = read_json(harness.store, layout.RunFiles(night.report["run_id"]).recipe)
    frozen = recipe["models"]["cards"]["standing"]
    assert (frozen["production"], frozen["candidate"], frozen["share"]) == (1, 2, 50)
    assert sorted(frozen["versions"]) == ["1", "2"]


def test_a_recipe_that_named_its_source_made_what_the_version_of_these_weights_would_have(tmp_path: Path) -> None:
    shop = RefreshHarness(tmp_path, things(range(4)), STUB_RECIPE)
    night = shop.refresh()
    assert makers(night) == dict.fromkeys(night.after)
    assert {(row["precision"], row["backend"]) for row in night.after.values()} == {("fp32", "stub")}
    shop.recipe = RECIPE
    for number in (1, 2):
        add_version(shop, number)
    force(shop, 1)
    force(shop, 2)
    quiet = shop.refresh()
    assert (quiet.slot_counts(), quiet.prompts_rendered, quiet.after) == ({}, 0, night.after)


# Words that people give


def test_a_refresh_needs_a_registered_model_with_a_version_in_production(tmp_path: Path) -> None:
    shop = RefreshHarness(tmp_path, things(range(1)), RECIPE)
    with pytest.raises(OptionError, match=r"no model 'card' in its registry; it has none yet\. `packshot"):
        shop.refresh()
    add_version(shop, 1)
    for ask in (shop.refresh, lambda: plan_refresh(shop.parameters(), SETTINGS)):
        with pytest.raises(OptionError, match="'card' has no version in production: `packshot engine promote card"):
            ask()
    assert shop.open_run_markers() == []


def test_a_backfill_needs_a_registered_model_and_a_share_that_there_is(tmp_path: Path) -> None:
    shop = RefreshHarness(tmp_path, things(range(1)), STUB_RECIPE)
    with pytest.raises(OptionError, match="--backfill 50: no model of the recipe is from the registry"):
        shop.refresh(backfill=50)
    with pytest.raises(ValueError, match="Input should be 5, 20, 50 or 100"):
        shop.parameters(backfill=30)


def test_the_model_option_names_a_registered_model_too(harness: RefreshHarness) -> None:
    start_canary(harness.store, "card", 2, 20, ADA, SETTINGS)
    job, _ = harness.parameters(model="registry:card").resolve_job()
    found = resolve_registry_versions(job, SETTINGS).recipe
    assert found.models["chosen"].standing == standing(harness)
    assert sorted(found.provenance_by_name) == ["@photo", "cards@1", "cards@2", "chosen@1", "chosen@2"]
    with pytest.raises(OptionError, match="model's name 'Card!' must be"):
        harness.parameters(model="registry:Card!").resolve_job()


def test_versions_of_another_family_than_the_recipes_engine_are_refused(harness: RefreshHarness) -> None:
    asked = harness.parameters(engine="torch")
    with pytest.raises(RuleFileError, match=r"models\.cards@1: the engine 'torch' does not run"):
        run_refresh_of(asked)
    with pytest.raises(RuleFileError, match=r"--precision: models\.cards takes its precision from the registry"):
        harness.parameters(precision="bf16").resolve_job()


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


def planted(harness: RefreshHarness, **weights: Any) -> RefreshJob:
    """Write a registry as somebody who may write to `models/` would, and return a job that names it."""
    change = {"kind": "register", "version": 1, "by": "x", "at": "2026-11-29T00:00:00Z", "why": ""}
    changes = [change | {"weights": weights}, change | {"kind": "promote"}]
    key = layout.model_change("turbo", len(list(harness.store.list(layout.model_changes_prefix("turbo")))) + 1)
    write_json(harness.store, key, {"name": "turbo", "changes": changes})
    job, _ = RefreshParameters(source="a.csv", store=harness.store.url, model="registry:turbo").resolve_job()
    return job


def test_s10_a_planted_registry_does_not_choose_the_weights(harness: RefreshHarness) -> None:
    job = planted(harness, source="attacker/evil-repo", revision="a" * 40)
    with pytest.raises(
        OptionError, match=r"has no weights digest, by which 'attacker/evil-repo' could be checked\. If it"
    ):
        resolve_registry_versions(job, SETTINGS)
    ours = SETTINGS.model_copy(update={"model_sources": "Tongyi-MAI, /models"})
    for digest in ({}, {"weights_digest": "d" * 64}):
        job = planted(harness, source="attacker/evil-repo", revision="a" * 40, **digest)
        with pytest.raises(OptionError, match="'attacker/evil-repo' is not among Tongyi-MAI, /models"):
            resolve_registry_versions(job, ours)


def test_s10_an_entry_of_before_is_taken_where_the_settings_name_its_source(harness: RefreshHarness) -> None:
    job = planted(harness, source="Tongyi-MAI/Z-Image-Turbo", revision="a" * 40)
    ours = SETTINGS.model_copy(update={"model_sources": "Tongyi-MAI"})
    found = resolve_registry_versions(job, ours).recipe.weights_by_name["chosen@1"]
    assert (found.source, found.weights_digest) == ("Tongyi-MAI/Z-Image-Turbo", None)
    job = planted(harness, source="Tongyi-MAI/Z-Image-Turbo", revision="a" * 40, weights_digest="d" * 64)
    assert resolve_registry_versions(job, SETTINGS).recipe.weights_by_name["chosen@1"].weights_digest == "d" * 64


def test_s10_a_version_is_registered_with_a_digest_or_from_a_source_that_the_settings_name(
    harness: RefreshHarness,
) -> None:
    hub = f"owner/name@{'a' * 40}"
    with pytest.raises(OptionError, match=r"--source: it has no weights digest.*; give --weights-digest"):
        register(harness.store, "hub", resolve_weights(hub, None), ADA, SETTINGS)
    assert register(harness.store, "hub", resolve_weights(hub, None, "d" * 64), ADA, SETTINGS)["versions"]
    ours = SETTINGS.model_copy(update={"model_sources": "owner/name"})
    assert len(register(harness.store, "hub", resolve_weights(hub, None), ADA, ours)["versions"]) == 2


@pytest.mark.slow
def test_a_folders_digest_is_read_from_its_files(tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "tiny", 0)
    found = resolve_weights(str(folder), "fp32")
    assert (found.source, len(found.weights_digest or ""), found.precision) == (str(folder), 64, "fp32")
    with pytest.raises(OptionError, match=r"--weights-digest: .* holds"):
        resolve_weights(str(folder), "fp32", "d" * 64)


def test_the_registrys_document_says_who_did_what_when_and_why(harness: RefreshHarness) -> None:
    force(harness, 2)
    (found,) = list_models(harness.store)
    assert (found["model"], found["production"], found["canary"]) == ("card", 2, None)
    assert [(one["version"], one["state"]) for one in found["versions"]] == [(1, "retired"), (2, "production")]
    kinds = [(one["kind"], one["version"], one["by"], one["why"]) for one in found["changes"]]
    assert kinds == [(kind, number, "ada", ADA.reason) for kind, number in
                     (("register", 1), ("promote", 1), ("register", 2), ("promote", 2))]  # fmt: skip
    assert found["changes"][-1]["known"]["accepted_worse"] == "too few pictures"
    assert found["changes"][-1]["known"]["comparison"]["requests"] == {"candidate": 0, "production": FIRST}


def test_promoting_without_enough_pictures_is_refused_with_their_number_and_writes_nothing(
    harness: RefreshHarness,
) -> None:
    before = list(open_store(harness.url).list(layout.MODELS))
    done = promote(harness.store, "card", 2, ADA, SETTINGS)
    assert (done["promoted"], done["production"]) == (False, 1)
    assert done["refused"][0] == "version 2 has 0 decided requests in stored runs, and 100 are needed"
    assert list(harness.store.list(layout.MODELS)) == before
    with pytest.raises(OptionError, match="--accept-worse: say why"):
        promote(harness.store, "card", 2, ADA, SETTINGS, " ")
