"""engine verify: what it says on a terminal, and exit code 1 where the graphs are not the model."""

from pathlib import Path

import pytest

from infra.onnx_graphs import graph_verification as verifying
from tests.fixtures.command_line import RunCli


def test_an_export_that_differs_too_much_ends_with_1(
    run_cli: RunCli, tiny_model: Path, tiny_export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verifying.TOLERANCES, "fp32", 1e-9)
    said = run_cli("engine", "verify", "--model", tiny_model, tiny_export)
    assert said.exit_code == 1
    assert "By onnxruntime, to 1e-09: it is NOT the same model." in said.stdout
    assert "4x16x32x32  65 96 70 80" in said.stdout


def test_a_folder_that_is_no_export_ends_with_2(run_cli: RunCli, tiny_model: Path, tmp_path: Path) -> None:
    said = run_cli("engine", "verify", "--model", tiny_model, tmp_path)
    assert (said.exit_code, "is no export" in said.stderr) == (2, True)
