"""A plan reads the libraries that its recipe names, and says which of them has nothing to choose from."""

from typing import Any

import pytest

from catalogs.errors import OptionError
from catalogs.planning.current_state import LIVE_COLUMNS, CurrentRelease
from catalogs.stages.library import StageLibrary
from catalogs.table_schemas import MANIFEST
from infra.stores import open_store
from tasks.pipeline.plan_stages import read_plan_stages, stage_warnings
from tasks.stages.stage_libraries import change_library
from tests.fixtures.planning_harness import to_record_batch
from tests.fixtures.sample_recipe import recipe_with
from tests.fixtures.stage_scenes import a_stage

ON_STAGE: dict[str, Any] = {"mode": "stage", "stages": "shop"}


def live_on(*stages: str) -> CurrentRelease:
    """A release of one product on each of these stages."""
    same = {"source_digest": b"s" * 16, "request_key": b"k" * 32, "finish_digest": "f", "model": "photo"}
    files = {"file_sha": b"f" * 32, "pixel_sha": b"p" * 32}
    rows = [
        {"slot_id": bytes([number] * 16), "stage": bytes.fromhex(stage), **same, **files}
        for number, stage in enumerate(stages)
    ]
    return CurrentRelease([to_record_batch(MANIFEST, LIVE_COLUMNS, rows)])


def test_a_recipe_without_stages_reads_no_library() -> None:
    assert read_plan_stages(open_store("memory://no-stages"), recipe_with({}), live_on("ab" * 32)) == {}


def test_each_library_of_a_recipe_is_read_and_one_that_is_not_there_is_empty() -> None:
    store = open_store("memory://two-libraries")
    change_library(store, "shop", lambda library: library.add(a_stage("oak")))
    recipe = recipe_with({"photo": ON_STAGE, "categories.mugs.photo": ON_STAGE | {"stages": "mugs"}})
    libraries = read_plan_stages(store, recipe, live_on("ab" * 32))
    assert {name: [stage.name for stage in library.stages] for name, library in libraries.items()} == {
        "shop": ["oak"], "mugs": []
    }  # fmt: skip


def test_a_mistyped_library_puts_no_live_product_on_white() -> None:
    store = open_store("memory://mistyped")
    change_library(store, "kitchen", lambda library: library.add(a_stage("oak")))
    recipe = recipe_with({"photo": ON_STAGE | {"stages": "kitchn", "fallback": "white"}})
    with pytest.raises(
        OptionError, match=r"there is no library 'kitchn' \(there is kitchen\), and live products stand"
    ):
        read_plan_stages(store, recipe, live_on("ab" * 32))
    assert read_plan_stages(store, recipe, CurrentRelease([]))["kitchn"].stages == ()


@pytest.mark.parametrize(("fallback", "then"), [({}, "wait"), ({"fallback": "white"}, "stand on white")])
def test_where_no_approved_stage_fits_is_named_by_category_with_what_becomes_of_the_rows(
    fallback: dict[str, str], then: str
) -> None:
    recipe = recipe_with({"photo": ON_STAGE | fallback})
    categories = ", ".join(recipe.categories)
    proposed = {"shop": StageLibrary("shop", 1, (a_stage("oak"),))}
    [warning] = stage_warnings(recipe, proposed)
    assert warning.startswith(
        f"The library 'shop' has no approved stage, so rows with a photo {then}"
        f" (without a category of the recipe, {categories})."
    )
    mugs_alone = a_stage("oak", state="approved", categories=["mugs"])
    [warning] = stage_warnings(recipe, {"shop": StageLibrary("shop", 2, (mugs_alone,))})
    assert "no approved stage of at least 512 x 512 pixels for them, so rows" in warning
    assert "mugs" not in warning
    assert stage_warnings(recipe, {"shop": StageLibrary("shop", 3, (a_stage("oak", state="approved"),))}) == []
