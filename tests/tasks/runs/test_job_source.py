"""A job's source is read as its recipe says, and its options before it."""

from pathlib import Path

from catalogs.policy.schema import built_in_policy
from catalogs.recipe.source_settings import SourceSettings
from catalogs.runs.job import RefreshJob
from infra.sources.source_options import SourceOptions
from tasks.runs.job_source import open_job_source
from tests.fixtures.sample_recipe import recipe_with


def test_a_source_is_opened_with_the_recipes_settings_and_the_jobs_before_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sku,title\n1,Lamp\n")
    recipe = recipe_with({"source": {"encoding": "utf-8", "header_row": 2}})
    job = RefreshJob(str(path), "store", "shop", recipe, built_in_policy(), read_as=SourceSettings(header_row=1))
    assert open_job_source(job).options == SourceOptions(encoding="utf-8", header_row=1)
