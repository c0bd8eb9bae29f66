"""engine calibrate as a person types it."""

from pathlib import Path

import pytest

pytest.importorskip("diffusers")

from infra.nano import MODEL_FOLDER
from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import SMALL_RECIPE_YAML


def test_a_calibration_is_said_in_a_line_and_a_document_and_a_wrong_number_ends_with_2(
    run_cli: RunCli, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(SMALL_RECIPE_YAML)
    (tmp_path / "shop.csv").write_text("sku,title\na,Mug\n")
    words = ["engine", "calibrate", tmp_path / "shop.csv", "--recipe", tmp_path / "small.yaml", "--model", MODEL_FOLDER]
    out = tmp_path / "fp8.json"
    said = run_cli(*words, "--out", out)
    assert (said.exit_code, said.stdout) == (0, f"Measured 21 layers on 1 prompts: {out}.\n")
    assert run_cli(*words, "--out", out, "--json").document["layers"] == 21
    said = run_cli(*words, "--out", out, "--prompts", "0")
    assert (said.exit_code, said.stdout) == (2, "")
    assert "--prompts: 0 is not from 1 to 512" in said.stderr
