"""engine verify-precision: the verdict is said, kept on this machine, and is the exit code."""

from pathlib import Path

import pytest

from infra.nano import MODEL_FOLDER
from tests.fixtures.command_line import RunCli


@pytest.fixture(autouse=True)
def _isolated_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def test_half_precision_of_the_small_model_passes_and_is_kept(run_cli: RunCli, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    said = run_cli(
        "engine",
        "verify-precision",
        "--model",
        MODEL_FOLDER,
        "--precision",
        "bf16",
        "--size",
        64,
        "--steps",
        1,
        "--json",
    )
    assert (said.exit_code, said.document["passed"], len(said.document["cases"])) == (0, True, 4)
    assert set(said.document["cases"][0]) == {"shape", "max_abs_diff", "psnr"}
    assert said.document["kept_in"] == str(tmp_path / "packshot" / "parity")
    assert len(list((tmp_path / "packshot" / "parity").glob("*.json"))) == 1


def test_eight_bits_need_a_gpu_that_has_them(run_cli: RunCli, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    said = run_cli("engine", "verify-precision", "--model", MODEL_FOLDER)
    assert said.exit_code == 3
    assert "A CPU cannot compute in 'fp8'" in said.stderr
    assert not list(tmp_path.iterdir())


def test_a_precision_that_is_a_reference_is_refused(run_cli: RunCli) -> None:
    said = run_cli("engine", "verify-precision", "--model", MODEL_FOLDER, "--precision", "fp32")
    assert said.exit_code == 2
    assert "--precision: 'fp32' cannot be verified; choose fp8 or bf16" in said.stderr
