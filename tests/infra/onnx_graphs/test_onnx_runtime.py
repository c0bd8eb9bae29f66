"""What goes wrong in ONNX Runtime comes out as one sentence."""

from pathlib import Path

import pytest
import torch

from infra.errors import EngineError
from infra.onnx_graphs.onnx_runtime import OnnxRuntime

pytest.importorskip("onnxruntime")


def test_a_file_that_is_no_graph_is_named(tmp_path: Path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no graph at all")
    with pytest.raises(EngineError, match=r"ONNX Runtime cannot open '.*model\.onnx'"):
        OnnxRuntime(path)


def test_a_missing_input_is_named(transformer_session: OnnxRuntime):
    with pytest.raises(EngineError, match="image_patches"):
        transformer_session.run({"timestep": torch.zeros(1)})
