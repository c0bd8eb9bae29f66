"""engine export and verify on packshot-nano, as a person types them; what is wrong is said with exit code 2."""

from pathlib import Path

import pytest

from infra.nano import MODEL_FOLDER
from tests.fixtures.command_line import RunCli


@pytest.mark.slow
def test_the_committed_model_is_exported_and_verified(run_cli: RunCli, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    made = run_cli(
        "engine", "export", "--model", MODEL_FOLDER, "--out", tmp_path / "nano", "--precision", "bf16", "--json"
    )
    assert made.exit_code == 0, made.stderr
    assert made.document["precision"] == "bf16"
    assert "Writing the transformer's graph" in made.stderr
    assert (tmp_path / "nano" / "transformer" / "model.onnx.data").is_file()
    assert (tmp_path / "nano" / "vae_decoder" / "model.onnx.data").is_file()
    said = run_cli("engine", "verify", "--model", MODEL_FOLDER, tmp_path / "nano", "--json")
    found = said.document
    assert (said.exit_code, found["passed"], found["runtime"], found["twin"]) == (0, True, "onnxruntime", "fp32")
    assert len(found["cases"]) == 15
    assert max(case["max_abs_diff"] for case in found["cases"]) <= found["tolerance"] == 1e-4
    assert min(case["psnr"] for case in found["cases"]) > 100
    assert [path.name for path in tmp_path.iterdir()] == ["nano"]


def test_an_export_in_fp16_is_refused(run_cli: RunCli, tmp_path: Path) -> None:
    said = run_cli("engine", "export", "--model", MODEL_FOLDER, "--out", tmp_path / "nano", "--precision", "fp16")
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr.startswith("packshot: --precision: The precision 'fp16' is refused")
    assert list(tmp_path.iterdir()) == []
