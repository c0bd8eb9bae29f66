"""S7: `packshot plan` on small files that ask for gigabytes ends with 0 or 2 and a sentence, below 1.5 GB."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.catalogue_bombs import BOMBS, write_bomb
from tests.fixtures.minimal_recipes import STUB_RECIPE, stub_recipe_text
from tests.paths import ROOT

PEAK_MB = 1_500
TITLES = {
    "repeated-megabyte-in-objects.parquet": "inside.text",
    "long-list-in-objects.parquet": "inside.text",
    "mixed-text.xml": "t.t",
}
"""Where the title stands in the bombs that are dangerous when a part of a column is read."""


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_s7_planning_a_small_file_takes_bounded_memory_and_ends_with_a_sentence(name: str, tmp_path: Path) -> None:
    source, recipe = write_bomb(name, tmp_path), tmp_path / "recipe.yaml"
    columns = STUB_RECIPE["columns"] | {"title": TITLES.get(name, "title")}
    optional = [*STUB_RECIPE["optional"], "title"]  # many bombs have none
    recipe.write_text(stub_recipe_text(columns=columns, optional=optional, required=["sku"]), "utf-8")
    store = (tmp_path / "store").as_uri()
    words = ["plan", str(source), "--store", store, "--catalogue", "bombs", "--recipe", str(recipe), "--json"]
    command = [sys.executable, "-m", "tests.flows.plan_within_limits", str(8 << 30), *words]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    said, peak = done.stderr.strip().rsplit("\n", 1) if "\n" in done.stderr.strip() else ("", done.stderr.strip())
    refusal = BOMBS[name][1]
    is_usable = refusal is None and json.loads(done.stdout)["rows"]["accepted"] > 0
    assert done.returncode == (0 if is_usable else 2), done.stderr[-500:]
    if refusal is not None:
        assert said.startswith("packshot: ")
        assert refusal in said
        assert len(said.splitlines()) == 1
    assert int(peak.split()[1]) / 1024 < PEAK_MB
