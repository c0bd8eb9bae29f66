"""A graph with fp8 in it is the same graph, but for rounding in the layers that were chosen and in no others."""

import errno
import os
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from infra.engines.tensorrt import fp8_graph as quantizing
from infra.engines.tensorrt.fp8_calibration import BLOCK_LINEARS, layer_name
from infra.engines.tensorrt.fp8_graph import FP8_MAX, block_matmuls, quantize_weights, write_fp8_graph
from infra.errors import EngineError
from tests.fixtures.small_onnx_graphs import write_block_graph

SECOND = {layer_name(1, linear): 3.0 for linear in BLOCK_LINEARS}


def session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # above it fp8 is not taken
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_products_have_the_weights_of_diffusers_layers_of_that_name(tiny_model: Path, tiny_export: Path) -> None:
    from diffusers import ZImageTransformer2DModel

    model = ZImageTransformer2DModel.from_pretrained(tiny_model / "transformer")
    graph = onnx.load(tiny_export / "transformer" / "model.onnx").graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    products = block_matmuls(graph)
    assert sorted(products) == sorted(layer_name(block, linear) for block in (0, 1) for linear in BLOCK_LINEARS)
    for name, node in products.items():
        weights = onnx.numpy_helper.to_array(held[node.input[1]])
        assert np.array_equal(weights, model.get_submodule(name).weight.detach().numpy().T), name


def test_a_z_image_with_one_block_in_fp8_is_close_to_itself_and_not_the_same(tiny_export: Path, tmp_path: Path) -> None:
    source = tiny_export / "transformer" / "model.onnx"
    plain = session(source)
    noise = np.random.default_rng(0)
    sizes = {"batch": 2, "image_tokens": 64, "caption_tokens": 32}
    feeds = {
        port.name: np.ones(shape, bool) if port.type == "tensor(bool)" else noise.normal(size=shape).astype(np.float32)
        for port in plain.get_inputs()
        if (shape := [sizes.get(axis, axis) for axis in port.shape])
    }
    assert write_fp8_graph(source, tmp_path / "model.onnx", dict.fromkeys(SECOND, 12.0)) == 7
    wanted, found = plain.run(None, feeds)[0], session(tmp_path / "model.onnx").run(None, feeds)[0]
    apart = float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
    assert 1e-4 < apart < 0.05
    write_fp8_graph(source, tmp_path / "coarse.onnx", dict.fromkeys(SECOND, 12.0e4))
    coarse = session(tmp_path / "coarse.onnx").run(None, feeds)[0]
    assert float(np.linalg.norm(coarse - wanted) / np.linalg.norm(wanted)) > 2 * apart


@pytest.mark.parametrize("kind", [TensorProto.BFLOAT16, TensorProto.FLOAT])
def test_only_the_chosen_products_are_in_fp8_and_those_that_share_an_input_share_its_pair(
    tmp_path: Path, kind: int
) -> None:
    source = write_block_graph(tmp_path / "in", kind)
    write_fp8_graph(source, tmp_path / "out" / "model.onnx", SECOND)
    onnx.checker.check_model(str(tmp_path / "out" / "model.onnx"), full_check=True)
    graph = onnx.load(tmp_path / "out" / "model.onnx").graph
    count = {name: sum(node.op_type == name for node in graph.node) for name in ("QuantizeLinear", "DequantizeLinear")}
    assert count == {"QuantizeLinear": 4, "DequantizeLinear": 4 + 7}
    rounded = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.op_type == "MatMul":
            assert [name in rounded for name in node.input] == [
                node.output[0].endswith("1") and "mod" not in node.output[0]
            ] * 2
    held = {tensor.name: tensor for tensor in graph.initializer}
    scales = [tensor for name, tensor in held.items() if name.endswith("_scale")]
    assert {tensor.data_type for tensor in scales} == {kind}
    assert all(float(onnx.numpy_helper.to_array(each)) >= 3.0 / FP8_MAX for each in scales)
    kinds = [tensor.data_type for name, tensor in held.items() if name.endswith("_fp8")]
    assert kinds == [TensorProto.FLOAT8E4M3FN] * 7
    assert not {f"val_{number}" for number in range(9, 16)} & set(held)


def test_the_largest_of_those_that_share_an_input_sets_its_scale(tmp_path: Path) -> None:
    source = write_block_graph(tmp_path / "in", TensorProto.FLOAT)
    write_fp8_graph(source, tmp_path / "model.onnx", {**SECOND, layer_name(1, "attention.to_k"): 448.0})
    held = {tensor.name: tensor for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert float(onnx.numpy_helper.to_array(held["in1_scale"])) == 1.0
    assert float(onnx.numpy_helper.to_array(held["mixed1_scale"])) == pytest.approx(3.0 / 448)


@settings(max_examples=40)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=6, max_size=6), st.booleans())
def test_weights_lose_a_sixteenth_at_most_and_none_is_cut_off(values: list[float], half: bool) -> None:
    weights = np.array(values, np.float32).reshape(3, 2)
    made = quantize_weights(weights, is_bf16=half)
    again = np.frombuffer(made.values, ml_dtypes.float8_e4m3fn).astype(np.float32).reshape(3, 2) * made.scales
    smallest = made.scales * 2**-9  # what E4M3 has below its normal numbers is in steps of that
    assert (np.abs(again - weights) <= np.maximum(np.abs(weights) / 16, smallest)).all()
    assert (made.scales * np.float32(FP8_MAX) >= np.abs(weights).max(axis=0) * np.float32(1 - 1e-6)).all()
    if half:
        assert np.array_equal(made.scales, made.scales.astype(ml_dtypes.bfloat16).astype(np.float32))


def test_a_graph_of_another_form_or_model_is_refused(tmp_path: Path) -> None:
    source = write_block_graph(tmp_path / "in")
    with pytest.raises(EngineError, match=r"lacks 'layers\.7\.attention\.to_q', which the calibration names"):
        write_fp8_graph(source, tmp_path / "model.onnx", {layer_name(7, "attention.to_q"): 1.0})
    model = onnx.load(source)
    next(node for node in model.graph.node if node.output[0] == "k1").input[0] = "mixed0"
    onnx.save(model, source)
    with pytest.raises(EngineError, match="Block 1 of the graph has another layout"):
        write_fp8_graph(source, tmp_path / "model.onnx", SECOND)


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    source = write_block_graph(tmp_path / "in")
    monkeypatch.setattr(quantizing, "_append_external", full)
    with pytest.raises(EngineError, match=r"could not be written \(No space left on device\): free some space"):
        write_fp8_graph(source, tmp_path / "model.onnx", SECOND)


def test_the_graph_is_not_changed_where_it_lies(tmp_path: Path) -> None:
    source = write_block_graph(tmp_path / "in")
    before = source.read_bytes()
    write_fp8_graph(source, tmp_path / "out" / "model.onnx", SECOND)
    assert source.read_bytes() == before


def test_a_graph_whose_weights_lie_elsewhere_is_refused(tmp_path: Path) -> None:
    source = write_block_graph(tmp_path / "in")
    model = onnx.load(source, load_external_data=False)
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    source.write_bytes(model.SerializeToString())
    with pytest.raises(EngineError, match=r"names the data '\.\./secret'"):
        write_fp8_graph(source, tmp_path / "model.onnx", SECOND)
