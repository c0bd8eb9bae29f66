"""What a person can mend is said with the option's name, before any work."""

import shutil
from pathlib import Path

import pytest

from catalogs.errors import OptionError
from flows.engines.onnx_export import export_onnx_graphs, verify_onnx_graphs


def silent(words: str) -> None:
    pytest.fail(f"work was begun: {words}")


def test_a_wrong_precision_names_its_option(tmp_path: Path):
    with pytest.raises(OptionError, match="--precision: The precision 'fp8'"):
        export_onnx_graphs("nobody", tmp_path / "out", "fp8", silent)


def test_a_folder_that_is_taken_names_its_option(tmp_path: Path):
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(OptionError, match=r"--out: .*not empty"):
        export_onnx_graphs("nobody", tmp_path, "fp32", silent)


def test_a_model_that_is_none_names_its_option(tmp_path: Path):
    with pytest.raises(OptionError, match="--model: The model 'nobody' is neither"):
        export_onnx_graphs("nobody", tmp_path / "out", "fp32", silent)


def test_pickled_weights_are_refused_before_they_are_opened(tiny_model: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "transformer" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(OptionError, match=r"--model: .*only safetensors"):
        export_onnx_graphs(str(folder), tmp_path / "out", "fp32", silent)


def test_a_folder_that_is_no_export_names_its_argument(tmp_path: Path):
    with pytest.raises(OptionError, match=r"DIR: The folder .* is no export"):
        verify_onnx_graphs("nobody", tmp_path, silent)


def test_an_export_is_compared_with_its_model_only_where_there_is_one(tiny_export: Path):
    with pytest.raises(OptionError, match="--model: The model 'nobody'"):
        verify_onnx_graphs("nobody", tiny_export, silent)
