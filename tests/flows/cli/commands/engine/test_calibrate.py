"""engine calibrate as a person types it."""

from pathlib import Path

import pytest

pytest.importorskip("diffusers")

from infra.nano import MODEL_FOLDER
from tests.flows.cli.conftest import Run
from tests.flows.engines.test_fp8_calibration import SMALL


def test_a_calibration_is_said_in_a_line_and_a_document_and_a_wrong_number_ends_with_2(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "shop.csv").write_text("sku,title\na,Mug\n")
    words = ["engine", "calibrate", tmp_path / "shop.csv", "--recipe", tmp_path / "small.yaml", "--model", MODEL_FOLDER]
    out = tmp_path / "fp8.json"
    said = run(*words, "--out", out)
    assert (said.code, said.out) == (0, f"Measured 21 layers on 1 prompts: {out}.\n")
    assert run(*words, "--out", out, "--json").document["layers"] == 21
    said = run(*words, "--out", out, "--prompts", "0")
    assert (said.code, said.out) == (2, "")
    assert "--prompts: 0 is not from 1 to 512" in said.err
