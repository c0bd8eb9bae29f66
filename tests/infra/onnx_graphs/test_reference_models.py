"""The fp32 reference of a bf16 graph has the same numbers in it, and no bf16."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import EngineError
from infra.onnx_graphs.onnx_runtime import OnnxRuntime
from infra.onnx_graphs.reference_models import widen_bf16, write_fp32_reference

onnx = pytest.importorskip("onnx")


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=64))
def test_a_widened_number_is_the_same_number(bits: list[int]):
    raw = np.array(bits, "<u2").tobytes()
    wanted = torch.frombuffer(bytearray(raw), dtype=torch.bfloat16).float().numpy()
    assert np.array_equal(np.frombuffer(widen_bf16(raw), "<f4"), wanted, equal_nan=True)


def bf16_graph(folder: Path) -> Path:
    """Write y = cast(cast(x * weights to fp32) to bf16) + 0.5 in bf16, its weights beside it."""
    half, full, helper = onnx.TensorProto.BFLOAT16, onnx.TensorProto.FLOAT, onnx.helper
    weights = helper.make_tensor("weights", half, [600], torch.arange(600.0).bfloat16().tolist())
    offset = helper.make_tensor("offset", half, [1], [0.5])
    nodes = [
        helper.make_node("Mul", ["x", "weights"], ["a"]),
        helper.make_node("Cast", ["a"], ["b"], to=full),
        helper.make_node("Cast", ["b"], ["c"], to=half),
        helper.make_node("Constant", [], ["d"], value=offset),
        helper.make_node("Add", ["c", "d"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, half, [600]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializer=[weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    path = folder / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=64)
    return path


def test_a_twin_computes_in_fp32_with_the_weights_of_its_original(tmp_path: Path):
    write_fp32_reference(bf16_graph(tmp_path), tmp_path / "twin" / "model.onnx")
    twin = OnnxRuntime(tmp_path / "twin" / "model.onnx")
    x = torch.full((600,), 1.001)
    wanted = x * torch.arange(600.0).bfloat16().float() + 0.5
    assert torch.allclose(twin.run({"x": x})["y"], wanted, rtol=1e-6)


def test_a_twin_that_finds_no_room_says_so(tmp_path: Path):
    graph = bf16_graph(tmp_path)
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "model.onnx.data").mkdir()
    with pytest.raises(EngineError, match=r"fp32 reference .* could not be written"):
        write_fp32_reference(graph, tmp_path / "twin" / "model.onnx")
