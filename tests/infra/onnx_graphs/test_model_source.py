"""Models are found, measured and refused before anything of them is loaded."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from infra.errors import EngineError
from infra.onnx_graphs.model_source import (
    load_transformer,
    load_vae,
    require_onnx_extra,
    resolve_model_folder,
    weight_bytes,
)


def test_the_weights_are_measured_by_their_headers(tiny_model: Path, tiny_pipeline: Any):
    numbers = sum(
        weight.numel() for part in (tiny_pipeline.transformer, tiny_pipeline.vae) for weight in part.parameters()
    )
    assert weight_bytes(tiny_model, "fp32") == 4 * numbers
    assert weight_bytes(tiny_model, "bf16") == 2 * numbers


@pytest.mark.parametrize("model", ["nobody", "owner/name", "owner/name@main", "owner/name@" + "g" * 40])
def test_what_is_neither_a_folder_nor_a_pinned_hub_model_is_refused(model: str):
    with pytest.raises(EngineError, match=f"'{model}' is neither a folder .* 40 hex digits"):
        resolve_model_folder(model)


def test_pickled_weights_are_refused(tiny_model: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EngineError, match="only safetensors"):
        resolve_model_folder(str(folder))


def test_weights_that_are_no_safetensors_are_named(tiny_model: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(EngineError, match=r"vae.*safetensors' is no safetensors file"):
        weight_bytes(folder, "fp32")


def test_weights_come_in_the_precision_that_was_asked_for(tiny_model: Path):
    assert load_transformer(tiny_model, "bf16").x_pad_token.dtype == torch.bfloat16
    assert next(load_vae(tiny_model, "fp32").parameters()).dtype == torch.float32


def test_a_component_that_cannot_be_loaded_is_named(tiny_model: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "transformer" / "config.json").write_text("{}")
    with pytest.raises(EngineError, match=r"model/transformer' could not be loaded"):
        load_transformer(folder, "fp32")


@pytest.mark.parametrize("library", ["onnx", "onnxscript", "diffusers"])
def test_a_library_that_is_missing_is_named_with_its_extra(library: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(EngineError, match=rf"{library}.*install packshot\[torch,onnx\]"):
        require_onnx_extra()
