"""engine build as a person types it: an answer or a document on stdout, what is going on on stderr."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from infra.nano import MODEL_FOLDER
from tests.fixtures.command_line import RunCli
from tests.fixtures.small_onnx_graphs import write_small_export


def words(tmp_path: Path, *more: str) -> list[object]:
    given: list[object] = [
        "engine",
        "build",
        "--model",
        MODEL_FOLDER,
        "--onnx",
        tmp_path / "onnx",
        "--out",
        tmp_path / "out",
    ]
    return [*given, "--sizes", "128x128,64x96", "--batch", "1-3", "--precision", "fp32", *more]


def test_a_rehearsal_is_built_and_said_in_a_line_or_a_document(run_cli: RunCli, tmp_path: Path) -> None:
    write_small_export(tmp_path / "onnx", MODEL_FOLDER)
    said = run_cli(*words(tmp_path, "--runtime", "onnxruntime"))
    assert (said.exit_code, said.stdout) == (
        0, f"Built in {tmp_path / 'out'}: 128x128, 64x96, batches of 1 to 3, fp32.\n"
    )  # fmt: skip
    assert said.stderr == "Reading the model's weights and the export for their digests …\n"
    document = run_cli(*words(tmp_path, "--runtime", "onnxruntime", "--json")).document
    assert (document["out"], document["precision"]) == (str(tmp_path / "out"), "fp32")


def test_wrong_options_end_with_2_and_a_missing_tensorrt_with_3(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run_cli(*words(tmp_path))
    assert (said.exit_code, "is no export" in said.stderr) == (2, True)
    write_small_export(tmp_path / "onnx", MODEL_FOLDER)
    monkeypatch.setitem(__import__("sys").modules, "tensorrt", None)
    said = run_cli(*words(tmp_path))
    assert (said.exit_code, "install packshot[tensorrt]" in said.stderr) == (3, True)
