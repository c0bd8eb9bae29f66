"""A calibration is of a recipe's own prompts, over the whole catalogue, and leaves nothing but its file."""

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.minimal_recipes import SMALL_RECIPE_YAML

pytest.importorskip("diffusers")

from catalogs.errors import InputError, OptionError
from flows.engines.fp8_calibration import calibrate_engine, sample_recipe_prompts
from infra.engines.tensorrt.fp8_calibration import read_fp8_calibration
from infra.models.model_files import model_folder_digest
from infra.nano import MODEL_FOLDER
from tests.fixtures.refresh_harness import SETTINGS

ROWS = 12


@pytest.fixture
def catalogue(tmp_path: Path) -> str:
    lines = ["sku,title", *(f"thing-{number},Mug number {number}" for number in range(ROWS)), "thing-x,Mug number 0"]
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def prompts(catalogue: str, count: int) -> list[Any]:
    return sample_recipe_prompts(catalogue, "default", str(MODEL_FOLDER), count, SETTINGS)


def test_prompts_are_the_recipes_each_once_and_spread_over_the_catalogue(catalogue: str) -> None:
    every = prompts(catalogue, 500)
    assert len({prompt.text for prompt in every}) == len(every) >= ROWS
    assert any("Mug number 11" in prompt.text for prompt in every)
    few = prompts(catalogue, 3)
    assert len(few) == 3
    assert {prompt.text for prompt in few} <= {prompt.text for prompt in every}
    texts = sorted(prompt.text for prompt in every)
    assert len({texts.index(prompt.text) * 3 // len(texts) for prompt in few}) > 1
    assert {(prompt.width, prompt.height, prompt.steps) for prompt in few} == {(1024, 1024, 8)}


@pytest.mark.parametrize("count", [0, 513])
def test_a_number_of_prompts_that_is_none_is_refused(catalogue: str, tmp_path: Path, count: int) -> None:
    with pytest.raises(OptionError, match=f"--prompts: {count} is not from 1 to 512"):
        calibrate_engine(catalogue, "default", str(MODEL_FOLDER), count, tmp_path / "fp8.json", SETTINGS, str)


def test_what_cannot_be_read_is_said_before_anything_is_painted(catalogue: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--out: there is no folder"):
        calibrate_engine(catalogue, "default", str(MODEL_FOLDER), 1, tmp_path / "no" / "fp8.json", SETTINGS, str)
    with pytest.raises(InputError, match="'nobody'"):
        calibrate_engine(catalogue, "default", "nobody", 1, tmp_path / "fp8.json", SETTINGS, str)


def test_a_calibration_names_the_weights_and_every_layer(catalogue: str, tmp_path: Path) -> None:
    said: list[str] = []
    recipe = tmp_path / "small.yaml"
    recipe.write_text(SMALL_RECIPE_YAML)
    made = calibrate_engine(catalogue, str(recipe), str(MODEL_FOLDER), 1, tmp_path / "fp8.json", SETTINGS, said.append)
    found = read_fp8_calibration(tmp_path / "fp8.json")
    assert (made["layers"], found.prompts, found.weights_digest) == (21, 1, model_folder_digest(MODEL_FOLDER))
    assert min(found.largest.values()) > 0
    assert said == [
        "Planning the catalogue for its prompts", "Generating 1 prompts and measuring the inputs of each layer"
    ]  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"shop.csv", "small.yaml", "fp8.json"}
