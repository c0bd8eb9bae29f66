"""A plan reads the libraries that its recipe names, and says which of them has nothing to choose from."""

from typing import Any

import pytest

from catalogs.stages.library import StageLibrary
from infra.stores import open_store
from tasks.pipeline.plan_stages import read_plan_stages, stage_warnings
from tasks.stages.stage_libraries import change_library
from tests.fixtures.sample_recipe import recipe_with
from tests.fixtures.stage_scenes import a_stage

ON_STAGE: dict[str, Any] = {"mode": "stage", "stages": "shop"}


def test_a_recipe_without_stages_reads_no_library() -> None:
    assert read_plan_stages(open_store("memory://no-stages"), recipe_with({})) == {}


def test_each_library_of_a_recipe_is_read_and_one_that_is_not_there_is_empty() -> None:
    store = open_store("memory://two-libraries")
    change_library(store, "shop", lambda library: library.add(a_stage("oak")))
    recipe = recipe_with({"photo": ON_STAGE, "categories.mugs.photo": ON_STAGE | {"stages": "mugs"}})
    libraries = read_plan_stages(store, recipe)
    assert {name: [stage.name for stage in library.stages] for name, library in libraries.items()} == {
        "shop": ["oak"], "mugs": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fallback", "said"), [({}, "rows with a photo wait"), ({"fallback": "white"}, "rows with a photo stand on white")]
)
def test_a_library_without_an_approved_stage_is_named_with_what_becomes_of_the_rows(
    fallback: dict[str, str], said: str
) -> None:
    recipe = recipe_with({"photo": ON_STAGE | fallback})
    proposed = {"shop": StageLibrary("shop", 1, (a_stage("oak"),))}
    [warning] = stage_warnings(recipe, proposed)
    assert warning.startswith(f"The library 'shop' has no approved stage: {said}.")
    assert stage_warnings(recipe, {"shop": StageLibrary("shop", 2, (a_stage("oak", state="approved"),))}) == []
