"""A job's source is read as its recipe says, and its options before it."""

from pathlib import Path

import pytest

from catalogs.errors import MissingColumns
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe
from catalogs.recipe.source_settings import SourceSettings
from catalogs.runs.job import RefreshJob
from infra.sources.source_options import SourceOptions
from tasks.runs.job_source import open_job_source, open_validator
from tests.fixtures.sample_recipe import recipe_with


def test_a_source_is_opened_with_the_recipes_settings_and_the_jobs_before_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sku,title\n1,Lamp\n")
    recipe = recipe_with({"source": {"encoding": "utf-8", "header_row": 2}})
    job = RefreshJob(str(path), "store", "shop", recipe, built_in_policy(), read_as=SourceSettings(header_row=1))
    assert open_job_source(job).options == SourceOptions(encoding="utf-8", header_row=1)


def test_a_recipe_that_does_not_fit_is_told_which_one_would(tmp_path: Path) -> None:
    source = tmp_path / "shop.csv"
    source.write_text("SKU,Title\nA,Mug\n")
    job = RefreshJob(str(source), "store", "shop", built_in_recipe(), built_in_policy())
    with pytest.raises(MissingColumns) as caught:
        open_validator(job, open_job_source(job))
    assert str(caught.value) == (
        "The source has no column 'sku' (did you mean 'SKU'?), 'title' (did you mean 'Title'?); it has SKU, Title."
        " A built-in recipe reads it as it is: try --recipe default@2."
    )
